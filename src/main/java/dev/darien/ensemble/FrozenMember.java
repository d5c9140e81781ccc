// SPDX-License-Identifier: Apache-2.0
package dev.darien.ensemble;

import dev.darien.device.Device;
import dev.darien.device.Kernels;
import dev.darien.memory.Closing;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import dev.darien.sae.Inference;
import dev.darien.sae.Sae;

/** A member of which the codes are wanted, and what it leaves of the activations; in buffers of its own. */
final class FrozenMember implements AutoCloseable {
    /** Bounds the codes of a batch, as for a single SAE. */
    private static final long MAX_ENTRIES = 1L << 23;

    private final Sae sae;
    private final Inference inference;
    private final Matrix rest;
    private final Matrix rowErrors;
    private final Matrix codeGradients;

    FrozenMember(Sae sae, int rows) {
        this.sae = sae;
        Device device = sae.device();
        this.inference = sae.inference(rows);
        try {
            this.rest = device.memory().matrix("what is left", inference.maxRows(), sae.width());
            this.rowErrors = device.memory().vector("row errors", inference.maxRows());
            this.codeGradients = device.memory().vector("code gradients", (int)
                    Math.max(1, sae.sparsity().capacity(inference.maxRows(), sae.latents())));
        } catch (RuntimeException | Error e) {
            Closing.after(e, inference);
            throw e;
        }
    }

    /** Rows for which all {@code members} together have codes of bounded size; at least 1. */
    static int rows(Iterable<Sae> members, int wanted) {
        long perRow = 0;
        for (Sae member : members) {
            perRow += Math.max(1, member.sparsity().capacity(1, member.latents()));
        }
        return (int) Math.clamp(wanted, 1, Math.max(1, MAX_ENTRIES / perRow));
    }

    /** The codes of {@code x}, valid until the next call. */
    SparseCodes encode(Matrix x) {
        return inference.encode(x);
    }

    /** {@code x -= dec(codes)}; x is F32[rows, d] on the device. */
    void subtract(SparseCodes codes, Matrix x) {
        Kernels kernels = sae.device().kernels();
        Matrix negative = rest.slice(0, x.rows());
        kernels.reconstruct(
                codes, sae.decoder(), sae.decoderBias(), x, 1, negative, rowErrors.prefix(x.intRows()), codeGradients);
        kernels.convert(negative, -1, null, x);
    }

    @Override
    public void close() {
        try (inference;
                rest;
                rowErrors;
                codeGradients) {
            // Closed in reverse order, each whatever happens to the others.
        }
    }
}
