// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import dev.darien.device.BatchQueue;
import dev.darien.device.CheckedKernels;
import dev.darien.device.ConcurrentEncoder;
import dev.darien.device.Device;
import dev.darien.device.Kernels;
import dev.darien.device.PackedEncoder;
import dev.darien.device.Peaks;
import dev.darien.device.Reach;
import dev.darien.memory.Allocator;
import dev.darien.memory.Closing;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.Storage;
import dev.darien.memory.Turn;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** The CPU with one of its sets of kernels. Its memory is the host's, so copies to and from it are plain copies. */
@SuppressWarnings("try") // A turn is taken, not looked at.
final class CpuDevice implements Device {
    static final String SCALAR = "cpu:scalar";
    static final String VECTOR = "cpu:vector";

    /** Makes encoders for a set of kernels. */
    @FunctionalInterface
    private interface Encoders {
        PackedEncoder allocate(Allocator allocator, int latents, int width);
    }

    private final String name;
    private final String description;
    private final Kernels unchecked;
    private final Kernels kernels;
    private final Encoders encoders;
    private final @Nullable Team team;
    private final Turn turn;
    private final Allocator memory;

    private CpuDevice(
            String description, Turn turn, Allocator memory, Kernels kernels, Encoders encoders, @Nullable Team team) {
        this.name = memory.name();
        this.description = description;
        this.turn = turn;
        this.memory = memory;
        this.unchecked = kernels;
        this.kernels = new CheckedKernels(turn, kernels, Reach.HOST);
        this.encoders = encoders;
        this.team = team;
    }

    /** The reference kernels, on the calling thread only. */
    static CpuDevice scalar() {
        Turn turn = turn(SCALAR);
        return new CpuDevice(scalarDetail(), turn, memory(SCALAR, turn), new ScalarKernels(), ScalarEncoder::new, null);
    }

    /** The Vector API kernels on {@code threads} threads; {@link VectorSupport#unavailable()} must be null. */
    static CpuDevice vector(int threads) {
        Turn turn = turn(VECTOR);
        Team team = new Team(threads);
        Allocator memory = memory(VECTOR, turn);
        try {
            return new CpuDevice(
                    vectorDetail(threads),
                    turn,
                    memory,
                    VectorSupport.kernels(team, memory),
                    VectorSupport::encoder,
                    team);
        } catch (RuntimeException | Error e) {
            Closing.after(e, team, memory);
            throw e;
        }
    }

    private static Turn turn(String name) {
        return new Turn("the device " + name);
    }

    private static Allocator memory(String name, Turn turn) {
        return Allocator.over(name, turn.guarding(Storage.HOST));
    }

    static String scalarDetail() {
        return "plain Java, 1 thread";
    }

    static String vectorDetail(int threads) {
        return String.format(
                Locale.ROOT, "%d-bit Vector API, %d thread%s", VectorSupport.bits(), threads, threads == 1 ? "" : "s");
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public String kernelsName() {
        return team == null ? "scalar" : "vector-" + VectorSupport.bits();
    }

    @Override
    public String describe() {
        return name + ": " + description;
    }

    @Override
    public Allocator memory() {
        return memory;
    }

    @Override
    public Kernels kernels() {
        return kernels;
    }

    @Override
    public PackedEncoder packedEncoder(int latents, int width) {
        return encoders.allocate(memory, latents, width);
    }

    @Override
    public ConcurrentEncoder concurrentEncoder(Matrix wEnc, Matrix bEnc) {
        wEnc.require(DType.F32);
        bEnc.require(DType.F32, 1, wEnc.intRows());
        return team == null
                ? new ScalarConcurrentEncoder(memory, wEnc, bEnc)
                : VectorSupport.concurrentEncoder(memory, wEnc, bEnc);
    }

    @Override
    public Matrix staging(String label, DType dtype, long rows, int columns) {
        return memory.matrix(label, dtype, rows, columns);
    }

    @Override
    public BatchQueue batchQueue(String label, DType dtype, int rows, int columns) {
        return new HostBatchQueue(memory.matrix(label, dtype, rows, columns));
    }

    @Override
    public void upload(Matrix host, Matrix device) {
        try (Turn held = turn.take()) {
            device.copyFrom(host);
        }
    }

    @Override
    public void download(Matrix device, Matrix host) {
        try (Turn held = turn.take()) {
            host.copyFrom(device);
        }
    }

    @Override
    public void synchronize() {
        // A call has finished when it returns; but the device must be there.
        turn.take().close();
    }

    @Override
    public @Nullable Peaks measurePeaks() {
        try (Turn held = turn.take()) {
            return team == null ? null : VectorSupport.peaks(team, memory);
        }
    }

    @Override
    public void close() {
        if (turn.end()) {
            VectorSupport.closeKernels(unchecked);
            if (team != null) {
                team.close();
            }
            memory.close();
        }
    }
}
