// SPDX-License-Identifier: Apache-2.0
package dev.darien.sae;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import dev.darien.device.Device;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Tag("vector-width")
class SaeEncoderTest {
    private static final List<Sparsity> RULES = List.of(new TopK(7), new TopK(5000), new Relu(), new JumpRelu(0));

    @TempDir
    private Path folder;

    @ParameterizedTest
    @CsvSource({"1, 1", "3, 40", "19, 61", "33, 1024", "130, 1030", "600, 1100"})
    void vectorsAndBatchesHaveTheBitsOfTheSae(int width, int latents) {
        for (String name : List.of("cpu:scalar", "cpu:vector")) {
            for (Sparsity rule : RULES) {
                for (boolean subtract : List.of(true, false)) {
                    int rows = width > 300 || name.equals("cpu:scalar") ? 5 : 261;
                    float[][] x = TestSaes.activations(rows, width, 4);
                    try (Device device = Device.open(name);
                            Sae sae = TestSaes.random(device, rule, subtract, latents, width, 3, Map.of());
                            SaeEncoder encoder = SaeEncoder.of(sae, name)) {
                        List<List<Integer>> expected = TestSaes.encodedBits(sae, x);
                        String what = name + " " + rule + " subtracting " + subtract;
                        assertThat(encoder.encode(x).stream().map(SaeEncoderTest::bits))
                                .as("batch, " + what)
                                .isEqualTo(expected);
                        assertThat(encoder.encode(new float[][] {x[0]}).stream().map(SaeEncoderTest::bits))
                                .as("batch of one, " + what)
                                .isEqualTo(expected.subList(0, 1));
                        for (int row = 0; row < Math.min(rows, 9); row++) {
                            assertThat(bits(encoder.encode(x[row])))
                                    .as("row " + row + ", " + what)
                                    .isEqualTo(expected.get(row));
                        }
                    }
                }
            }
        }
    }

    @Test
    void normalisationsOfSingleVectorsAreAppliedToo() {
        for (RowNormalization kind : RowNormalization.values()) {
            float[][] x = TestSaes.activations(4, 24, 9);
            try (Device device = Device.open("cpu:vector");
                    Sae plain = TestSaes.random(device, new TopK(6), 90, 24, 5);
                    SaeEncoder encoder = SaeEncoder.of(
                            new Sae(device, plain.weights(), plain.sparsity(), true, kind, Map.of()), "cpu:vector")) {
                Sae sae = new Sae(device, plain.weights(), plain.sparsity(), true, kind, Map.of());
                assertThat(encoder.encode(x).stream().map(SaeEncoderTest::bits))
                        .as(kind.id())
                        .isEqualTo(TestSaes.encodedBits(sae, x));
            }
        }
    }

    @Test
    void outlivesTheSaeThatItWasMadeOfAndReadsAFolder() {
        float[] x = TestSaes.activations(1, 12, 1)[0];
        SaeEncoder encoder;
        ActiveLatents loaded;
        try (Device device = Device.open("cpu");
                Sae sae = TestSaes.random(device, new TopK(4), 50, 12, 5)) {
            encoder = SaeEncoder.of(sae);
            sae.save(folder);
        }
        try (encoder;
                SaeEncoder fromFolder = SaeEncoder.load(folder)) {
            loaded = fromFolder.encode(x);
            assertThat(loaded).isEqualTo(encoder.encode(x)).hasSameHashCodeAs(encoder.encode(x));
            assertThat(loaded.size()).isEqualTo(4);
            assertThat(fromFolder.width()).isEqualTo(12);
            assertThat(fromFolder.latents()).isEqualTo(50);
        }
        List<ActiveLatents.Active> strongest = loaded.strongest(3);
        assertThat(strongest).hasSize(3).isSortedAccordingTo((a, b) -> Float.compare(b.value(), a.value()));
        assertThat(loaded.valueOf(strongest.getFirst().latent()))
                .isEqualTo(strongest.getFirst().value())
                .isPositive();
        assertThat(loaded.valueOf(50)).isZero();
        assertThat(loaded.strongest(99)).hasSize(4);
        assertThat(loaded.toString()).contains("latent=" + strongest.getFirst().latent());
    }

