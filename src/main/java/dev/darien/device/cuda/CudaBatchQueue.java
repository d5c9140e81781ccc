// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cuda;

import dev.darien.bindings.cuda.Cuda;
import dev.darien.device.BatchQueue;
import dev.darien.memory.Allocator;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.Turn;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Two slots of pinned memory and as many buffers on the device. A batch is copied on the stream of copies while kernels
 * work on the one before:
 *
 * <pre>
 *   host      fill 0 | fill 1 |   fill 0   |   fill 1   |
 *   copies           | copy 0 | copy 1 |   | copy 0 |
 *   kernels                   |    step    |    step    |
 * </pre>
 *
 * Events keep the order: a slot is filled anew when its copy is over, a buffer is copied over when the kernels that read
 * it are, and kernels wait for the copy of what they read.
 */
@SuppressWarnings("try") // A turn is taken, not looked at.
final class CudaBatchQueue implements BatchQueue {
    private static final int SLOTS = 2;

    private final CudaContext context;
    private final Pointers pointers;
    private final String label;
    private final Allocator pinned;
    private final Allocator memory;
    private final List<Slot> slots = new ArrayList<>();
    private int current;
    private boolean filling;
    private @Nullable Slot submitted;
    private boolean closed;

    private record Slot(Matrix host, Matrix device, MemorySegment copied, MemorySegment consumed) {}

    CudaBatchQueue(
            CudaContext context,
            Pointers pointers,
            Allocator pinned,
            Allocator memory,
            String label,
            DType dtype,
            int rows,
            int columns) {
        this.context = context;
        this.pointers = pointers;
        this.label = label;
        this.pinned = pinned.child(label);
        this.memory = memory.child(label);
        try {
            for (int slot = 0; slot < SLOTS; slot++) {
                slots.add(new Slot(
                        this.pinned.matrix(label, dtype, rows, columns),
                        this.memory.matrix(label, dtype, rows, columns),
                        event(),
                        event()));
                // The buffer is there, and 0, when the compute stream comes to that; its copies wait for it.
                record(slots.getLast().consumed(), context.compute());
            }
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    private MemorySegment event() {
        context.current();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment pointer = arena.allocate(ValueLayout.ADDRESS);
            context.check(Cuda.cuEventCreate(pointer, Cuda.CU_EVENT_DISABLE_TIMING()), "cuEventCreate");
            return pointer.get(ValueLayout.ADDRESS, 0);
        }
    }

    @Override
    public Matrix next() {
        try (Turn held = context.turn().take()) {
            requireOpen();
            endSubmitted();
            Slot slot = slots.get(current);
            if (!filling) {
                context.current();
                context.check(Cuda.cuEventSynchronize(slot.copied()), "cuEventSynchronize of a batch's copy");
                filling = true;
            }
            return slot.host();
        }
    }

    /** The kernels that were given the last batch are all enqueued now. */
    private void endSubmitted() {
        if (submitted != null) {
            context.current();
            record(submitted.consumed(), context.compute());
            submitted = null;
        }
    }

    private void record(MemorySegment event, MemorySegment stream) {
        context.check(Cuda.cuEventRecord(event, stream), "cuEventRecord");
    }

    @Override
    public Matrix submit(int rows) {
        try (Turn held = context.turn().take()) {
            requireOpen();
            return handOver(rows);
        }
    }

    private Matrix handOver(int rows) {
        if (!filling) {
            throw new IllegalStateException("there is no batch of " + label + " to submit; call next first");
        }
        Slot slot = slots.get(current);
        Matrix from = slot.host().slice(0, rows);
        Matrix to = slot.device().slice(0, rows);
        context.current();
        context.check(Cuda.cuStreamWaitEvent(context.copies(), slot.consumed(), 0), "cuStreamWaitEvent");
        int result = rows == 0 ? CudaStatus.SUCCESS : copy(from, to);
        if (result != CudaStatus.SUCCESS) {
            throw context.failure(result, "cuMemcpyHtoDAsync of a batch", from.shape());
        }
        record(slot.copied(), context.copies());
        context.check(Cuda.cuStreamWaitEvent(context.compute(), slot.copied(), 0), "cuStreamWaitEvent");
        filling = false;
        submitted = slot;
        current = (current + 1) % SLOTS;
        return to;
    }

    /** Both come from Darien's allocators, so their strides are the same, padding included. */
    private int copy(Matrix from, Matrix to) {
        long bytes = from.rows() * from.stride() * from.dtype().bytes();
        return Cuda.cuMemcpyHtoDAsync_v2(
                pointers.of(to), MemorySegment.ofAddress(from.address()), bytes, context.copies());
    }

    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException("the queue of " + label + " is closed");
        }
    }

    @Override
    public void close() {
        context.turn().whenFree(this::giveBack);
    }

    private void giveBack() {
        if (closed) {
            return;
        }
        closed = true;
        context.quiesce();
        for (Slot slot : slots) {
            if (context.tryCurrent()) {
                Cuda.cuEventDestroy_v2(slot.copied());
                Cuda.cuEventDestroy_v2(slot.consumed());
            }
        }
        // Also what a constructor that failed half-way had allocated.
        pinned.releaseAll();
        memory.releaseAll();
        pinned.close();
        memory.close();
    }
}
