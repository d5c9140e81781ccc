// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import dev.darien.data.JsonFile;
import dev.darien.device.Device;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.zip.CRC32C;

/** Checkpoints for the fuzzer: writes two of a small run, and goes on from what has become of them. */
public final class CheckpointTargets implements AutoCloseable {
    private static final float[][] DATA = ArraySource.sparseSums(64, 3, 8, 3, 12);

    private final Device device;
    private final Trainer trainer;

    /** A run of {@code architecture} that can be resumed again and again. */
    public CheckpointTargets(String architecture) {
        device = Device.open("cpu:scalar");
        TrainingOptions options = TestOptions.recipe(architecture)
                .latents(8)
                .batch(4)
                .tokens(40)
                .seed(3)
                .build(3);
        trainer = new Trainer(device, new ArraySource(DATA), List.of(options));
    }

    /** Trains to step 4, leaving the checkpoints of steps 2 and 4 in {@code folder}. */
    public void write(Path folder) {
        trainer.checkpointTo(List.of(folder), 2);
        trainer.addListener((run, metrics) -> {
            if (metrics.step() == 4) {
                trainer.interrupt();
            }
        });
        trainer.train();
    }

    /** The step that a run in {@code folder} goes on from. */
    public long resume(Path folder) {
        trainer.checkpointTo(List.of(folder), 0);
        return trainer.resume();
    }

    /** Makes all checksums hold, as somebody would who wanted to be believed. */
    public static void sign(Path folder) throws IOException {
        List<Path> manifests;
        try (Stream<Path> files = Files.list(folder)) {
            manifests = files.filter(file -> file.toString().endsWith(".json")).toList();
        }
        for (Path manifest : manifests) {
            Map<String, Object> entries = new LinkedHashMap<>(JsonFile.read(manifest));
            Path data =
                    manifest.resolveSibling(manifest.getFileName().toString().replace(".json", ".safetensors"));
            entries.keySet().removeAll(List.of("format", "crc32c", "content_crc32c"));
            String content = checksum(JsonFile.line(entries).getBytes(StandardCharsets.UTF_8));
            entries.put("format", 1);
            entries.put("crc32c", Files.exists(data) ? checksum(Files.readAllBytes(data)) : "");
            entries.put("content_crc32c", content);
            Files.write(manifest, JsonFile.line(entries).getBytes(StandardCharsets.UTF_8));
        }
    }

    private static String checksum(byte[] bytes) {
        CRC32C crc = new CRC32C();
        crc.update(bytes);
        return Long.toHexString(crc.getValue());
    }

    @Override
    public void close() {
        trainer.close();
        device.close();
    }
}
