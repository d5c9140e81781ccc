// SPDX-License-Identifier: Apache-2.0
package dev.darien.interop;

import static org.assertj.core.api.Assertions.assertThat;

import dev.darien.data.DataException;
import dev.darien.testfiles.SaeFolders;
import dev.darien.testfiles.SafetensorsFiles;
import dev.darien.testfiles.TorchFiles;
import dev.darien.testfiles.Values;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Damaged and lying files of every format: an SAE or one sentence, and no memory left behind. */
class HostileFormatsTest extends FormatFixture {
    private static final int TRIALS = 250;

    /** A sound folder of each format. */
    private List<Path> soundFolders() {
        new SaeFolders(folder, encoder, decoder, encoderBias, decoderBias, threshold).write();
        return Arrays.stream(SaeFormat.values())
                .filter(format -> format != SaeFormat.NPZ_EMBEDDING)
                .map(format -> folder.resolve(format.id()))
                .toList();
    }

    @TestFactory
    Stream<DynamicTest> damageIsAnSaeOrOneSentence() {
        return soundFolders().stream()
                .map(sound -> DynamicTest.dynamicTest(String.valueOf(sound.getFileName()), () -> damage(sound)));
    }

    private void damage(Path sound) throws IOException {
        load(sound, "sound");
        List<Path> files;
        try (Stream<Path> all = Files.walk(sound)) {
            files = all.filter(Files::isRegularFile).sorted().toList();
        }
        long seed = 23;
        Random random = new Random(seed);
        for (Path file : files) {
            byte[] bytes = Files.readAllBytes(file);
            for (int trial = 0; trial < TRIALS; trial++) {
                byte[] damaged = bytes.clone();
                for (int i = 0; i <= trial % 3; i++) {
                    damaged[random.nextInt(damaged.length)] = (byte) random.nextInt(256);
                }
                if (trial % 5 == 0) {
                    damaged = Arrays.copyOf(damaged, random.nextInt(damaged.length));
                }
                Files.write(file, damaged);
                load(sound, file.getFileName() + ", trial " + trial + ", seed " + seed);
            }
            Files.write(file, bytes);
        }
    }

    private void load(Path path, String what) {
        try (SaeFile file = SaeFile.open(path);
                var sae = file.load(device)) {
            assertThat(sae.latents()).as(what).isPositive();
        } catch (DataException e) {
            assertThat(what).as("%s", e.getMessage()).isNotEqualTo("sound");
            assertThat(e.getMessage()).as(what).contains(folder.toString()).doesNotContain("\n", "Exception");
        } catch (RuntimeException | Error e) {
            throw new AssertionError(what, e);
        }
        assertThat(device.memory().allocatedBytes()).as(what).isZero();
    }

    static Stream<int[]> shapes() {
        int most = Integer.MAX_VALUE;
        return Stream.of(
                new int[] {most, most}, new int[] {most, 1}, new int[] {0, 10}, new int[] {270}, new int[] {27, 10, 1});
    }

    /** Shapes that promise more than the file holds, or aren't those of an encoder. */
    @ParameterizedTest
    @MethodSource("shapes")
    void absurdShapesAreRefusedBeforeAnythingIsAllocated(int... shape) {
        soundFolders();
        Map<String, Values> tensors = new LinkedHashMap<>();
        tensors.put("encoder.weight", new Values("F32", encoder.data(), shape));
        tensors.put("encoder.bias", encoderBias);
        tensors.put("W_dec", decoder);
        tensors.put("b_dec", decoderBias);
        SafetensorsFiles.write(folder.resolve("sparsify/sae.safetensors"), tensors);
        refused(folder.resolve("sparsify"), null, "encoder.weight");
        Map<String, Object> pickled = new LinkedHashMap<>(tensors);
        pickled.put("decoder.weight", decoder.transposed());
        pickled.remove("W_dec");
        TorchFiles.write(folder.resolve("dictionary-learning/ae.pt"), pickled);
        refused(folder.resolve("dictionary-learning"), "topk", "encoder.weight");
        assertThat(device.memory().peakBytes()).isZero();
    }
}
