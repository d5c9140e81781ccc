// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import java.util.stream.IntStream;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Selection by threshold from a row segment of a tile of pre-activations.
 *
 * <p>All methods read {@code tile[offset .. offset + length)}, whose first element belongs to latent {@code
 * firstIndex}, append the selected entries to {@code indices} and {@code values} from {@code at} in ascending order
 * of index, and return the new end. The outputs need room for {@code length} + {@link #SLACK} more entries in the worst
 * case; what lies after the new end is undefined. NaN is never selected.
 *
 * <p>Few entries pass, so compares and one branch per four vectors are nearly all the work. With 512-bit vectors those
 * that pass are packed by {@code compress}, without a branch for each. Narrower vectors may be those of a CPU that lacks
 * the instruction, where emulating it costs more than a scalar loop over the bits of the masks.
 */
final class TileSelect {
    private static final VectorSpecies<Float> SPECIES = VectorSpec.SPECIES;
    private static final int LANES = VectorSpec.LANES;

    /** Values per pass: four masks share one branch and fit one long at every width. */
    static final int STEP = 4 * LANES;

    /** Entries that may be written after the last one: those of the widest vector. A constant, so that plain Java knows it. */
    static final int SLACK = 16;

    private static final boolean COMPRESSES = LANES == 16;
    private static final VectorSpecies<Integer> INDICES = VectorSpecies.of(int.class, SPECIES.vectorShape());
    private static final int[] LANE_NUMBERS = IntStream.range(0, LANES).toArray();

    private TileSelect() {}

    /** Entries with {@code value > threshold}. */
    static int selectAbove(
            float[] tile,
            int offset,
            int length,
            float threshold,
            int firstIndex,
            int[] indices,
            float[] values,
            int at) {
        FloatVector limit = FloatVector.broadcast(SPECIES, threshold);
        int end = at;
        int i = 0;
        for (; i <= length - STEP; i += STEP) {
            int j = offset + i;
            long passed = above(tile, j, limit)
                    | (above(tile, j + LANES, limit) << LANES)
                    | (above(tile, j + 2 * LANES, limit) << (2 * LANES))
                    | (above(tile, j + 3 * LANES, limit) << (3 * LANES));
            if (passed != 0) {
                end = append(passed, tile, j, firstIndex + i, indices, values, end);
            }
        }
        for (; i < length; i++) {
            if (tile[offset + i] > threshold) {
                indices[end] = firstIndex + i;
                values[end++] = tile[offset + i];
            }
        }
        return end;
    }

    /**
     * Entries with {@code value > threshold} of their own latent.
     *
     * @param thresholds by latent: that of {@code firstIndex + i} at {@code firstIndex + i}
     */
    static int selectAbove(
            float[] tile,
            int offset,
            int length,
            float[] thresholds,
            int firstIndex,
            int[] indices,
            float[] values,
            int at) {
        int end = at;
        int i = 0;
        for (; i <= length - STEP; i += STEP) {
            int j = offset + i;
            int t = firstIndex + i;
            long passed = above(tile, j, thresholds, t);
            if (passed != 0) {
                end = append(passed, tile, j, t, indices, values, end);
            }
        }
        for (; i < length; i++) {
            if (tile[offset + i] > thresholds[firstIndex + i]) {
                indices[end] = firstIndex + i;
                values[end++] = tile[offset + i];
            }
        }
        return end;
    }

    /**
     * Entries that JumpReLU's forward or backward pass needs: with {@code value > θ} as they are, and with
     * {@code value <= θ} but {@code |value − θ| < bandwidth / 2} as 0, which says: inactive, but inside the window of
     * the threshold's gradient.
     *
     * @param thresholds θ by latent: that of {@code firstIndex + i} at {@code firstIndex + i}
     */
    static int selectWindow(
            float[] tile,
            int offset,
            int length,
            float[] thresholds,
            float bandwidth,
            int firstIndex,
            int[] indices,
            float[] values,
            int at) {
        float half = bandwidth / 2;
        int end = at;
        int i = 0;
        for (; i <= length - STEP; i += STEP) {
            int j = offset + i;
            int t = firstIndex + i;
            long passed = inWindow(tile, j, thresholds, t, half)
                    | (inWindow(tile, j + LANES, thresholds, t + LANES, half) << LANES)
                    | (inWindow(tile, j + 2 * LANES, thresholds, t + 2 * LANES, half) << (2 * LANES))
                    | (inWindow(tile, j + 3 * LANES, thresholds, t + 3 * LANES, half) << (3 * LANES));
            if (passed != 0) {
                int from = end;
                end = append(passed, tile, j, t, indices, values, end);
                for (int entry = from; entry < end; entry++) {
                    values[entry] = values[entry] > thresholds[indices[entry]] ? values[entry] : 0f;
                }
            }
        }
        for (; i < length; i++) {
            float value = tile[offset + i];
            float threshold = thresholds[firstIndex + i];
            if (value > threshold || threshold - value < half) {
                indices[end] = firstIndex + i;
                values[end++] = value > threshold ? value : 0f;
            }
        }
        return end;
    }

    /** Which of the {@link #STEP} values from {@code at} on exceed the thresholds from {@code thresholdAt} on, a bit each. */
    static long above(float[] tile, int at, float[] thresholds, int thresholdAt) {
        return above(tile, at, FloatVector.fromArray(SPECIES, thresholds, thresholdAt))
                | (above(tile, at + LANES, FloatVector.fromArray(SPECIES, thresholds, thresholdAt + LANES)) << LANES)
                | (above(tile, at + 2 * LANES, FloatVector.fromArray(SPECIES, thresholds, thresholdAt + 2 * LANES))
                        << (2 * LANES))
                | (above(tile, at + 3 * LANES, FloatVector.fromArray(SPECIES, thresholds, thresholdAt + 3 * LANES))
                        << (3 * LANES));
    }

    private static long above(float[] tile, int at, FloatVector threshold) {
        return FloatVector.fromArray(SPECIES, tile, at)
                .compare(VectorOperators.GT, threshold)
                .toLong();
    }

    /** An infinite value above its threshold has difference −∞; equal infinities have NaN: neither needs a case. */
    private static long inWindow(float[] tile, int at, float[] thresholds, int thresholdAt, float half) {
        FloatVector value = FloatVector.fromArray(SPECIES, tile, at);
        FloatVector threshold = FloatVector.fromArray(SPECIES, thresholds, thresholdAt);
        return threshold
                .sub(value)
                .compare(VectorOperators.LT, half)
                .or(value.compare(VectorOperators.GT, threshold))
                .toLong();
    }

    private static int append(
            long passed, float[] tile, int tileAt, int firstIndex, int[] indices, float[] values, int at) {
        if (COMPRESSES) {
            return compress(passed, tile, tileAt, firstIndex, indices, values, at);
        }
        int end = at;
        for (long bits = passed; bits != 0; bits &= bits - 1) {
            int lane = Long.numberOfTrailingZeros(bits);
            indices[end] = firstIndex + lane;
            values[end++] = tile[tileAt + lane];
        }
        return end;
    }

    /**
     * In a loop over the four vectors: written out, they would be so much for C2 to inline that it sometimes stops before the
     * last, and puts vectors on the heap.
     */
    private static int compress(
            long passed, float[] tile, int tileAt, int firstIndex, int[] indices, float[] values, int at) {
        int end = at;
        IntVector lanes = IntVector.fromArray(INDICES, LANE_NUMBERS, 0);
        for (int first = 0; first < STEP; first += LANES) {
            VectorMask<Float> mask = VectorMask.fromLong(SPECIES, passed >>> first);
            FloatVector.fromArray(SPECIES, tile, tileAt + first).compress(mask).intoArray(values, end);
            lanes.add(firstIndex + first).compress(mask.cast(INDICES)).intoArray(indices, end);
            end += mask.trueCount();
        }
        return end;
    }

    /**
     * Moves those of the {@link VectorSpec#LANES} values from {@code from} on whose bit is set to {@code to} and after, and
     * returns the new end. {@code to} isn't after {@code from}; what lies from the new end to {@code from + LANES} is
     * undefined.
     */
    static int keep(long wanted, float[] values, int from, int to) {
        if (COMPRESSES) {
            VectorMask<Float> mask = VectorMask.fromLong(SPECIES, wanted);
            FloatVector.fromArray(SPECIES, values, from).compress(mask).intoArray(values, to);
            return to + Long.bitCount(wanted);
        }
        int end = to;
        for (long bits = wanted; bits != 0; bits &= bits - 1) {
            values[end++] = values[from + Long.numberOfTrailingZeros(bits)];
        }
        return end;
    }

    /** {@link #keep} of indices. */
    static int keep(long wanted, int[] indices, int from, int to) {
        if (COMPRESSES) {
            VectorMask<Integer> mask = VectorMask.fromLong(INDICES, wanted);
            IntVector.fromArray(INDICES, indices, from).compress(mask).intoArray(indices, to);
            return to + Long.bitCount(wanted);
        }
        int end = to;
        for (long bits = wanted; bits != 0; bits &= bits - 1) {
            indices[end++] = indices[from + Long.numberOfTrailingZeros(bits)];
        }
        return end;
    }
}
