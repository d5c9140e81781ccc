// SPDX-License-Identifier: Apache-2.0
package dev.darien.model;

import dev.darien.device.Device;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import dev.darien.sae.Autoencoder;
import dev.darien.sae.GradientTopK;
import dev.darien.sae.Inference;
import dev.darien.sae.Mapping;
import dev.darien.sae.Sae;
import java.lang.foreign.MemorySegment;
import java.util.BitSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * An SAE's reconstruction in the place of activations: x̂ = dec(f(x)), or {@code dec(edited)} of edited codes. With the
 * error term, {@code x + dec(edited) - dec(f(x))}, what the SAE doesn't capture stays as it is and the edit alone shows
 * (Marks et al. 2024). Close it before the SAE. Not for several threads at once.
 */
public final class SaeSplice implements Splice, AutoCloseable {
    private static final int ROWS = 1024;

    private final Autoencoder sae;
    private final Device device;
    private final Inference inference;
    private final Matrix host;
    private final @Nullable Edit edit;
    private final boolean errorTerm;
    private final boolean byGradients;

    /** Changes codes in place: values may become others, 0 included; which latents they are of stays. */
    @FunctionalInterface
    public interface Edit {
        /**
         * Changes the codes of some tokens.
         *
         * @param codes in the host's memory, a row for each token
         */
        void edit(SparseCodes codes);
    }

    private SaeSplice(Autoencoder sae, @Nullable Edit edit, boolean errorTerm) {
        if (!(sae.mapping() instanceof Mapping.Identity)) {
            throw new IllegalArgumentException(
                    "what a " + sae.mapping()
                            + " decodes can't take the place of the activations that it encodes; only autoencoders are spliced");
        }
        this.sae = sae;
        this.device = sae.device();
        this.edit = edit;
        this.errorTerm = errorTerm;
        this.byGradients = sae instanceof Sae single && single.sparsity() instanceof GradientTopK;
        this.inference = sae.inference(ROWS);
        this.host = device.staging("spliced activations", DType.F32, inference.maxRows(), sae.width());
    }

    /** The reconstruction, without the error term. */
    public static SaeSplice reconstruction(Autoencoder sae) {
        return new SaeSplice(sae, null, false);
    }

    /**
     * Edited codes, with the error term.
     *
     * @throws IllegalStateException when it is used, if the SAE normalises each activation vector: codes alone don't say
     *     how large it was
     */
    public static SaeSplice edited(Autoencoder sae, Edit edit) {
        return new SaeSplice(sae, edit, true);
    }

    /**
     * Codes without some latents; without any, all are kept, and with the error term the activations are as they were.
     *
     * @param errorTerm whether what the SAE doesn't capture is added
     * @throws IllegalArgumentException if the SAE has no such latent
     * @throws IllegalStateException as {@link #edited}
     */
    public static SaeSplice without(Autoencoder sae, Set<Integer> latents, boolean errorTerm) {
        BitSet removed = new BitSet(sae.latents());
        for (int latent : latents) {
            if (latent < 0 || latent >= sae.latents()) {
                throw new IllegalArgumentException(
                        "there is no latent " + latent + ", only 0 to " + (sae.latents() - 1));
            }
            removed.set(latent);
        }
        return new SaeSplice(sae, codes -> clear(codes, removed), errorTerm);
    }

    private static void clear(SparseCodes codes, BitSet removed) {
        int entries = codes.entries();
        for (int entry = 0; entry < entries; entry++) {
            if (removed.get(codes.latent(entry))) {
                codes.values().set(0, entry, 0);
            }
        }
    }

    @Override
    public void apply(Matrix activations, Matrix out) {
        apply(activations, null, out);
    }

    @Override
    public void apply(Matrix activations, @Nullable Matrix gradients, Matrix out) {
        out.require(DType.F32, activations.rows(), sae.width());
        for (long first = 0; first < activations.rows(); first += inference.maxRows()) {
            long rows = Math.min(inference.maxRows(), activations.rows() - first);
            Matrix x = activations.slice(first, rows);
            Matrix target = out.slice(first, rows);
            SparseCodes codes = byGradients && gradients != null
                    ? inference.encode(x, gradients.slice(first, rows))
                    : inference.encode(x);
            if (edit == null) {
                Matrix reconstruction = host.slice(0, rows);
                device.download(inference.decode(codes), reconstruction);
                target.copyFrom(reconstruction);
            } else {
                try (SparseCodes copy = inference.toHost(codes)) {
                    edited(x, copy, target, edit);
                }
            }
        }
    }

    private void edited(Matrix x, SparseCodes codes, Matrix target, Edit change) {
        if (!errorTerm) {
            change.edit(codes);
            try (Matrix after = sae.decode(codes)) {
                target.copyFrom(after);
            }
            return;
        }
        try (Matrix before = sae.decode(codes)) {
            change.edit(codes);
            try (Matrix after = sae.decode(codes)) {
                for (long row = 0; row < x.rows(); row++) {
                    add(x, before, after, target, row);
                }
            }
        }
    }

    private static void add(Matrix x, Matrix before, Matrix after, Matrix target, long row) {
        for (int i = 0; i < x.columns(); i++) {
            float value = at(x, row, i) + (at(after, row, i) - at(before, row, i));
            target.segment().set(Matrix.FLOAT, target.rowOffset(row) + (long) i * Float.BYTES, value);
        }
    }

    private static float at(Matrix matrix, long row, int column) {
        MemorySegment segment = matrix.segment();
        return segment.get(Matrix.FLOAT, matrix.rowOffset(row) + (long) column * Float.BYTES);
    }

    @Override
    public void close() {
        try (inference;
                host) {
            // Closed in reverse order, each whatever happens to the other.
        }
    }
}
