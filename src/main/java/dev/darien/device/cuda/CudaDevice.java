// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cuda;

import dev.darien.device.BatchQueue;
import dev.darien.device.CheckedKernels;
import dev.darien.device.Device;
import dev.darien.device.Kernels;
import dev.darien.device.PackedEncoder;
import dev.darien.device.Peaks;
import dev.darien.device.PinnedMemory;
import dev.darien.device.Precision;
import dev.darien.memory.Allocator;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.Turn;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** An NVIDIA GPU. Weights, moments and codes stay in its memory; batches come through {@link #batchQueue}. */
@SuppressWarnings("try") // A turn is taken, not looked at.
final class CudaDevice implements Device {
    private final CudaContext context;
    private final Precision precision;
    private final CudaModules modules;
    private final CudaBlas blas;
    private final Pointers pointers;
    private final PinnedRegions regions;
    private final CudaTransfers transfers;
    private final Allocator memory;
    private final Allocator pinned;
    private final CudaKernels kernels;
    private final CheckedKernels checked;

    CudaDevice(Gpu gpu, Precision precision) {
        this.precision = precision;
        Deque<AutoCloseable> made = new ArrayDeque<>();
        try {
            context = keep(made, new CudaContext(gpu));
            modules = keep(made, new CudaModules(context));
            blas = keep(made, new CudaBlas(context, precision));
            regions = new PinnedRegions(context);
            pointers = new Pointers(regions);
            transfers = new CudaTransfers(context, pointers);
            memory = keep(made, Allocator.over(context.name(), context.turn().guarding(new DeviceStorage(context))));
            pinned = keep(
                    made,
                    Allocator.over(
                            context.name() + " pinned", context.turn().guarding(new PinnedStorage(context, regions))));
            kernels = new CudaKernels(modules, blas, pointers, transfers, memory);
            checked = new CheckedKernels(context.turn(), kernels, pointers);
        } catch (RuntimeException | Error e) {
            made.forEach(one -> closeAfter(e, one));
            throw e;
        }
    }

    private static <T extends AutoCloseable> T keep(Deque<AutoCloseable> made, T resource) {
        made.push(resource);
        return resource;
    }

    private static void closeAfter(Throwable cause, AutoCloseable resource) {
        try {
            resource.close();
        } catch (Exception e) {
            cause.addSuppressed(e);
        }
    }

    /** One line of what {@code gpu} is. */
    static String describe(Gpu gpu) {
        return String.format(
                Locale.ROOT,
                "%s, %s, compute capability %s",
                gpu.model(),
                Allocator.humanBytes(gpu.totalMemory()),
                gpu.capability());
    }

    @Override
    public String name() {
        return context.name();
    }

    @Override
    public String kernelsName() {
        String name = context.gpu().kernelsName();
        return precision == Precision.FP32 ? name : name + "-" + precision.id();
    }

    @Override
    public String describe() {
        return name() + ": " + describe(context.gpu()) + ", " + CudaDiscovery.driver() + ", cuBLAS " + blas.version()
                + (modules.compiledHere() ? ", kernels compiled here" : "");
    }

    @Override
    public Allocator memory() {
        return memory;
    }

    @Override
    public Kernels kernels() {
        return checked;
    }

    @Override
    public PackedEncoder packedEncoder(int latents, int width) {
        try (Turn held = context.turn().take()) {
            return new CudaEncoder(memory, latents, width, precision);
        }
    }

    @Override
    public Matrix staging(String label, DType dtype, long rows, int columns) {
        return pinned.matrix(label, dtype, rows, columns);
    }

    @Override
    public BatchQueue batchQueue(String label, DType dtype, int rows, int columns) {
        return new CudaBatchQueue(context, pointers, pinned, memory, label, dtype, rows, columns);
    }

    @Override
    public PinnedMemory pin(MemorySegment segment) {
        try (Turn held = context.turn().take()) {
            return regions.pin(segment);
        }
    }

    @Override
    public void upload(Matrix host, Matrix device) {
        try (Turn held = context.turn().take()) {
            transfers.upload(host, device);
        }
    }

    @Override
    public void download(Matrix device, Matrix host) {
        try (Turn held = context.turn().take()) {
            transfers.download(device, host);
        }
    }

    @Override
    public void synchronize() {
        try (Turn held = context.turn().take()) {
            context.synchronize();
        }
    }

    @Override
    public @Nullable Peaks measurePeaks() {
        try (Turn held = context.turn().take()) {
            return CudaPeaks.measure(context, blas, transfers, memory);
        }
    }

    /** Everything that the device holds itself goes before the leaks are counted, and the context last, whatever fails. */
    @Override
    public void close() {
        if (context.turn().end()) {
            // Matrices may still be closed, by any thread, but not while the streams go.
            context.turn().whenFree(this::closeAll);
        }
    }

    private void closeAll() {
        context.quiesce();
        try (context) {
            try (memory;
                    pinned;
                    blas;
                    modules;
                    kernels) {
                // Closed in reverse order.
            } finally {
                // The driver frees with the context what was never given back. To read it is an exception from here on.
                pinned.releaseAll();
            }
        }
    }
}
