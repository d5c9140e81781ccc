// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Selection by threshold from a row segment of a tile of pre-activations.
 *
 * <p>All methods read {@code tile[offset .. offset + length)}, whose first element belongs to latent {@code firstIndex},
 * append the selected entries to {@code indices} and {@code values} from {@code at} in ascending order of index, and
 * return the new end. The outputs need room for {@code length} more entries in the worst case. NaN is never selected.
 *
 * <p>Few entries pass, so a compare and one branch per vector is nearly all the work; those that pass are picked out by
 * a scalar loop over the bits of the mask.
 */
final class TileSelect {
    private static final VectorSpecies<Float> SPECIES = VectorSpec.SPECIES;
    private static final int LANES = VectorSpec.LANES;

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
        int end = at;
        int vectors = SPECIES.loopBound(length);
        int i = 0;
        for (; i < vectors; i += LANES) {
            VectorMask<Float> passed =
                    FloatVector.fromArray(SPECIES, tile, offset + i).compare(VectorOperators.GT, threshold);
            if (passed.anyTrue()) {
                for (long bits = passed.toLong(); bits != 0; bits &= bits - 1) {
                    int j = i + Long.numberOfTrailingZeros(bits);
                    indices[end] = firstIndex + j;
                    values[end++] = tile[offset + j];
                }
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
        int vectors = SPECIES.loopBound(length);
        int i = 0;
        for (; i < vectors; i += LANES) {
            VectorMask<Float> passed = FloatVector.fromArray(SPECIES, tile, offset + i)
                    .compare(VectorOperators.GT, FloatVector.fromArray(SPECIES, thresholds, firstIndex + i));
            if (passed.anyTrue()) {
                for (long bits = passed.toLong(); bits != 0; bits &= bits - 1) {
                    int j = i + Long.numberOfTrailingZeros(bits);
                    indices[end] = firstIndex + j;
                    values[end++] = tile[offset + j];
                }
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
     * {@code value <= θ} but {@code |value − θ| < bandwidth / 2} as 0, which says: inactive, but inside the window of the
     * threshold's gradient.
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
        int vectors = SPECIES.loopBound(length);
        int i = 0;
        for (; i < vectors; i += LANES) {
            FloatVector value = FloatVector.fromArray(SPECIES, tile, offset + i);
            FloatVector threshold = FloatVector.fromArray(SPECIES, thresholds, firstIndex + i);
            // An infinite value above its threshold has difference −∞; equal infinities have NaN: neither needs a case.
            VectorMask<Float> passed = threshold
                    .sub(value)
                    .compare(VectorOperators.LT, half)
                    .or(value.compare(VectorOperators.GT, threshold));
            if (passed.anyTrue()) {
                for (long bits = passed.toLong(); bits != 0; bits &= bits - 1) {
                    int j = i + Long.numberOfTrailingZeros(bits);
                    indices[end] = firstIndex + j;
                    values[end++] = tile[offset + j] > thresholds[firstIndex + j] ? tile[offset + j] : 0f;
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
}
