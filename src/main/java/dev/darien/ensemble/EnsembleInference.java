// SPDX-License-Identifier: Apache-2.0
package dev.darien.ensemble;

import dev.darien.device.Device;
import dev.darien.memory.Closing;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import dev.darien.memory.Turn;
import dev.darien.sae.HostCodes;
import dev.darien.sae.Inference;
import dev.darien.sae.Sae;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Encodes and decodes with an ensemble. The codes of the members are put side by side on the host, since how many there are
 * is known on the device only.
 */
@SuppressWarnings("try") // A turn is taken, not looked at.
final class EnsembleInference implements Inference {
    private final Turn turn = new Turn("the inference of an ensemble");
    private final Ensemble ensemble;
    private final Device device;
    private final int maxRows;
    private final List<FrozenMember> members = new ArrayList<>();
    private final Matrix input;
    private final Matrix output;
    private final SparseCodes codes;
    /** What is uploaded to a device whose memory isn't the host's. */
    private final @Nullable SparseCodes host;

    EnsembleInference(Ensemble ensemble, int requestedRows) {
        this.ensemble = ensemble;
        this.device = ensemble.device();
        this.maxRows = FrozenMember.rows(ensemble.members(), requestedRows);
        List<AutoCloseable> made = new ArrayList<>();
        try {
            long capacity = 0;
            for (Sae sae : ensemble.members()) {
                FrozenMember member = new FrozenMember(sae, maxRows);
                made.add(member);
                members.add(member);
                capacity += sae.sparsity().capacity(maxRows, sae.latents());
            }
            this.input = device.memory().matrix("ensemble's input", maxRows, ensemble.width());
            made.add(input);
            this.output = device.memory().matrix("ensemble's reconstruction", maxRows, ensemble.width());
            made.add(output);
            this.codes = SparseCodes.allocate(device.memory(), maxRows, ensemble.latents(), capacity);
            made.add(codes);
            this.host = codes.offsets().isHost() ? null : staging(codes.capacity(), made);
        } catch (RuntimeException | Error e) {
            made.reversed().forEach(one -> Closing.after(e, one));
            throw e;
        }
    }

    private SparseCodes staging(int capacity, List<AutoCloseable> made) {
        Matrix offsets = device.staging("code offsets", DType.I64, 1, maxRows + 1);
        made.add(offsets);
        Matrix indices = device.staging("code indices", DType.I32, 1, capacity);
        made.add(indices);
        return new SparseCodes(
                offsets, indices, device.staging("code values", DType.F32, 1, capacity), ensemble.latents());
    }

    @Override
    public int maxRows() {
        return maxRows;
    }

    @Override
    public SparseCodes encode(Matrix x) {
        try (Turn held = turn.take()) {
            return encodeWithAll(x);
        }
    }

    private SparseCodes encodeWithAll(Matrix x) {
        if (x.columns() != ensemble.width()) {
            throw new IllegalArgumentException(
                    "the ensemble takes activations of width " + ensemble.width() + ", not " + x.columns());
        }
        if (x.rows() > maxRows) {
            throw new IllegalArgumentException(x.rows() + " rows are more than this inference's " + maxRows);
        }
        Matrix rest = input.slice(0, x.rows());
        device.kernels().convert(x, 1, null, rest);
        List<SparseCodes> parts = new ArrayList<>();
        List<SparseCodes> copies = new ArrayList<>();
        try {
            for (int at = 0; at < members.size(); at++) {
                SparseCodes own = members.get(at).encode(rest);
                if (ensemble.kind() == EnsembleKind.BOOSTING && at + 1 < members.size()) {
                    members.get(at).subtract(own, rest);
                }
                parts.add(own);
                if (host != null) {
                    copies.add(HostCodes.copy(device, own));
                }
            }
            if (host == null) {
                join(parts, codes);
            } else {
                int entries = join(copies, host);
                device.upload(
                        host.offsets().prefix(x.intRows() + 1), codes.offsets().prefix(x.intRows() + 1));
                device.upload(host.indices().prefix(entries), codes.indices().prefix(entries));
                device.upload(host.values().prefix(entries), codes.values().prefix(entries));
            }
        } finally {
            copies.forEach(SparseCodes::close);
        }
        return codes.firstRows(x.intRows());
    }

    /** Puts the codes of the members side by side, times α; returns how many entries that makes. */
    private int join(List<SparseCodes> parts, SparseCodes joined) {
        float weight = ensemble.kind().weight(parts.size());
        MemorySegment indices = joined.indices().segment();
        MemorySegment values = joined.values().segment();
        int rows = parts.getFirst().rows();
        int end = 0;
        for (int row = 0; row < rows; row++) {
            joined.offsets().setLong(0, row, end);
            int first = 0;
            for (SparseCodes part : parts) {
                int to = part.start(row + 1);
                for (int entry = part.start(row); entry < to; entry++, end++) {
                    indices.set(Matrix.INT, (long) end * Integer.BYTES, first + part.latent(entry));
                    values.set(Matrix.FLOAT, (long) end * Float.BYTES, weight * part.value(entry));
                }
                first += part.latents();
            }
        }
        joined.offsets().setLong(0, rows, end);
        return end;
    }

    @Override
    public Matrix decode(SparseCodes selected) {
        Matrix out = output.slice(0, selected.rows());
        device.kernels().decode(selected, ensemble.decoder(), ensemble.decoderBias(), out);
        return out;
    }

    @Override
    public SparseCodes toHost(SparseCodes selected) {
        return HostCodes.copy(device, selected);
    }

    @Override
    public void close() {
        if (!turn.end()) {
            return;
        }
        List<AutoCloseable> all = new ArrayList<>(members);
        all.add(input);
        all.add(output);
        all.add(codes);
        if (host != null) {
            all.add(host);
        }
        members.clear();
        Closing.all(all);
    }
}
