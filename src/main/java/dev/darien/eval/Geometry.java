// SPDX-License-Identifier: Apache-2.0
package dev.darien.eval;

import dev.darien.sae.Sae;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * How the directions of an SAE, or of the members of an ensemble together, lie to each other (SAEBench, Karvonen et al.
 * 2025, core metrics).
 *
 * @param decoderMaxCosine mean over latents of the largest cosine of a decoder row with another
 * @param encoderMaxCosine the same of encoder rows
 * @param encoderDecoderCosine mean over latents of the cosine between a latent's encoder and decoder rows
 * @param diversity number of decoder rows whose cosine with every other is below {@value #ALIKE} (Gadgil et al. 2025,
 *     version 1; only the row itself is left out, where their code leaves out blocks of 1,024)
 * @param chance what {@code decoderMaxCosine} would be for random directions
 */
public record Geometry(
        double decoderMaxCosine, double encoderMaxCosine, double encoderDecoderCosine, int diversity, double chance) {
    /** Cosine from which two directions count as alike. */
    public static final double ALIKE = 0.7;

    /**
     * The geometry of one SAE or of the members of an ensemble.
     *
     * @throws IllegalArgumentException if there are none, or they differ in width or device
     */
    public static Geometry of(List<Sae> members) {
        try (Directions decoder = Directions.decoders(members);
                Directions encoder = Directions.encoders(members)) {
            float[] decoders = largestOther(decoder);
            int diversity = 0;
            for (float cosine : decoders) {
                diversity += cosine < ALIKE ? 1 : 0;
            }
            return new Geometry(
                    Cosines.mean(decoders),
                    Cosines.mean(largestOther(encoder)),
                    diagonal(encoder, decoder),
                    diversity,
                    Recovery.chanceCosine(Math.max(1, decoder.rows() - 1), decoder.width()));
        }
    }

    /** For each row the largest cosine with another; -1 if there is no other. */
    static float[] largestOther(Directions directions) {
        float[] largest = new float[directions.rows()];
        Arrays.fill(largest, -1);
        Cosines.forEachRow(directions, directions, (row, cosines) -> {
            for (int column = 0; column < cosines.length; column++) {
                if (column != row) {
                    largest[row] = Math.max(largest[row], cosines[column]);
                }
            }
        });
        return largest;
    }

    private static double diagonal(Directions encoder, Directions decoder) {
        double[] sum = {0};
        Cosines.forEachRow(encoder, decoder, (row, cosines) -> sum[0] += cosines[row]);
        return sum[0] / encoder.rows();
    }

    /**
     * {@code decoder_max_cosine, encoder_max_cosine, encoder_decoder_cosine, diversity, chance_max_cosine}, in this order.
     */
    public Map<String, Object> asMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("decoder_max_cosine", decoderMaxCosine);
        map.put("encoder_max_cosine", encoderMaxCosine);
        map.put("encoder_decoder_cosine", encoderDecoderCosine);
        map.put("diversity", diversity);
        map.put("chance_max_cosine", chance);
        return map;
    }
}
