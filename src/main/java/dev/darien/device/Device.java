// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

import dev.darien.memory.Allocator;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * A place that holds matrices and computes on them. Whoever opens a device closes it, after everything that was
 * allocated from it. One thread at a time may use a device: a call, or closing it, while another thread's call is running
 * is an {@link IllegalStateException}. What was allocated from it may be closed by any thread; that waits for the call.
 *
 * <p>A device may work asynchronously: its kernels' calls and copies are enqueued, and take effect in the order in which
 * they were made. Closing something that the device still works on waits for it.
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
     * What decides the bits of a result besides the inputs: {@code scalar}, {@code vector-512}; of a device that was
     * opened for less than FP32, that too. The number of threads doesn't.
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

    /**
     * An encoder for any number of threads at a time, with a copy of {@code wEnc} F32[F, d] and {@code bEnc} F32[1, F],
     * which are in the host's memory.
     *
     * @throws UnsupportedOperationException if this device isn't a CPU
     */
    default ConcurrentEncoder concurrentEncoder(Matrix wEnc, Matrix bEnc) {
        throw new UnsupportedOperationException(
                name() + " encodes for one thread at a time; open a CPU device for many");
    }

    /**
     * A zeroed matrix in the host's memory, of the kind that this device copies fastest, for {@link #upload} and {@link
     * #download}. Kernels take it only as the source of {@link Kernels#convert}; for input batches see {@link
     * #batchQueue}.
     */
    Matrix staging(String label, DType dtype, long rows, int columns);

    /**
     * The way for batches of up to {@code rows} rows from the host to this device's kernels, one after the other.
     *
     * @throws OutOfMemoryError if the memory can't be had; says how much was asked for and how much is held
     */
    BatchQueue batchQueue(String label, DType dtype, int rows, int columns);

    /**
     * Makes host memory that the caller already holds usable in place: until the result is closed, matrices over {@code
     * memory} and parts of it may stand wherever kernels of this device take one of the device's own. A CPU's kernels
     * take any host matrix, so there this does nothing.
     *
     * <p>A GPU locks the pages and reads them over the bus each time: right for what is read once, as by {@link
     * Kernels#convert}. It reads when the call's turn comes, so what was enqueued must be waited for before the memory is
     * written again ({@link #synchronize}), and before its arena is closed: close the pin first, which waits. Pages must
     * not be pinned twice at a time.
     *
     * @throws IllegalArgumentException if the memory is of the Java heap, or of a kind that the device can't pin
     */
    default PinnedMemory pin(MemorySegment memory) {
        if (!memory.isNative()) {
            throw new IllegalArgumentException(
                    "memory of the Java heap can't be pinned, as it may be moved; allocate it in an Arena");
        }
        return () -> {};
    }

    /**
     * Copies a host matrix to one on this device, of the same shape and type, after all that was enqueued before. The
     * host's may be overwritten when the call returns.
     *
     * @throws DeviceException if the device has failed
     */
    void upload(Matrix host, Matrix device);

    /**
     * Copies a matrix on this device to one of the same shape and type on the host, which holds it when the call
     * returns: waits for all that was enqueued before.
     *
     * @throws DeviceException if the device has failed
     */
    void download(Matrix device, Matrix host);

    /**
     * Waits until everything that was enqueued has finished. On a CPU a call has finished when it returns.
     *
     * @throws DeviceException if the device has failed
     */
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
     * @throws IllegalStateException if a call of another thread is running; nothing has changed then
     */
    @Override
    void close();
}
