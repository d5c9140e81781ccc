// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

import dev.darien.memory.Allocator;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import dev.darien.memory.Turn;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/**
 * Behaves as a GPU may at its worst, and computes what the vector kernels do, to the same bits: Java can't reach its
 * memory, and nothing that is enqueued happens before somebody waits for it. Code that reads too early, writes too early
 * or hands over memory of the wrong side computes something else on it, or fails.
 */
public final class RemoteDevice implements Device {
    /** Kind and name. */
    public static final String NAME = "remote";

    /** The number of the kernel call at which the next device to be opened is lost; 0 for none. */
    private static long nextFailure;

    private final Device cpu;
    private final RemoteMemory storage = new RemoteMemory(this::drain);
    private final Allocator memory = Allocator.over(NAME, storage);
    private final Allocator hostMemory = Allocator.host(NAME + " staging");
    private final Deque<Runnable> enqueued = new ArrayDeque<>();
    private final Kernels kernels;
    private final long lastCall = nextFailure;
    private long calls;
    private boolean lost;
    private @Nullable RuntimeException failed;

    RemoteDevice(DeviceOptions options) {
        cpu = Devices.open("cpu:vector", new DeviceOptions(options.threads()));
        nextFailure = 0;
        Kernels asynchronous = (Kernels) Proxy.newProxyInstance(
                Kernels.class.getClassLoader(), new Class<?>[] {Kernels.class}, (InvocationHandler) this::enqueueCall);
        kernels = new CheckedKernels(new Turn("the device " + NAME), asynchronous, storage::obstacle);
    }

    /** Has the next device that is opened fail at its {@code call}-th kernel call, and be lost. */
    public static void loseAtCall(long call) {
        nextFailure = call;
    }

    /** How many kernel calls have been made. */
    public long calls() {
        return calls;
    }

    /** The most host memory that was ever allocated for copies at the same time, in bytes. */
    public long stagingPeak() {
        return hostMemory.peakBytes();
    }

    private @Nullable Object enqueueCall(Object proxy, Method method, Object[] arguments) {
        Object[] real = new Object[arguments.length];
        for (int at = 0; at < arguments.length; at++) {
            boolean staged = at == 0
                    && method.getName().equals("convert")
                    && arguments[at] instanceof Matrix source
                    && storage.obstacle(source) != null;
            real[at] = staged ? copyOf((Matrix) arguments[at]) : real(arguments[at]);
        }
        long call = ++calls;
        enqueue(() -> {
            if (call == lastCall) {
                lost = true;
                throw failure(method.getName());
            }
            try {
                method.invoke(cpu.kernels(), real);
            } catch (InvocationTargetException e) {
                if (e.getCause() instanceof RuntimeException cause) {
                    throw cause;
                }
                throw new AssertionError(e.getCause());
            } catch (IllegalAccessException e) {
                throw new AssertionError(e);
            }
        });
        return null;
    }

    private Object real(Object argument) {
        return switch (argument) {
            case null -> null;
            case Matrix matrix -> storage.real(matrix);
            case SparseCodes codes -> real(codes);
            case LatentGroups groups -> real(groups);
            case LatentRows rows -> new LatentRows(storage.real(rows.encoder()), storage.real(rows.decoder()));
            case LatentTerms terms ->
                new LatentTerms(
                        real(terms.codes()),
                        real(terms.groups()),
                        storage.real(terms.codeGradients()),
                        storage.real(terms.input()),
                        storage.real(terms.residual()),
                        storage.real(terms.scale()));
            case DeadSelection dead ->
                new DeadSelection(
                        storage.real(dead.latents()), storage.real(dead.count()), dead.k(), real(dead.codes()));
            case PursuitSteps steps -> new PursuitSteps(storage.real(steps.latents()), storage.real(steps.values()));
            case PackedEncoder encoder -> Shapes.encoder(encoder, Encoder.class).real;
            default -> argument;
        };
    }

    private SparseCodes real(SparseCodes codes) {
        return new SparseCodes(
                storage.real(codes.offsets()),
                storage.real(codes.indices()),
                storage.real(codes.values()),
                codes.latents());
    }

    private LatentGroups real(LatentGroups groups) {
        return new LatentGroups(
                storage.real(groups.offsets()), storage.real(groups.rows()), storage.real(groups.entries()));
    }

    private static Matrix copyOf(Matrix host) {
        long bytes = host.rows() * host.columns() * host.dtype().bytes();
        Matrix copy = Matrix.of(Arena.ofAuto().allocate(Math.max(1, bytes)), host.dtype(), host.rows(), host.columns());
        copy.copyFrom(host);
        return copy;
    }

    void enqueue(Runnable work) {
        requireUsable();
        enqueued.add(work);
    }

    /** Does what was enqueued; the first failure is kept for the next call that waits. */
    private void drain() {
        while (!enqueued.isEmpty()) {
            Runnable work = enqueued.remove();
            try {
                if (!lost) {
                    work.run();
                }
            } catch (RuntimeException e) {
                failed = failed == null ? e : failed;
            }
        }
    }

    void waitForAll() {
        requireUsable();
        drain();
        RuntimeException first = failed;
        failed = null;
        if (first != null) {
            throw first;
        }
    }

    private void requireUsable() {
        if (lost) {
            throw failure("a later call");
        }
    }

    private static DeviceException failure(String what) {
        return new DeviceException(NAME, "remoteCall of " + what, "REMOTE_ERROR_LOST", "x F32[1, 1]", true);
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public String kernelsName() {
        return NAME + "-" + cpu.kernelsName();
    }

    @Override
    public String describe() {
        return NAME + ": a stand-in for a GPU over " + cpu.describe();
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
        return new Encoder(cpu.packedEncoder(latents, width));
    }

    @Override
    public Matrix staging(String label, DType dtype, long rows, int columns) {
        return hostMemory.matrix(label, dtype, rows, columns);
    }

    @Override
    public BatchQueue batchQueue(String label, DType dtype, int rows, int columns) {
        return new RemoteBatchQueue(this, label, dtype, rows, columns);
    }

    @Override
    public PinnedMemory pin(MemorySegment segment) {
        Device.super.pin(segment);
        storage.pin(segment);
        return () -> {
            drain();
            storage.unpin(segment);
        };
    }

    @Override
    public void upload(Matrix host, Matrix device) {
        device.require(host.dtype(), host.rows(), host.columns());
        Matrix copy = copyOf(host);
        Matrix target = storage.real(device);
        enqueue(() -> target.copyFrom(copy));
    }

    @Override
    public void download(Matrix device, Matrix host) {
        Matrix source = storage.real(device);
        waitForAll();
        host.copyFrom(source);
    }

    @Override
    public void synchronize() {
        waitForAll();
    }

    Matrix onDevice(Matrix matrix) {
        return storage.real(matrix);
    }

    @Override
    public void close() {
        try (cpu;
                hostMemory;
                memory) {
            drain();
            if (failed != null) {
                throw failed;
            }
        }
    }

    /** An encoder of the vector kernels, which is packed when the call's turn comes. */
    private final class Encoder implements PackedEncoder {
        private final PackedEncoder real;

        Encoder(PackedEncoder real) {
            this.real = real;
        }

        @Override
        public int latents() {
            return real.latents();
        }

        @Override
        public int width() {
            return real.width();
        }

        @Override
        public void close() {
            try (real) {
                // A device that is lost says so whenever it is spoken to.
                waitForAll();
            }
        }
    }
}
