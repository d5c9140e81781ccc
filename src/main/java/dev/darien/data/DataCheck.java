// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

/** One pass over a source before it is used: NaN and infinities, a content hash, means. */
public final class DataCheck {
    private DataCheck() {}

    /**
     * Scans every row.
     *
     * @param threads how many threads read; the result is the same bits for any number
     * @throws DataException naming file, row and column of the first NaN or infinity under {@link OnNan#FAIL}; under
     *     {@link OnNan#SKIP} only if no row is sound
     */
    public static DataSummary scan(ActivationSource source, OnNan onNan, int threads) {
        throw new UnsupportedOperationException();
    }

    /** Scans with as many threads as there are processors. */
    public static DataSummary scan(ActivationSource source, OnNan onNan) {
        return scan(source, onNan, Runtime.getRuntime().availableProcessors());
    }
}
