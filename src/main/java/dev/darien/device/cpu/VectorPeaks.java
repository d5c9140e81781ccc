// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import dev.darien.device.Peaks;
import dev.darien.memory.Allocator;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import java.lang.foreign.MemorySegment;
import java.util.function.LongSupplier;
import java.util.stream.LongStream;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** Measures what the cores and the memory give at best, with all threads of a team. */
final class VectorPeaks {
    private static final VectorSpecies<Float> SPECIES = VectorSpec.SPECIES;
    /** Independent chains: more than the 8 to 10 that two FMA units of 4 or 5 cycles keep busy, and they fit 16 registers. */
    private static final int CHAINS = 12;

    private static final int ITERATIONS = 20_000;
    private static final int CHUNKS_PER_THREAD = 32;
    private static final int COPY_BYTES = 128 << 20;
    /** A copy of this size is well below where the JVM's copy goes past the caches, as kernels don't. */
    private static final int COPY_CHUNK = 1 << 20;

    private static final long FMA_NANOS = 120_000_000;
    private static final long COPY_NANOS = 120_000_000;

    private static final int LEAST_RUNS = 6;

    private VectorPeaks() {}

    static Peaks measure(Team team, Allocator memory) {
        return new Peaks(fmaGflops(team), copyGigabytesPerSecond(team, memory));
    }

    private static double fmaGflops(Team team) {
        int chunks = team.threads() * CHUNKS_PER_THREAD;
        float[] results = new float[chunks];
        double seconds = median(FMA_NANOS, () -> {
            long started = System.nanoTime();
            team.run(chunks, (chunk, worker) -> results[chunk] = multiplyAdd(1 - 1e-3f * chunk / chunks));
            return System.nanoTime() - started;
        });
        for (float result : results) {
            if (!Float.isFinite(result)) {
                throw new AssertionError("chains that converge to a number did not: " + result);
            }
        }
        return 2.0 * CHAINS * SPECIES.length() * ITERATIONS * chunks / seconds / 1e9;
    }

    /** Chains of x = x·factor + constant; the result depends on every one. */
    private static float multiplyAdd(float factor) {
        FloatVector a = FloatVector.broadcast(SPECIES, 0.5f * factor);
        FloatVector b = FloatVector.broadcast(SPECIES, 1);
        FloatVector x0 = FloatVector.broadcast(SPECIES, 0);
        FloatVector x1 = FloatVector.broadcast(SPECIES, 1);
        FloatVector x2 = FloatVector.broadcast(SPECIES, 2);
        FloatVector x3 = FloatVector.broadcast(SPECIES, 3);
        FloatVector x4 = FloatVector.broadcast(SPECIES, 4);
        FloatVector x5 = FloatVector.broadcast(SPECIES, 5);
        FloatVector x6 = FloatVector.broadcast(SPECIES, 6);
        FloatVector x7 = FloatVector.broadcast(SPECIES, 7);
        FloatVector x8 = FloatVector.broadcast(SPECIES, 8);
        FloatVector x9 = FloatVector.broadcast(SPECIES, 9);
        FloatVector x10 = FloatVector.broadcast(SPECIES, 10);
        FloatVector x11 = FloatVector.broadcast(SPECIES, 11);
        for (int i = 0; i < ITERATIONS; i++) {
            x0 = x0.fma(a, b);
            x1 = x1.fma(a, b);
            x2 = x2.fma(a, b);
            x3 = x3.fma(a, b);
            x4 = x4.fma(a, b);
            x5 = x5.fma(a, b);
            x6 = x6.fma(a, b);
            x7 = x7.fma(a, b);
            x8 = x8.fma(a, b);
            x9 = x9.fma(a, b);
            x10 = x10.fma(a, b);
            x11 = x11.fma(a, b);
        }
        FloatVector sum = x0.add(x1)
                .add(x2)
                .add(x3)
                .add(x4)
                .add(x5)
                .add(x6)
                .add(x7)
                .add(x8)
                .add(x9)
                .add(x10)
                .add(x11);
        return sum.reduceLanes(VectorOperators.ADD);
    }

    private static double copyGigabytesPerSecond(Team team, Allocator memory) {
        int chunks = COPY_BYTES / COPY_CHUNK;
        try (Matrix from = memory.matrix("copy source", DType.F32, chunks, COPY_CHUNK / Float.BYTES);
                Matrix to = memory.matrix("copy target", DType.F32, chunks, COPY_CHUNK / Float.BYTES)) {
            double seconds = median(COPY_NANOS, () -> {
                long started = System.nanoTime();
                team.run(
                        chunks,
                        (chunk, worker) -> MemorySegment.copy(
                                from.segment(), from.rowOffset(chunk), to.segment(), to.rowOffset(chunk), COPY_CHUNK));
                return System.nanoTime() - started;
            });
            return 2.0 * COPY_BYTES / seconds / 1e9;
        }
    }

    /**
     * The median of as many runs as fit in {@code nanos}, in seconds. At least some, as the first ones may not be
     * compiled yet. Not the shortest: on a machine that others use too, kernels never run as undisturbed as the
     * luckiest millisecond.
     */
    private static double median(long nanos, LongSupplier run) {
        long until = System.nanoTime() + nanos;
        LongStream.Builder times = LongStream.builder();
        for (int runs = 0; runs < LEAST_RUNS || System.nanoTime() < until; runs++) {
            times.add(run.getAsLong());
        }
        long[] sorted = times.build().sorted().toArray();
        return sorted[sorted.length / 2] / 1e9;
    }
}
