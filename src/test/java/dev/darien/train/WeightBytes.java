// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import dev.darien.memory.Matrix;
import dev.darien.sae.Sae;
import java.util.ArrayList;
import java.util.List;

/** All weights of what a trainer has learnt, bit by bit. */
final class WeightBytes {
    private WeightBytes() {}

    static List<Integer> of(Trainer trainer, int run) {
        try (Sae sae = trainer.sae(run)) {
            return of(sae);
        }
    }

    static List<Integer> of(Sae sae) {
        List<Integer> bits = new ArrayList<>();
        add(sae, sae.weights().encoder(), bits);
        add(sae, sae.weights().decoder(), bits);
        add(sae, sae.weights().encoderBias(), bits);
        add(sae, sae.weights().decoderBias(), bits);
        if (sae.weights().thresholds() != null) {
            add(sae, sae.weights().thresholds(), bits);
        }
        if (sae.weights().skip() != null) {
            add(sae, sae.weights().skip(), bits);
        }
        return bits;
    }

    private static void add(Sae sae, Matrix matrix, List<Integer> bits) {
        try (Matrix host = sae.device().staging("host", matrix.dtype(), matrix.rows(), matrix.columns())) {
            sae.device().download(matrix, host);
            for (long row = 0; row < host.rows(); row++) {
                for (int column = 0; column < host.columns(); column++) {
                    bits.add(Float.floatToRawIntBits(host.get(row, column)));
                }
            }
        }
    }
}
