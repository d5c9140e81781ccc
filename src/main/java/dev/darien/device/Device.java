// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

import dev.darien.memory.Allocator;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import org.jspecify.annotations.Nullable;

/**
 * A place that holds matrices and computes on them. Whoever opens a device closes it, after everything that was
 * allocated from it. One thread at a time may use a device.
 */
public interface Device extends AutoCloseable {

    /**
     * Opens the device named {@code "auto"}, {@code "cpu"}, {@code "cpu:scalar"}, {@code "cpu:vector"}, {@code "cuda"}
     * or {@code "cuda:N"} with the default options.
     *
     * @throws DeviceUnavailableException if a device that was named can't be had; says why
     */
    static Device open(String name) {
        return Devices.open(name, DeviceOptions.DEFAULT);
    }

    /** The name under which this device can be opened again, {@code cpu:vector}. */
    String name();

    /**
     * What decides the bits of a result besides the inputs: {@code scalar}, {@code vector-512}. The number of threads
     * doesn't.
     */
    String kernelsName();

    /** One line for people: what it is, how wide, how many threads. */
    String describe();

    /** The owner of this device's memory. */
    Allocator memory();

    /** What this device can compute. */
    Kernels kernels();

    /** An empty {@link PackedEncoder} for {@code latents} latents of {@code width} inputs each. */
    PackedEncoder packedEncoder(int latents, int width);

    /** A matrix that Java fills and kernels of this device read, for input batches. */
    Matrix staging(String label, DType dtype, long rows, int columns);

    /** Copies a host matrix to one on this device, of the same shape and type. */
    void upload(Matrix host, Matrix device);

    /** Copies a matrix on this device to the host; waits for the work that writes it. */
    void download(Matrix device, Matrix host);

    /** Waits until everything that was enqueued has finished. On a CPU a call has finished when it returns. */
    void synchronize();

    /**
     * What this device reaches at best with the threads it has, measured now: some tenths of a second, in which it
     * should have nothing else to do. Null where that isn't measured.
     */
    default @Nullable Peaks measurePeaks() {
        return null;
    }

    /**
     * Ends the device.
     *
     * @throws dev.darien.memory.LeakException if memory is still held
     */
    @Override
    void close();
}
