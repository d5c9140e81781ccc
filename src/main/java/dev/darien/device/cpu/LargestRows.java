// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import dev.darien.memory.Allocator;
import dev.darien.memory.Matrix;
import dev.darien.memory.Reservation;
import dev.darien.memory.SparseCodes;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * For each latent the rows with its largest values, at most as many as its budget: a heap for each latent, the worst of
 * what it keeps on top, of equal values that of the highest row. Latents don't touch each other, so that several threads
 * may each take some.
 */
final class LargestRows implements AutoCloseable {
    private final Allocator allocator;
    private @Nullable Reservation reservation;
    /** Where the heap of each latent begins; its room is what lies between two. */
    private int[] starts = new int[1];

    private int[] sizes = new int[0];
    /** What a value must exceed to be of interest to a latent; padded for vectors. */
    private float[] bounds = new float[0];

    private float[] values = new float[0];
    private int[] rows = new int[0];
    private int[] places = new int[0];
    private int latents;
    private boolean keepNonPositive;

    LargestRows(Allocator allocator) {
        this.allocator = allocator;
    }

    /** Starts a selection among {@code batch} rows. */
    void start(Matrix budgets, int batch, int capacity, boolean nonPositive) {
        latents = budgets.columns();
        keepNonPositive = nonPositive;
        if (sizes.length < latents) {
            sizes = new int[latents];
            starts = new int[latents + 1];
            bounds = new float[latents + VectorSpec.LANES];
        }
        float least = keepNonPositive ? Float.NEGATIVE_INFINITY : 0;
        int end = 0;
        for (int latent = 0; latent < latents; latent++) {
            starts[latent] = end;
            sizes[latent] = 0;
            end += Math.min(Math.clamp(Cells.getInt(budgets, latent), 0, batch), capacity - end);
            bounds[latent] = end > starts[latent] ? least : Float.POSITIVE_INFINITY;
        }
        starts[latents] = end;
        grow(end, batch);
    }

    private void grow(int entries, int batch) {
        if (values.length >= entries && places.length >= batch) {
            return;
        }
        close();
        int room = Math.max(entries, values.length);
        int most = Math.max(batch, places.length);
        reservation = allocator.reserve("feature choice", 8L * room + 4L * most + 12L * latents);
        values = new float[room];
        rows = new int[room];
        places = new int[most];
    }

    /** Considers the values of {@code count} latents from {@code first} on in one row; rows come in ascending order. */
    void offer(int row, float[] of, int offset, int first, int count) {
        int at = 0;
        // A heap that keeps anything may be waiting for −∞, which exceeds nothing.
        if (!keepNonPositive) {
            for (; at <= count - TileSelect.STEP; at += TileSelect.STEP) {
                long passed = TileSelect.above(of, offset + at, bounds, first + at);
                for (; passed != 0; passed &= passed - 1) {
                    int lane = Long.numberOfTrailingZeros(passed);
                    consider(row, of[offset + at + lane], first + at + lane);
                }
            }
        }
        for (; at < count; at++) {
            consider(row, of[offset + at], first + at);
        }
    }

    private void consider(int row, float value, int latent) {
        int start = starts[latent];
        int size = sizes[latent];
        int room = starts[latent + 1] - start;
        boolean wanted = keepNonPositive ? !Float.isNaN(value) : value > 0;
        if (wanted && size < room) {
            siftUp(start, size, value, row);
            sizes[latent] = size + 1;
        } else if (size > 0 && value > values[start]) {
            siftDown(start, size, value, row);
        }
        if (sizes[latent] == room && room > 0) {
            bounds[latent] = values[start];
        }
    }

    private boolean worse(int at, float value, int row) {
        return values[at] < value || (values[at] == value && rows[at] > row);
    }

    private void siftUp(int start, int size, float value, int row) {
        int at = size;
        while (at > 0 && !worse(start + (at - 1) / 2, value, row)) {
            move(start + (at - 1) / 2, start + at);
            at = (at - 1) / 2;
        }
        values[start + at] = value;
        rows[start + at] = row;
    }

    private void siftDown(int start, int size, float value, int row) {
        int at = 0;
        while (2 * at + 1 < size) {
            int child = start + 2 * at + 1;
            if (2 * at + 2 < size && worse(child + 1, values[child], rows[child])) {
                child++;
            }
            if (!worse(child, value, row)) {
                break;
            }
            move(child, start + at);
            at = child - start;
        }
        values[start + at] = value;
        rows[start + at] = row;
    }

    private void move(int from, int to) {
        values[to] = values[from];
        rows[to] = rows[from];
    }

    /** Writes what is kept into the codes, and of each latent that keeps something the smallest value. */
    void finish(SparseCodes codes, Matrix smallestKept) {
        int batch = codes.rows();
        Arrays.fill(places, 0, batch, 0);
        for (int latent = 0; latent < latents; latent++) {
            for (int at = starts[latent]; at < starts[latent] + sizes[latent]; at++) {
                places[rows[at]]++;
            }
        }
        int next = 0;
        for (int row = 0; row < batch; row++) {
            Cells.setLong(codes.offsets(), row, next);
            int count = places[row];
            places[row] = next;
            next += count;
        }
        Cells.setLong(codes.offsets(), batch, next);
        // Latents in ascending order, and so they are within each row.
        for (int latent = 0; latent < latents; latent++) {
            for (int at = starts[latent]; at < starts[latent] + sizes[latent]; at++) {
                int place = places[rows[at]]++;
                Cells.setInt(codes.indices(), place, latent);
                Cells.set(codes.values(), 0, place, values[at]);
            }
            if (sizes[latent] > 0) {
                Cells.set(smallestKept, 0, latent, values[starts[latent]]);
            }
        }
    }

    @Override
    public void close() {
        if (reservation != null) {
            reservation.close();
            reservation = null;
        }
        values = new float[0];
        rows = new int[0];
        places = new int[0];
    }
}
