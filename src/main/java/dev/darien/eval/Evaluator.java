// SPDX-License-Identifier: Apache-2.0
package dev.darien.eval;

import dev.darien.data.ActivationSource;
import dev.darien.data.DataCheck;
import dev.darien.data.OnNan;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import dev.darien.sae.Inference;
import dev.darien.sae.Sae;

/** Stand-in until the evaluation branch is merged. */
public final class Evaluator {
    private Evaluator() {}

    public static Evaluation evaluate(Sae sae, ActivationSource source) {
        double variance = DataCheck.scan(source, OnNan.FAIL).totalVariance();
        boolean[] fired = new boolean[sae.latents()];
        double error = 0;
        long entries = 0;
        try (Inference inference = sae.inference(1024);
                Matrix batch = sae.device().staging("batch", source.dtype(), inference.maxRows(), source.width())) {
            for (long first = 0; first < source.rows(); first += inference.maxRows()) {
                int count = (int) Math.min(inference.maxRows(), source.rows() - first);
                source.read(first, count, batch);
                Matrix rows = batch.slice(0, count);
                SparseCodes codes = inference.encode(rows);
                entries += codes.entries();
                for (int entry = 0; entry < codes.entries(); entry++) {
                    fired[codes.latent(entry)] = true;
                }
                Matrix out = inference.decode(codes);
                for (int row = 0; row < count; row++) {
                    for (int column = 0; column < source.width(); column++) {
                        double difference = rows.get(row, column) - out.get(row, column);
                        error += difference * difference;
                    }
                }
            }
        }
        long dead = 0;
        for (boolean latent : fired) {
            dead += latent ? 0 : 1;
        }
        double tokens = source.rows();
        return new Evaluation(
                source.rows(), entries / tokens, error / tokens, error / tokens / variance, dead, (double) dead
                        / sae.latents());
    }
}
