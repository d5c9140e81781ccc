// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import java.util.Arrays;
import java.util.Objects;

/**
 * What one pass over a source found.
 *
 * @param hash of the content: element type, shape and every byte in order; the same for any number of threads and
 *     for any division into shards
 * @param rows all rows of the source, bad ones included
 * @param badRows ascending numbers of the rows with NaN or infinities; {@code mean} and {@code meanSquaredNorm} leave
 *     them out
 * @param mean of each column, [width]
 * @param meanSquare of each column, [width]
 * @param meanSquaredNorm mean over rows of ‖x‖²
 */
@SuppressWarnings("ArrayRecordComponent") // copied on the way in and out
public record DataSummary(
        long hash, long rows, long[] badRows, double[] mean, double[] meanSquare, double meanSquaredNorm) {
    /** What a difference of sums of squares may be of them and yet be rounding. */
    private static final double ROUNDING = 1e-12;

    public DataSummary {
        badRows = badRows.clone();
        mean = mean.clone();
        meanSquare = meanSquare.clone();
    }

    @Override
    public long[] badRows() {
        return badRows.clone();
    }

    @Override
    public double[] mean() {
        return mean.clone();
    }

    @Override
    public double[] meanSquare() {
        return meanSquare.clone();
    }

    /**
     * The same of {@code count} columns from {@code first} alone; hash and bad rows are those of all columns.
     *
     * @throws IndexOutOfBoundsException if the columns aren't all there
     */
    public DataSummary columns(int first, int count) {
        Objects.checkFromIndexSize(first, count, mean.length);
        if (count == mean.length) {
            return this;
        }
        double[] squares = Arrays.copyOfRange(meanSquare, first, first + count);
        return new DataSummary(
                hash,
                rows,
                badRows,
                Arrays.copyOfRange(mean, first, first + count),
                squares,
                Arrays.stream(squares).sum());
    }

    /** Rows without NaN or infinities. */
    public long goodRows() {
        return rows - badRows.length;
    }

    /** The hash as 16 hexadecimal digits. */
    public String hashText() {
        return String.format("%016x", hash);
    }

    /**
     * Mean over rows of ‖x − mean‖², the denominator of the fraction of variance unexplained; 0 if it is less than 1e-12 of
     * the mean squared norm, as that of equal rows is.
     */
    public double totalVariance() {
        double squared = 0;
        for (double value : mean) {
            squared += value * value;
        }
        double variance = meanSquaredNorm - squared;
        return variance > ROUNDING * meanSquaredNorm ? variance : 0;
    }
}