    @Test
    void manyThreadsAtOnceGetWhatOneGets() throws Exception {
        float[][] x = TestSaes.activations(400, 48, 4);
        try (Device device = Device.open("cpu:vector");
                Sae sae = TestSaes.random(device, new TopK(9), 1500, 48, 3);
                Sae thresholds = TestSaes.random(device, new JumpRelu(0), 1500, 48, 3);
                SaeEncoder topK = SaeEncoder.of(sae, "cpu:vector");
                SaeEncoder jumpRelu = SaeEncoder.of(thresholds, "cpu:vector")) {
            List<List<Integer>> expected = TestSaes.encodedBits(sae, x);
            List<List<Integer>> expectedAbove = TestSaes.encodedBits(thresholds, x);
            // More threads than the pool of lanes has places, and virtual ones, which are interrupted anywhere.
            for (ExecutorService threads :
                    List.of(Executors.newFixedThreadPool(100), Executors.newVirtualThreadPerTaskExecutor())) {
                try (threads) {
                    List<Callable<List<Integer>>> tasks = new ArrayList<>();
                    List<List<Integer>> wanted = new ArrayList<>();
                    for (int round = 0; round < 3; round++) {
                        for (int row = 0; row < x.length; row++) {
                            float[] one = x[row];
                            tasks.add(() -> bits(topK.encode(one)));
                            wanted.add(expected.get(row));
                            tasks.add(() -> bits(jumpRelu.encode(one)));
                            wanted.add(expectedAbove.get(row));
                            if (row % 100 == 0) {
                                tasks.add(() -> topK.encode(x).stream()
                                        .map(SaeEncoderTest::bits)
                                        .flatMap(List::stream)
                                        .toList());
                                wanted.add(
                                        expected.stream().flatMap(List::stream).toList());
                            }
                        }
                    }
                    List<Future<List<Integer>>> results = threads.invokeAll(tasks);
                    for (int at = 0; at < wanted.size(); at++) {
                        assertThat(results.get(at).get()).as("task " + at).isEqualTo(wanted.get(at));
                    }
                }
            }
        }
    }

    @Test
    void aCallAllocatesItsResultAndNothingElse() {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        float[] x = TestSaes.activations(1, 64, 4)[0];
        int k = 8;
        // Two arrays of k elements, their headers, and the object that holds them.
        long most = 8L * k + 2 * 16 + 24 + 8;
        try (Device device = Device.open("cpu:vector");
                Sae sae = TestSaes.random(device, new TopK(k), 4096, 64, 3);
                SaeEncoder encoder = SaeEncoder.of(sae, "cpu:vector")) {
            for (int call = 0; call < 20_000; call++) {
                assertThat(encoder.encode(x).size()).isEqualTo(k);
            }
            int calls = 1000;
            int entries = 0;
            long each = Long.MAX_VALUE;
            // The least of some rounds: on a busy machine the compiler may still be at it.
            for (int round = 0; round < 50 && each > most; round++) {
                long before = threads.getCurrentThreadAllocatedBytes();
                entries = 0;
                for (int call = 0; call < calls; call++) {
                    entries += encoder.encode(x).size();
                }
                each = Math.min(each, (threads.getCurrentThreadAllocatedBytes() - before) / calls);
            }
            assertThat(entries).isEqualTo(k * calls);
            assertThat(each).isLessThanOrEqualTo(most);
        }
    }

    @Test
    void whatCannotBeEncodedIsRefused() {
        SaeEncoder encoder;
        try (Device device = Device.open("cpu");
                Sae sae = TestSaes.random(device, new TopK(4), 50, 3, 5)) {
            encoder = SaeEncoder.of(sae);
        }
        for (float bad : List.of(Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY)) {
            assertThatThrownBy(() -> encoder.encode(new float[] {1, bad, 2}))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("NaN or an infinity");
        }
        assertThatThrownBy(() -> encoder.encode(new float[][] {{1, 2, 3}, {1, 2}}))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("width 3, not 2");
        assertThat(encoder.encode(new float[0][])).isEmpty();
        encoder.close();
        encoder.close();
        assertThatThrownBy(() -> encoder.encode(new float[] {1, 2, 3}))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("closed");
        try (Device device = Device.open("cpu:scalar");
                Matrix encoderWeights = device.memory().matrix("encoder", 3, 2);
                Matrix bias = device.memory().matrix("bias", DType.F32, 1, 4)) {
            assertThatThrownBy(() -> device.concurrentEncoder(encoderWeights, bias))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("F32[1, 3]");
        }
    }

    private static List<Integer> bits(ActiveLatents code) {
        List<Integer> entries = new ArrayList<>();
        for (int at = 0; at < code.size(); at++) {
            entries.add(code.latent(at));
            entries.add(Float.floatToRawIntBits(code.value(at)));
        }
        return entries;
    }
}
