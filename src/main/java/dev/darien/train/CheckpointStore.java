// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import dev.darien.data.DataException;
import dev.darien.data.JsonFile;
import dev.darien.data.SafetensorsFile;
import dev.darien.data.SafetensorsWriter;
import dev.darien.device.Device;
import dev.darien.memory.Matrix;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.CRC32C;

/**
 * The checkpoints of one SAE: {@code step-N.safetensors} with the matrices and {@code step-N.json} with everything
 * else and the checksum of the first. The second is written last, so a checkpoint that has one is whole; one whose
 * checksum doesn't hold is passed over for the one before it.
 */
final class CheckpointStore {
    private static final System.Logger LOG = System.getLogger(CheckpointStore.class.getName());
    private static final Pattern MANIFEST = Pattern.compile("step-(\\d{12})\\.json");
    /** A file of a checkpoint, whole or as a crash has left it. */
    private static final Pattern ANY_FILE = Pattern.compile("\\.?step-(\\d{12})\\.(json|safetensors)(\\..*\\.tmp)?");

    private static final int FORMAT = 1;
    private static final int KEPT = 2;

    private final Path folder;

    CheckpointStore(Path folder) {
        this.folder = folder;
    }

    /**
     * Writes a checkpoint, then removes all but it and the one before. Any later one is of a part of the run that was
     * taken back because it was damaged.
     */
    void write(Device device, long step, Map<String, Matrix> matrices, Map<String, Object> content) {
        createFolder();
        Path data = data(step);
        SafetensorsWriter writer = new SafetensorsWriter();
        matrices.forEach((name, matrix) -> writer.tensor(name, device, matrix));
        writer.write(data);
        Map<String, Object> manifest = new LinkedHashMap<>();
        manifest.put("format", FORMAT);
        manifest.put("crc32c", checksum(data));
        manifest.putAll(content);
        manifest.put("content_crc32c", contentChecksum(content));
        JsonFile.write(manifest(step), manifest);
        List<Long> steps = steps().stream().filter(one -> one <= step).toList();
        List<Long> kept = steps.subList(Math.max(0, steps.size() - KEPT), steps.size());
        files(ANY_FILE).forEach((file, of) -> {
            if (!kept.contains(of)) {
                delete(file);
            }
        });
    }

    private void createFolder() {
        try {
            Files.createDirectories(folder);
        } catch (IOException e) {
            throw new DataException("the folder " + folder + " can't be created: " + e.getMessage(), e);
        }
    }

    /** Steps that have a checkpoint, ascending; damaged ones included. */
    List<Long> steps() {
        return files(MANIFEST).values().stream().sorted().toList();
    }

    /** The files of such names and the steps in them. Manifests come first, so that no other is removed before its own. */
    private Map<Path, Long> files(Pattern names) {
        Map<Path, Long> found = new TreeMap<>(
                Comparator.comparing((Path file) -> !file.toString().endsWith(".json"))
                        .thenComparing(Comparator.naturalOrder()));
        if (!Files.isDirectory(folder)) {
            return found;
        }
        try (Stream<Path> files = Files.list(folder)) {
            files.forEach(file -> {
                Matcher matcher = names.matcher(file.getFileName().toString());
                if (matcher.matches()) {
                    found.put(file, Long.parseLong(matcher.group(1)));
                }
            });
        } catch (IOException e) {
            throw new DataException("the folder " + folder + " can't be read: " + e.getMessage(), e);
        }
        return found;
    }

    /** Whether the checkpoint of {@code step} is there and undamaged; says in the log why not. */
    boolean valid(long step) {
        try {
            Map<String, Object> manifest = JsonFile.read(manifest(step));
            Map<String, Object> content = content(manifest);
            boolean whole = manifest.get("format") instanceof Number format
                    && format.intValue() == FORMAT
                    && checksum(data(step)).equals(manifest.get("crc32c"))
                    && contentChecksum(content).equals(manifest.get("content_crc32c"));
            if (!whole) {
                LOG.log(
                        System.Logger.Level.WARNING,
                        "the checkpoint " + manifest(step) + " is damaged and passed over");
            }
            return whole;
        } catch (DataException e) {
            LOG.log(System.Logger.Level.WARNING, "a checkpoint is passed over: " + e.getMessage());
            return false;
        }
    }

    /** What {@link #write} was given as content. */
    Map<String, Object> readContent(long step) {
        return content(JsonFile.read(manifest(step)));
    }

    /** Fills {@code matrices} on the device from the checkpoint of {@code step}. */
    void read(Device device, long step, Map<String, Matrix> matrices) {
        try (SafetensorsFile file = SafetensorsFile.open(data(step))) {
            matrices.forEach((name, matrix) -> {
                Matrix there = file.matrix(name);
                if (there.dtype() != matrix.dtype()
                        || there.rows() != matrix.rows()
                        || there.columns() != matrix.columns()) {
                    throw new DataException(data(step) + ", tensor '" + name + "' is " + there.shape() + " where "
                            + matrix.shape() + " was expected; start anew with --overwrite");
                }
                device.upload(there, matrix);
            });
        }
    }

    /** Removes every checkpoint, when the run that they belong to is finished. */
    void clear() {
        files(ANY_FILE).keySet().forEach(CheckpointStore::delete);
        delete(folder);
    }

    private static Map<String, Object> content(Map<String, Object> manifest) {
        Map<String, Object> content = new LinkedHashMap<>(manifest);
        content.keySet().removeAll(List.of("format", "crc32c", "content_crc32c"));
        return content;
    }

    private static String contentChecksum(Map<String, Object> content) {
        CRC32C crc = new CRC32C();
        crc.update(JsonFile.line(content).getBytes(StandardCharsets.UTF_8));
        return Long.toHexString(crc.getValue());
    }

    private static String checksum(Path file) {
        CRC32C crc = new CRC32C();
        byte[] buffer = new byte[1 << 20];
        try (InputStream in = Files.newInputStream(file)) {
            for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
                crc.update(buffer, 0, read);
            }
        } catch (IOException e) {
            throw new DataException(file + " can't be read: " + e.getMessage(), e);
        }
        return Long.toHexString(crc.getValue());
    }

    private static void delete(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            LOG.log(System.Logger.Level.WARNING, "an old checkpoint is left behind: " + e.getMessage());
        }
    }

    private Path data(long step) {
        return folder.resolve("step-%012d.safetensors".formatted(step));
    }

    private Path manifest(long step) {
        return folder.resolve("step-%012d.json".formatted(step));
    }
}
