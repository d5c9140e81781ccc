// SPDX-License-Identifier: Apache-2.0
package dev.darien.sae;

import dev.darien.device.Device;
import dev.darien.device.PackedEncoder;
import dev.darien.device.Product;
import dev.darien.memory.Allocator;
import dev.darien.memory.Closing;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Encodes and decodes with one SAE. */
final class SaeInference implements Inference {
    private final Sae sae;
    private final Device device;
    private final int maxRows;
    private final Allocator memory;
    private final PackedEncoder encoder;
    private final Matrix input;
    private final Matrix output;
    private final SparseCodes codes;
    private final @Nullable RowNormalizer normalizer;
    private final Selection.@Nullable Attribution attribution;
    /** What the skip connection sees, which no normalization has touched; null where it is the input. */
    private final @Nullable Matrix unnormalised;

    private long encodedRows;

    SaeInference(Sae sae, int requestedRows) {
        this.sae = sae;
        this.device = sae.device();
        long perRow = Math.max(1, sae.sparsity().capacity(1, sae.latents()));
        this.maxRows = (int) Math.max(1, Math.min(Math.max(1, requestedRows), MAX_ENTRIES / perRow));
        this.memory = device.memory().child("inference");
        @Nullable PackedEncoder made = null;
        @Nullable RowNormalizer normalizing = null;
        Selection.@Nullable Attribution attributing = null;
        try {
            this.input = memory.matrix("input", maxRows, sae.width());
            this.output = memory.matrix("reconstruction", maxRows, sae.outputWidth());
            this.codes = SparseCodes.allocate(
                    memory, maxRows, sae.latents(), sae.sparsity().capacity(maxRows, sae.latents()));
            made = device.packedEncoder(sae.latents(), sae.width());
            boolean keeps = sae.weights().skip() != null && sae.normalization() != RowNormalization.NONE;
            this.unnormalised = keeps ? memory.matrix("activations", maxRows, sae.width()) : null;
            if (sae.normalization() != RowNormalization.NONE) {
                normalizing = new RowNormalizer(sae.normalization(), device, maxRows, sae.width());
            }
            device.kernels().pack(sae.weights().encoder(), sae.weights().encoderBias(), made);
            if (sae.sparsity() instanceof GradientTopK) {
                attributing = Selection.Attribution.allocate(device, memory, maxRows, sae.latents(), sae.width());
                attributing.pack(device.kernels(), sae.weights());
            }
            this.attribution = attributing;
            this.encoder = made;
            this.normalizer = normalizing;
        } catch (RuntimeException | Error e) {
            Closing.after(e, attributing, made, normalizing, memory::releaseAll, memory);
            throw e;
        }
    }

    @Override
    public int maxRows() {
        return maxRows;
    }

    @Override
    public SparseCodes encode(Matrix x) {
        if (attribution != null) {
            throw new IllegalStateException(
                    sae.sparsity().id() + " selects by gradients; give them too, or encode with "
                            + sae.sparsity().inference().id());
        }
        return encode(x, attribution);
    }

    @Override
    public SparseCodes encode(Matrix x, Matrix gradients) {
        if (attribution == null) {
            return Inference.super.encode(x, gradients);
        }
        if (gradients.rows() != x.rows() || gradients.columns() != x.columns()) {
            throw new IllegalArgumentException(
                    "gradients " + gradients.shape() + " aren't of the same shape as activations " + x.shape());
        }
        requireFitting(x);
        Selection.Attribution rows = attribution.slice(0, x.rows());
        device.kernels().convert(gradients, 1, null, rows.gradients());
        return encode(x, rows);
    }

    private void requireFitting(Matrix x) {
        if (x.columns() != sae.width()) {
            throw new IllegalArgumentException(
                    "the SAE takes activations of width " + sae.width() + ", not " + x.columns());
        }
        if (x.rows() > maxRows) {
            throw new IllegalArgumentException(x.rows() + " rows are more than this inference's " + maxRows);
        }
    }

    private SparseCodes encode(Matrix x, Selection.@Nullable Attribution rows) {
        requireFitting(x);
        encodedRows = x.rows();
        Matrix centred = input.slice(0, x.rows());
        if (unnormalised != null) {
            device.kernels().convert(x, 1, null, unnormalised.slice(0, x.rows()));
        }
        device.kernels()
                .convert(
                        normalizer == null ? x : normalizer.apply(x),
                        1,
                        sae.subtractsDecoderBias() ? sae.weights().decoderBias() : null,
                        centred);
        SparseCodes selected = codes.firstRows(x.intRows());
        sae.sparsity()
                .select(
                        device.kernels(),
                        new Selection(
                                centred,
                                encoder,
                                sae.weights().thresholds(),
                                null,
                                false,
                                null,
                                null,
                                null,
                                rows,
                                selected));
        return selected;
    }

    @Override
    public Matrix decode(SparseCodes selected) {
        Matrix out = output.slice(0, selected.rows());
        device.kernels().decode(selected, sae.weights().decoder(), sae.weights().decoderBias(), out);
        @Nullable Matrix skip = sae.weights().skip();
        if (skip != null) {
            if (selected.rows() != encodedRows) {
                throw new IllegalArgumentException("only the " + encodedRows + " rows that were encoded last can be"
                        + " decoded, not " + selected.rows() + ": the skip connection needs each");
            }
            Matrix seen = unnormalised == null ? input : unnormalised;
            device.kernels().multiply(Product.NT, seen.slice(0, selected.rows()), skip, out, true);
        }
        // What a transcoder decodes was never normalised.
        if (normalizer != null && !(sae.mapping() instanceof Mapping.Transcoder)) {
            normalizer.undo(out);
        }
        return out;
    }

    /** The codes of any number of rows, in host memory with just the room they need; the caller closes them. */
    SparseCodes encodeAll(Matrix x) {
        List<SparseCodes> parts = new ArrayList<>();
        try {
            for (long first = 0; first < x.rows(); first += maxRows) {
                parts.add(toHost(encode(x.slice(first, Math.min(maxRows, x.rows() - first)))));
            }
            return parts.size() == 1 ? parts.removeFirst() : join(parts, x.intRows());
        } finally {
            parts.forEach(SparseCodes::close);
        }
    }

    @Override
    public SparseCodes toHost(SparseCodes selected) {
        return HostCodes.copy(device, selected);
    }

    private SparseCodes join(List<SparseCodes> parts, int rows) {
        long entries = parts.stream().mapToLong(SparseCodes::entries).sum();
        SparseCodes all = new SparseCodes(
                device.staging("code offsets", DType.I64, 1, rows + 1),
                device.staging("code indices", DType.I32, 1, Math.toIntExact(entries)),
                device.staging("code values", DType.F32, 1, Math.toIntExact(entries)),
                sae.latents());
        int row = 0;
        int at = 0;
        for (SparseCodes part : parts) {
            for (int r = 0; r < part.rows(); r++) {
                all.offsets().setLong(0, row++, at + (long) part.start(r));
            }
            for (int entry = 0; entry < part.entries(); entry++, at++) {
                all.indices().setLong(0, at, part.latent(entry));
                all.values().set(0, at, part.value(entry));
            }
        }
        all.offsets().setLong(0, rows, at);
        return all;
    }

    @Override
    public void close() {
        try (memory;
                input;
                output;
                unnormalised;
                codes;
                encoder;
                normalizer;
                attribution) {
            // Closed in reverse order, each whatever happens to the others.
        }
    }
}
