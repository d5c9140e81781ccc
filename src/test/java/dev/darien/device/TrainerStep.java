// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import org.jspecify.annotations.Nullable;

/**
 * The loss of a batch and the gradient of every parameter, composed of kernels as a trainer composes them:
 * {@code mean ‖x - x̂‖² + l1 · mean Σ z·n + auxiliary + l0 · mean ‖z‖₀}.
 */
final class TrainerStep {
    /** Chooses the codes of a batch. */
    @FunctionalInterface
    interface Selection {
        void select(DeviceFixture fixture, Matrix input, PackedEncoder encoder, SparseCodes codes);
    }

    /**
     * What is trained and by which loss.
     *
     * @param centred whether the encoder sees x - b_dec
     * @param decoderNorms whether the L1 penalty is weighted by the decoder's row norms
     * @param thresholds of JumpReLU, with {@code bandwidth} and {@code l0}
     * @param auxCodes codes of the auxiliary loss, with {@code auxCoefficient}
     */
    record Options(
            boolean centred,
            float l1,
            boolean decoderNorms,
            float @Nullable [] thresholds,
            float bandwidth,
            float l0,
            float @Nullable [][] auxCodes,
            float auxCoefficient) {
        static final Options PLAIN = new Options(true, 0, false, null, 0, 0, null, 0);

        Options withL1(float coefficient, boolean norms) {
            return new Options(centred, coefficient, norms, thresholds, bandwidth, l0, auxCodes, auxCoefficient);
        }

        Options withThresholds(float[] values, float window, float penalty) {
            return new Options(false, l1, decoderNorms, values, window, penalty, auxCodes, auxCoefficient);
        }

        Options withAuxiliary(float[][] codes, float coefficient) {
            return new Options(centred, l1, decoderNorms, thresholds, bandwidth, l0, codes, coefficient);
        }
    }

    final Matrix wEnc;
    final Matrix bEnc;
    final Matrix wDec;
    final Matrix bDec;
    final Matrix gradWEnc;
    final Matrix gradBEnc;
    final Matrix gradWDec;
    final Matrix gradBDec;
    final Matrix gradThreshold;
    final Matrix touched;
    final SparseCodes codes;
    final Matrix residual;
    /** Means over the batch. */
    final double squaredError;

    final double l1Loss;
    final double l0;
    final double auxLoss;
    final LatentTerms terms;

    TrainerStep(
            DeviceFixture fixture,
            float[][] x,
            float[][] wEncValues,
            float[] bEncValues,
            float[][] wDecValues,
            float[] bDecValues,
            Options options,
            Selection selection) {
        Kernels kernels = fixture.kernels();
        int batch = x.length;
        int width = x[0].length;
        int latents = wEncValues.length;
        wEnc = fixture.floats(wEncValues);
        bEnc = fixture.vector(bEncValues);
        wDec = fixture.floats(wDecValues);
        bDec = fixture.vector(bDecValues);
        Matrix target = fixture.floats(x);
        Matrix input = fixture.matrix(DType.F32, batch, width);
        kernels.convert(target, 1, options.centred() ? bDec : null, input);

        codes = fixture.codes(batch, latents, batch * latents);
        selection.select(fixture, input, fixture.encoder(wEnc, bEnc), codes);

        residual = fixture.matrix(DType.F32, batch, width);
        Matrix rowErrors = fixture.matrix(DType.F32, 1, batch);
        Matrix codeGradients = fixture.matrix(DType.F32, 1, codes.capacity());
        kernels.reconstruct(codes, wDec, bDec, target, 1, residual, rowErrors, codeGradients);
        Matrix statistics = fixture.doubles(0, 0);
        kernels.addStatistics(rowErrors, codes, statistics);
        squaredError = fixture.read(statistics)[0] / batch;
        l0 = fixture.read(statistics)[1] / batch;

        // Code gradients are halved, so that the scale of everything is 2/B.
        Matrix scale = fixture.vector(2f / batch);
        Matrix norms = null;
        if (options.decoderNorms()) {
            norms = fixture.matrix(DType.F32, 1, latents);
            kernels.rowNorms(wDec, norms);
        }
        Matrix penalty = fixture.doubles(0);
        kernels.addL1(codes, norms, options.l1() / 2, codeGradients, penalty);
        l1Loss = fixture.scalar(penalty) * 2 / batch;

        LatentGroups groups = fixture.groups(codes);
        terms = new LatentTerms(codes, groups, codeGradients, input, residual, scale);
        gradBEnc = fixture.matrix(DType.F32, 1, latents);
        kernels.encoderBiasGradient(terms, false, gradBEnc);
        gradWEnc = fixture.matrix(DType.F32, latents, width);
        gradWDec = fixture.matrix(DType.F32, latents, width);
        touched = fixture.matrix(DType.I32, 1, latents);
        LatentRows gradients = new LatentRows(gradWEnc, gradWDec);
        kernels.latentGradients(terms, options.decoderNorms() ? options.l1() / batch : 0, wDec, gradients, touched);

        gradThreshold = fixture.matrix(DType.F32, 1, latents);
        if (options.thresholds() != null) {
            kernels.thresholdGradient(
                    terms,
                    fixture.vector(options.thresholds()),
                    options.bandwidth(),
                    options.l0() / batch,
                    false,
                    gradThreshold);
        }
        auxLoss = options.auxCodes() == null ? 0 : auxiliary(fixture, options, input, gradients);

        gradBDec = fixture.matrix(DType.F32, 1, width);
        kernels.weightedRowSum(null, residual, 2f / batch, false, gradBDec);
        if (options.centred()) {
            kernels.weightedRowSum(gradBEnc, wEnc, -1, true, gradBDec);
        }
    }

    private double auxiliary(DeviceFixture fixture, Options options, Matrix input, LatentRows gradients) {
        Kernels kernels = fixture.kernels();
        SparseCodes auxCodes = fixture.codesOf(options.auxCodes(), wEnc.intRows());
        Matrix auxResidual = fixture.matrix(DType.F32, residual.rows(), residual.columns());
        Matrix auxErrors = fixture.matrix(DType.F32, 1, residual.intRows());
        Matrix auxGradients = fixture.matrix(DType.F32, 1, auxCodes.capacity());
        // The target is x - x̂, which is the negative of the residual.
        kernels.reconstruct(auxCodes, wDec, null, residual, -1, auxResidual, auxErrors, auxGradients);
        Matrix scale = fixture.vector(0);
        Matrix loss = fixture.doubles(0);
        kernels.auxiliaryScale(residual, auxErrors, options.auxCoefficient(), scale, loss);
        LatentTerms aux = new LatentTerms(auxCodes, fixture.groups(auxCodes), auxGradients, input, auxResidual, scale);
        kernels.encoderBiasGradient(aux, true, gradBEnc);
        kernels.latentGradients(aux, 0, null, gradients, touched);
        return options.auxCoefficient() * fixture.scalar(loss);
    }
}
