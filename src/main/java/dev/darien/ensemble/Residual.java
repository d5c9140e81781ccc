// SPDX-License-Identifier: Apache-2.0
package dev.darien.ensemble;

import dev.darien.data.ActivationSource;
import dev.darien.data.DataSummary;
import dev.darien.data.SeededRandom;
import dev.darien.data.Shuffle;
import dev.darien.device.Device;
import dev.darien.memory.Closing;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import dev.darien.memory.Turn;
import dev.darien.sae.Sae;
import dev.darien.train.BatchTransform;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What frozen members of a boosted ensemble leave of activations: {@code r ← r - dec(enc(r))} for each in turn, beginning
 * with the activations, so that every member sees its own residual (Gadgil et al. 2025, section 3.2). Computed batch by
 * batch on the device; nothing is stored. Close it before the members, which it doesn't own.
 */
@SuppressWarnings("try") // A turn is taken, not looked at.
public final class Residual implements BatchTransform, AutoCloseable {
    /** Mean and variance are those of so many rows, if there are more. */
    private static final int SAMPLE = 1 << 18;
    /** Bounds the buffers of very wide activations. */
    private static final int MOST_ELEMENTS = 1 << 22;

    private final Turn turn = new Turn("what frozen members leave");
    private final Device device;
    private final List<FrozenMember> members = new ArrayList<>();
    private final Matrix rest;
    private final int width;
    private final int step;

    /**
     * What {@code frozen} leave.
     *
     * @param frozen the first members, at least one
     * @param maxRows most rows of a batch
     * @param columns of a batch, of which the first are the activations; others are left as they are
     */
    public Residual(List<Sae> frozen, int maxRows, int columns) {
        this.device = frozen.getFirst().device();
        this.step = FrozenMember.rows(frozen, maxRows);
        this.width = frozen.getFirst().width();
        this.rest = device.memory().matrix("residual", maxRows, columns);
        try {
            for (Sae sae : frozen) {
                members.add(new FrozenMember(sae, step));
            }
        } catch (RuntimeException | Error e) {
            Closing.after(e, this);
            throw e;
        }
    }

    @Override
    public Matrix apply(Matrix batch) {
        try (Turn held = turn.take()) {
            return restOf(batch);
        }
    }

    private Matrix restOf(Matrix batch) {
        Matrix out = rest.slice(0, batch.rows());
        for (long first = 0; first < batch.rows(); first += step) {
            long rows = Math.min(step, batch.rows() - first);
            Matrix part = out.slice(first, rows);
            device.kernels().convert(batch.slice(first, rows), 1, null, part);
            Matrix activations = part.columnSlice(0, width);
            for (FrozenMember member : members) {
                SparseCodes codes = member.encode(activations);
                member.subtract(codes, activations);
            }
        }
        return out;
    }

    /**
     * What a scan of the residuals would find: mean and mean squared norm, of a sample if there are many rows. Bad rows and
     * hash are those of the activations.
     *
     * @param ofData the same of the activations
     * @param seed of the sample
     */
    public DataSummary summary(ActivationSource source, DataSummary ofData, long seed) {
        int columns = source.width();
        int count = (int) Math.min(SAMPLE, ofData.goodRows());
        int tile = Math.clamp(MOST_ELEMENTS / columns, 1, rest.intRows());
        Shuffle order = new Shuffle(source.rows(), SeededRandom.combine(seed, 3), ofData.badRows());
        long[] rows = new long[tile];
        double[] sums = new double[columns];
        double[] squares = new double[columns];
        try (Matrix raw = device.staging("sample", source.dtype(), tile, columns);
                Matrix host = device.staging("residuals", DType.F32, tile, columns)) {
            for (int first = 0; first < count; first += tile) {
                int now = Math.min(tile, count - first);
                order.next(rows, now);
                source.read(rows, now, raw);
                device.download(apply(raw.slice(0, now)), host.slice(0, now));
                for (int row = 0; row < now; row++) {
                    float[] values = host.toArray(row);
                    for (int column = 0; column < columns; column++) {
                        sums[column] += values[column];
                        squares[column] += (double) values[column] * values[column];
                    }
                }
            }
        }
        for (int column = 0; column < columns; column++) {
            sums[column] /= count;
            squares[column] /= count;
        }
        return new DataSummary(
                ofData.hash(),
                ofData.rows(),
                ofData.badRows(),
                sums,
                squares,
                Arrays.stream(squares).sum());
    }

    @Override
    public void close() {
        if (!turn.end()) {
            return;
        }
        List<AutoCloseable> all = new ArrayList<>(members);
        all.add(rest);
        members.clear();
        Closing.all(all);
    }
}
