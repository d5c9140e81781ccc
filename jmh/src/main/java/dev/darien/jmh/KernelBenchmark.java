// SPDX-License-Identifier: Apache-2.0
package dev.darien.jmh;

import dev.darien.device.KernelId;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * One call of each kernel. Kernels write to memory outside the heap, so the compiler can't leave any of the work out.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@State(Scope.Benchmark)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 1, jvmArgsAppend = "--add-modules=jdk.incubator.vector")
public class KernelBenchmark {
    private static final double TOLERANCE = 1e-3;

    /** All of them. */
    @Param
    public KernelId kernel;

    @Param({"cpu:scalar", "cpu:vector"})
    public String device;

    @Param
    public Shape shape;

    private Workload workload;

    /** Opens the device and compares one call with the scalar reference. */
    @Setup(Level.Trial)
    public void open() throws Exception {
        double expected;
        try (Workload reference = new Workload("cpu:scalar", shape)) {
            reference.run(kernel);
            expected = reference.digest(kernel);
        }
        workload = new Workload(device, shape);
        workload.run(kernel);
        double actual = workload.digest(kernel);
        if (!(expected > 0) || !(Math.abs(actual - expected) <= TOLERANCE * expected)) {
            throw new IllegalStateException("%s on %s computes %s, the reference %s"
                    .formatted(kernel.method(), device, actual, expected));
        }
    }

    /** Measured. */
    @Benchmark
    public void run() {
        workload.run(kernel);
    }

    /** Fails if the kernel leaked memory. */
    @TearDown(Level.Trial)
    public void close() throws Exception {
        workload.close();
    }
}
