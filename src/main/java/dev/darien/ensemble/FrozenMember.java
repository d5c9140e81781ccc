// SPDX-License-Identifier: Apache-2.0
package dev.darien.ensemble;

import dev.darien.device.Kernels;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import dev.darien.sae.Inference;
import dev.darien.sae.Sae;

/** A member of which the codes are wanted, and what it leaves of the activations. */
final class FrozenMember implements AutoCloseable {
    private final Sae sae;
    private final Inference inference;

    FrozenMember(Sae sae, int rows) {
        this.sae = sae;
        this.inference = sae.inference(rows);
    }

    /** Rows for which all {@code members} together have codes of bounded size; at least 1. */
    static int rows(Iterable<Sae> members, int wanted) {
        long perRow = 0;
        for (Sae member : members) {
            perRow += Math.max(1, member.sparsity().capacity(1, member.latents()));
        }
        return (int) Math.clamp(wanted, 1, Math.max(1, Inference.MAX_ENTRIES / perRow));
    }

    /** The codes of {@code x}, valid until the next call. */
    SparseCodes encode(Matrix x) {
        return inference.encode(x);
    }

    /** {@code x -= dec(codes)}; x is F32[rows, d] on the device. */
    void subtract(SparseCodes codes, Matrix x) {
        Kernels kernels = sae.device().kernels();
        kernels.addDecoded(codes, codes.values(), -1, sae.decoder(), x);
        kernels.convert(x, 1, sae.decoderBias(), x);
    }

    @Override
    public void close() {
        inference.close();
    }
}
