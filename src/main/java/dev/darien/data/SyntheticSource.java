// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import dev.darien.memory.DType;
import dev.darien.memory.Matrix;

/** stub */
public final class SyntheticSource implements ActivationSource {
    private SyntheticSource() {}

    /** Parses {@code synthetic:d=64,true=128,p=0.03125,noise=0.02,rows=3072000,seed=1}. */
    public static SyntheticSource parse(String specification) {
        throw new UnsupportedOperationException();
    }

    /** The directions that generated the data: [true][d], unit rows. */
    public float[][] groundTruth() {
        throw new UnsupportedOperationException();
    }

    @Override
    public int width() {
        return 0;
    }

    @Override
    public long rows() {
        return 0;
    }

    @Override
    public DType dtype() {
        return DType.F32;
    }

    @Override
    public void read(long[] rowNumbers, int count, Matrix out) {}

    @Override
    public void read(long firstRow, int count, Matrix out) {}

    @Override
    public String describe() {
        return "";
    }

    @Override
    public String locate(long row) {
        return "";
    }

    @Override
    public void close() {}
}
