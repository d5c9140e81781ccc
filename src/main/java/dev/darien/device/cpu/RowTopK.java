// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Exact selection of the k largest positive values of a row that arrives in segments of ascending index.
 *
 * <p>Ties go to the lower index; NaN is never selected; fewer than k positives give fewer results. One instance belongs
 * to one worker: {@link #reset}, any number of accepts, {@link #finish}. Nothing is allocated unless k grows.
 *
 * <p>How: the segment is divided into at least 4k disjoint groups; k of the groups' maxima are k values of the row,
 * so the k-th largest maximum is a lower bound of the k-th largest value, found in one cheap pass. A second pass
 * keeps what reaches the bound: little more than k candidates. When candidates pile up all the same, they are cut
 * back to the k best, which raises the bound. The k-th largest of a list is found by bisecting the bit patterns of
 * positive floats and counting, which vectorises, rather than by partitioning, which doesn't.
 */
final class RowTopK {
    private static final VectorSpecies<Float> SPECIES = VectorSpec.SPECIES;
    private static final int LANES = VectorSpec.LANES;
    private static final int INFINITY_BITS = Float.floatToRawIntBits(Float.POSITIVE_INFINITY);

    /** Vectors of running maxima per span of the segment: independent chains, and few enough for 16 registers. */
    private static final int MAXIMA = 8;

    private static final int GROUPS_PER_SPAN = MAXIMA * LANES;
    private static final int MIN_ROOM = 1024;

    private int k;
    private int capacity;
    private int count;

    /** Only larger values can still be selected. */
    private float bound;

    private int[] indices = new int[0];
    private float[] values = new float[0];
    private float[] maxima = new float[0];
    /** What is selected in the place of each value, where rows are offered by scores. */
    private float[] carried = new float[0];

    private boolean carries;
    /** Columns that were asked for alone, one after the other. */
    private float[] gathered = new float[0];

    /**
     * Starts a row.
     *
     * @throws IllegalArgumentException if k isn't positive
     */
    void reset(int newK) {
        if (newK < 1) {
            throw new IllegalArgumentException("k must be at least 1, not " + newK + ".");
        }
        if (newK != k) {
            k = newK;
            capacity = Math.max(Math.multiplyExact(4, k), k + MIN_ROOM);
            if (indices.length < capacity + TileSelect.SLACK) {
                indices = new int[capacity + TileSelect.SLACK];
                values = new float[capacity + TileSelect.SLACK];
            }
            int groups = Math.ceilDiv(4 * k, GROUPS_PER_SPAN) * GROUPS_PER_SPAN;
            if (maxima.length < groups) {
                maxima = new float[groups];
            }
        }
        count = 0;
        bound = 0f;
        carries = false;
    }

    /**
     * Offers scores, in the place of whose values {@link #finish} gives {@code originals}, from {@code originalsAt} on.
     * Otherwise like the other {@code accept}; a row is offered by one of the two alone.
     */
    void accept(float[] scores, int offset, float[] originals, int originalsAt, int length, int firstIndex) {
        carries = true;
        if (carried.length < capacity + TileSelect.SLACK) {
            carried = new float[capacity + TileSelect.SLACK];
        }
        raiseBound(scores, offset, length);
        for (int i = 0; i < length; ) {
            int part = admitted(length - i);
            int before = count;
            count = TileSelect.selectAbove(scores, offset + i, part, bound, firstIndex + i, indices, values, before);
            for (int entry = before; entry < count; entry++) {
                carried[entry] = originals[originalsAt + indices[entry] - firstIndex];
            }
            i += part;
        }
    }

    /**
     * Offers {@code tile[offset .. offset + length)}, the values of latents from {@code firstIndex} on. Indices must
     * ascend from call to call.
     */
    void accept(float[] tile, int offset, int length, int firstIndex) {
        raiseBound(tile, offset, length);
        for (int i = 0; i < length; ) {
            int part = admitted(length - i);
            count = TileSelect.selectAbove(tile, offset + i, part, bound, firstIndex + i, indices, values, count);
            i += part;
        }
    }

    /**
     * Offers some columns only: of {@code tile[offset + latents[j] - firstIndex]} for j in {@code [from, to)}. The
     * latents must ascend, within the list and from call to call.
     */
    void maskedAccept(float[] tile, int offset, int[] latents, int from, int to, int firstIndex) {
        int shift = offset - firstIndex;
        if (to > from && gathered.length == 0) {
            gathered = new float[MIN_ROOM];
        }
        for (int j = from; j < to; ) {
            int part = Math.min(gathered.length, to - j);
            for (int i = 0; i < part; i++) {
                gathered[i] = tile[latents[j + i] + shift];
            }
            raiseBound(gathered, 0, part);
            for (int i = 0; i < part; ) {
                int next = admitted(part - i);
                int before = count;
                count = TileSelect.selectAbove(gathered, i, next, bound, j + i, indices, values, before);
                for (int entry = before; entry < count; entry++) {
                    indices[entry] = latents[indices[entry]];
                }
                i += next;
            }
            j += part;
        }
    }

    /**
     * Ends the row: writes the selected latents in ascending order, with their values, from {@code at} on.
     *
     * @return how many were selected, at most k
     */
    int finish(int[] selectedIndices, float[] selectedValues, int at) {
        if (count > k) {
            keepBest();
        }
        System.arraycopy(indices, 0, selectedIndices, at, count);
        System.arraycopy(carries ? carried : values, 0, selectedValues, at, count);
        return count;
    }

    /** How many of the wanted values fit even if all pass, after dropping candidates if there is little room left. */
    private int admitted(int wanted) {
        if (capacity - count < Math.min(wanted, MIN_ROOM / 4)) {
            keepBest();
        }
        int room = capacity - count;
        return wanted <= room ? wanted : room / TileSelect.STEP * TileSelect.STEP;
    }

    /** Before a segment: the sharper the bound, the fewer candidates take the slow way. */
    private void raiseBound(float[] tile, int offset, int length) {
        if (count >= 2 * k) {
            // Not for fewer: they would raise the bound by less than finding it again costs.
            keepBest();
        } else if (count < k) {
            int spans = Math.ceilDiv(4 * k, GROUPS_PER_SPAN);
            int span = length / spans / GROUPS_PER_SPAN * GROUPS_PER_SPAN;
            if (span < 2 * GROUPS_PER_SPAN) {
                // Too short for 4k groups: groups of two, if at least k of them remain.
                span = 2 * GROUPS_PER_SPAN;
                spans = length / span;
            }
            if (spans * GROUPS_PER_SPAN >= k) {
                groupMaxima(tile, offset, spans, span, maxima);
                bound = lowerBound(maxima, spans * GROUPS_PER_SPAN, k, bound);
            }
        }
    }

    /** Lane-wise maxima, at least 0, over {@code spans} stretches of {@code span} values each. */
    private static void groupMaxima(float[] tile, int offset, int spans, int span, float[] maxima) {
        for (int s = 0; s < spans; s++) {
            FloatVector m0 = FloatVector.zero(SPECIES);
            FloatVector m1 = m0;
            FloatVector m2 = m0;
            FloatVector m3 = m0;
            FloatVector m4 = m0;
            FloatVector m5 = m0;
            FloatVector m6 = m0;
            FloatVector m7 = m0;
            int from = offset + s * span;
            for (int i = 0; i < span; i += GROUPS_PER_SPAN) {
                m0 = larger(m0, tile, from + i);
                m1 = larger(m1, tile, from + i + LANES);
                m2 = larger(m2, tile, from + i + 2 * LANES);
                m3 = larger(m3, tile, from + i + 3 * LANES);
                m4 = larger(m4, tile, from + i + 4 * LANES);
                m5 = larger(m5, tile, from + i + 5 * LANES);
                m6 = larger(m6, tile, from + i + 6 * LANES);
                m7 = larger(m7, tile, from + i + 7 * LANES);
            }
            int to = s * GROUPS_PER_SPAN;
            m0.intoArray(maxima, to);
            m1.intoArray(maxima, to + LANES);
            m2.intoArray(maxima, to + 2 * LANES);
            m3.intoArray(maxima, to + 3 * LANES);
            m4.intoArray(maxima, to + 4 * LANES);
            m5.intoArray(maxima, to + 5 * LANES);
            m6.intoArray(maxima, to + 6 * LANES);
            m7.intoArray(maxima, to + 7 * LANES);
        }
    }

    /** Compare and blend: {@code max} would let NaN in, and takes more instructions to do so. */
    private static FloatVector larger(FloatVector maximum, float[] tile, int at) {
        FloatVector value = FloatVector.fromArray(SPECIES, tile, at);
        return maximum.blend(value, value.compare(VectorOperators.GT, maximum));
    }

    /**
     * A value that at least k of the list exceed, close to the k-th largest; {@code floor} if fewer than k exceed that.
     *
     * @param length a multiple of the lanes
     */
    private static float lowerBound(float[] list, int length, int k, float floor) {
        int low = Float.floatToRawIntBits(floor) + 1;
        if (countAtLeast(list, length, low) < k) {
            return floor;
        }
        int high = Float.floatToRawIntBits(largest(list, length)) + 1;
        int enough = k + k / 8;
        // A dozen halvings leave a bound that lets through a few candidates too many; more would cost more than those.
        for (int step = 0; step < 12 && high - low > 1; step++) {
            int middle = (low + high) >>> 1;
            int reached = countAtLeast(list, length, middle);
            if (reached >= k) {
                low = middle;
                if (reached <= enough) {
                    break;
                }
            } else {
                high = middle;
            }
        }
        return Float.intBitsToFloat(low - 1);
    }

    /** Cuts the candidates back to the k best, in their order, and raises the bound accordingly. */
    private void keepBest() {
        int padded = padCandidates();
        // Candidates that were kept before may equal the bound: only newer ones have to exceed it.
        int low = Math.max(1, Float.floatToRawIntBits(bound));
        int high = Float.floatToRawIntBits(largest(values, padded)) + 1;
        int reachedHigh = 0;
        // At least k reach low, fewer than k reach high. Ends at the k-th largest, or at any value that exactly k
        // reach.
        while (high - low > 1) {
            int middle = (low + high) >>> 1;
            int reached = countAtLeast(values, padded, middle);
            if (reached > k) {
                low = middle;
            } else {
                high = middle;
                reachedHigh = reached;
                if (reached == k) {
                    break;
                }
            }
        }
        float above = Float.intBitsToFloat(high - 1);
        // With ties left, high − 1 is the k-th largest itself; the first ones have the lowest indices.
        int ties = k - reachedHigh;
        int kept = 0;
        for (int i = 0; i < padded; i += LANES) {
            FloatVector candidates = FloatVector.fromArray(SPECIES, values, i);
            long best = candidates.compare(VectorOperators.GT, above).toLong();
            if (ties > 0) {
                long tied = candidates.compare(VectorOperators.EQ, above).toLong();
                for (; tied != 0 && ties > 0; tied &= tied - 1, ties--) {
                    best |= tied & -tied;
                }
            }
            TileSelect.keep(best, indices, i, kept);
            if (carries) {
                TileSelect.keep(best, carried, i, kept);
            }
            kept = TileSelect.keep(best, values, i, kept);
        }
        count = kept;
        bound = above;
    }

    /** Fills the candidates' last vector with zeros, which no bound counts, and returns the length to its end. */
    private int padCandidates() {
        int padded = Math.ceilDiv(count, LANES) * LANES;
        Arrays.fill(values, count, padded, 0f);
        return padded;
    }

    /** How many of a padded list are at least the positive float with these bits. */
    private static int countAtLeast(float[] list, int length, int bits) {
        if (bits > INFINITY_BITS) {
            return 0;
        }
        FloatVector least = FloatVector.broadcast(SPECIES, Float.intBitsToFloat(bits));
        int reached = 0;
        for (int i = 0; i < length; i += LANES) {
            reached += FloatVector.fromArray(SPECIES, list, i)
                    .compare(VectorOperators.GE, least)
                    .trueCount();
        }
        return reached;
    }

    private static float largest(float[] list, int length) {
        FloatVector maximum = FloatVector.zero(SPECIES);
        for (int i = 0; i < length; i += LANES) {
            maximum = larger(maximum, list, i);
        }
        return maximum.reduceLanes(VectorOperators.MAX);
    }
}
