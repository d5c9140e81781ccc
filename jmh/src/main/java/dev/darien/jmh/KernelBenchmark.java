// SPDX-License-Identifier: Apache-2.0
package dev.darien.jmh;

import dev.darien.device.Device;
import dev.darien.device.DeviceOptions;
import dev.darien.device.Devices;
import dev.darien.device.KernelId;
import dev.darien.device.Peaks;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.AuxCounters;
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
 * Calls of each kernel a second, and beside them what that is in GFLOP/s or GB/s and as a share of the machine's peak of
 * arithmetic or copying, measured before. Kernels write to memory outside the heap, so the compiler can't leave any of the work out.
 */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
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

    @Param({"SMALL", "NARROW", "MEDIUM"})
    public Shape shape;

    private Workload workload;
    private Amount amount;
    private double flopsPeak;
    private double bytesPeak;

    /** What the calls of an iteration amount to. JMH divides it by the time. */
    @State(Scope.Thread)
    @AuxCounters(AuxCounters.Type.OPERATIONS)
    public static class Rates {
        /** GFLOP/s. */
        public double gflops;
        /** GB/s. */
        public double gigabytes;
        /** Of the peak; above 1 where copying is the peak and everything fits the caches. */
        public double shareOfPeak;

        /** JMH begins each iteration with it. */
        @Setup(Level.Iteration)
        public void clear() {
            gflops = 0;
            gigabytes = 0;
            shareOfPeak = 0;
        }
    }

    /** Measured once in a process. */
    private static final class Machine {
        static final Peaks PEAKS = measure();

        private static Peaks measure() {
            try (Device device = Devices.open("cpu:vector", DeviceOptions.DEFAULT)) {
                device.measurePeaks();
                return device.measurePeaks();
            }
        }
    }

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
        amount = Amount.of(kernel, shape);
        flopsPeak = Machine.PEAKS.fmaGflops() * 1e9;
        bytesPeak = Machine.PEAKS.copyGigabytesPerSecond() * 1e9;
    }

    /** Measured. */
    @Benchmark
    public void run(Rates rates) {
        workload.run(kernel);
        rates.gflops += amount.flops() / 1e9;
        rates.gigabytes += amount.bytes() / 1e9;
        rates.shareOfPeak += amount.flops() / flopsPeak + amount.bytes() / bytesPeak;
    }

    /** Fails if the kernel leaked memory. */
    @TearDown(Level.Trial)
    public void close() throws Exception {
        workload.close();
    }
}
