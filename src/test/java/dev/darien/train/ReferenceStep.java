// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import java.util.Comparator;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/**
 * Gradients of TopK with the auxiliary loss (Gao et al. 2024, appendix A.2), formula by formula in double precision:
 * {@code mean ‖e‖² + coefficient · Σ ‖ê + e‖² / Σ ‖e - mean e‖²} with e = x̂ - x, held constant in the second term, and ê
 * the reconstruction from dead latents alone, without a bias.
 */
final class ReferenceStep {
    final float[][] gradEncoder;
    final float[][] gradDecoder;
    final float[][] gradEncoderBias;
    final float[][] gradDecoderBias;

    private final float[][] encoder;
    private final float[] encoderBias;
    private final float[][] decoder;
    private final float[] decoderBias;
    private final int width;
    private boolean byMagnitude;

    ReferenceStep(float[][] encoder, float[] encoderBias, float[][] decoder, float[] decoderBias) {
        this.encoder = encoder;
        this.encoderBias = encoderBias;
        this.decoder = decoder;
        this.decoderBias = decoderBias;
        this.width = decoderBias.length;
        gradEncoder = new float[encoder.length][width];
        gradDecoder = new float[encoder.length][width];
        gradEncoderBias = new float[1][encoder.length];
        gradDecoderBias = new float[1][width];
    }

    /** Selects by magnitude, and keeps the sign (Zhu et al. 2025, AbsTopK). */
    ReferenceStep byMagnitude() {
        byMagnitude = true;
        return this;
    }

    /** @param deadMayBeSelected whether dead latents take part in the main selection too */
    ReferenceStep run(float[][] x, int k, boolean[] dead, int kDead, double coefficient, boolean deadMayBeSelected) {
        int batch = x.length;
        double[][] centred = new double[batch][width];
        double[][] codes = new double[batch][];
        double[][] deadCodes = new double[batch][];
        double[][] residual = new double[batch][];
        double[] mean = new double[width];
        for (int row = 0; row < batch; row++) {
            for (int at = 0; at < width; at++) {
                centred[row][at] = (double) x[row][at] - decoderBias[at];
            }
            double[] pre = preActivations(centred[row]);
            codes[row] = largest(pre, k, latent -> deadMayBeSelected || !dead[latent]);
            deadCodes[row] = largest(pre, kDead, latent -> dead[latent]);
            residual[row] = decode(codes[row]);
            for (int at = 0; at < width; at++) {
                residual[row][at] -= centred[row][at];
                mean[at] += residual[row][at] / batch;
            }
        }
        double spread = 0;
        for (double[] row : residual) {
            for (int at = 0; at < width; at++) {
                spread += Math.pow(row[at] - mean[at], 2);
            }
        }
        double[][] biasGradient = new double[2][Math.max(width, encoder.length)];
        double[][] dEncoder = new double[encoder.length][width];
        double[][] dDecoder = new double[encoder.length][width];
        for (int row = 0; row < batch; row++) {
            double[] left = decode(deadCodes[row]);
            for (int at = 0; at < width; at++) {
                left[at] += residual[row][at];
                biasGradient[1][at] += 2.0 / batch * residual[row][at];
            }
            addTerms(codes[row], residual[row], centred[row], 2.0 / batch, dEncoder, dDecoder, biasGradient[0]);
            addTerms(deadCodes[row], left, centred[row], 2 * coefficient / spread, dEncoder, dDecoder, biasGradient[0]);
        }
        for (int latent = 0; latent < encoder.length; latent++) {
            for (int at = 0; at < width; at++) {
                biasGradient[1][at] -= biasGradient[0][latent] * encoder[latent][at];
                gradEncoder[latent][at] = (float) dEncoder[latent][at];
                gradDecoder[latent][at] = (float) dDecoder[latent][at];
            }
            gradEncoderBias[0][latent] = (float) biasGradient[0][latent];
        }
        for (int at = 0; at < width; at++) {
            gradDecoderBias[0][at] = (float) biasGradient[1][at];
        }
        return this;
    }

    private void addTerms(
            double[] z,
            double[] e,
            double[] input,
            double scale,
            double[][] dEncoder,
            double[][] dDecoder,
            double[] dBias) {
        for (int latent = 0; latent < z.length; latent++) {
            if (z[latent] == 0) {
                continue;
            }
            double code = 0;
            for (int at = 0; at < width; at++) {
                code += scale * e[at] * decoder[latent][at];
                dDecoder[latent][at] += scale * z[latent] * e[at];
            }
            for (int at = 0; at < width; at++) {
                dEncoder[latent][at] += code * input[at];
            }
            dBias[latent] += code;
        }
    }

    private double[] preActivations(double[] input) {
        double[] pre = new double[encoder.length];
        for (int latent = 0; latent < pre.length; latent++) {
            pre[latent] = encoderBias[latent];
            for (int at = 0; at < width; at++) {
                pre[latent] += input[at] * encoder[latent][at];
            }
        }
        return pre;
    }

    private double[] largest(double[] pre, int k, IntPredicate allowed) {
        double[] codes = new double[pre.length];
        IntStream.range(0, pre.length)
                .filter(allowed)
                .filter(latent -> byMagnitude || pre[latent] > 0)
                .boxed()
                .sorted(Comparator.comparingDouble(latent -> byMagnitude ? -Math.abs(pre[latent]) : -pre[latent]))
                .limit(k)
                .forEach(latent -> codes[latent] = pre[latent]);
        return codes;
    }

    private double[] decode(double[] codes) {
        double[] out = new double[width];
        for (int latent = 0; latent < codes.length; latent++) {
            for (int at = 0; at < width; at++) {
                out[at] += codes[latent] * decoder[latent][at];
            }
        }
        return out;
    }

    static boolean[] flags(float[] values) {
        boolean[] flags = new boolean[values.length];
        for (int at = 0; at < values.length; at++) {
            flags[at] = values[at] != 0;
        }
        return flags;
    }
}
