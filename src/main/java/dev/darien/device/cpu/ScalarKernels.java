// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import dev.darien.device.AdamStep;
import dev.darien.device.DeadSelection;
import dev.darien.device.Kernels;
import dev.darien.device.LatentGroups;
import dev.darien.device.LatentRows;
import dev.darien.device.LatentTerms;
import dev.darien.device.PackedEncoder;
import dev.darien.device.PenaltyCurve;
import dev.darien.device.Product;
import dev.darien.device.Pursuit;
import dev.darien.device.PursuitSteps;
import dev.darien.device.Shapes;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import org.jspecify.annotations.Nullable;

/**
 * The reference of every kernel: plain loops on one thread, sums in double, rounded to single precision where a result
 * is stored. It is what the other implementations are tested against, so it is written to be read beside the formula;
 * each method hands over to the theme that it belongs to. {@link dev.darien.device.CheckedKernels} stands before it.
 */
final class ScalarKernels implements Kernels {
    private final Scratch first = new Scratch();
    private final Scratch second = new Scratch();

    @Override
    public void convert(Matrix source, float scale, @Nullable Matrix offset, Matrix out) {
        ScalarDense.convert(source, scale, offset, out);
    }

    @Override
    public void multiply(Product product, Matrix a, Matrix b, Matrix out, boolean accumulate) {
        ScalarDense.multiply(product, a, b, out, accumulate);
    }

    @Override
    public void fill(Matrix x, float value) {
        Cells.fill(x, value);
    }

    @Override
    public void scale(Matrix x, float factor) {
        ScalarDense.scale(x, factor);
    }

    @Override
    public void clampBelow(Matrix x, float minimum) {
        ScalarDense.clampBelow(x, minimum);
    }

    @Override
    public void exponentialAverage(Matrix value, float rate, Matrix average) {
        ScalarDense.exponentialAverage(value, rate, average);
    }

    @Override
    public void rowNorms(Matrix x, Matrix norms) {
        ScalarDense.rowNorms(x, norms);
    }

    @Override
    public void weightedRowSum(@Nullable Matrix weights, Matrix rows, float factor, boolean accumulate, Matrix out) {
        ScalarDense.weightedRowSum(weights, rows, factor, accumulate, out, first);
    }

    @Override
    public void geometricMedian(Matrix x, int iterations, float tolerance, Matrix median) {
        ScalarDense.geometricMedian(x, iterations, tolerance, median, first);
    }

    @Override
    public void pack(Matrix wEnc, Matrix bEnc, PackedEncoder encoder) {
        Shapes.encoder(encoder, ScalarEncoder.class).pack(wEnc, bEnc);
    }

    @Override
    public void encodeTopK(Matrix x, PackedEncoder encoder, int k, @Nullable DeadSelection dead, SparseCodes codes) {
        ScalarEncode.topK(x, Shapes.encoder(encoder, ScalarEncoder.class), k, dead, codes);
    }

    @Override
    public void encodeBatchTopK(
            Matrix x,
            PackedEncoder encoder,
            long budget,
            @Nullable DeadSelection dead,
            SparseCodes codes,
            Matrix smallestKept) {
        ScalarEncode.batchTopK(x, Shapes.encoder(encoder, ScalarEncoder.class), budget, dead, codes, smallestKept);
    }

    @Override
    public void encodeThreshold(
            Matrix x, PackedEncoder encoder, @Nullable Matrix thresholds, float bandwidth, SparseCodes codes) {
        ScalarEncode.threshold(x, Shapes.encoder(encoder, ScalarEncoder.class), thresholds, bandwidth, codes);
    }

    @Override
    public void encodeDead(Matrix x, PackedEncoder encoder, DeadSelection dead) {
        ScalarEncode.dead(x, Shapes.encoder(encoder, ScalarEncoder.class), dead);
    }

    @Override
    public void encodeGroupMax(
            Matrix x, PackedEncoder encoder, int groups, @Nullable DeadSelection dead, SparseCodes codes) {
        ScalarEncode.groupMax(x, Shapes.encoder(encoder, ScalarEncoder.class), groups, dead, codes);
    }

    @Override
    public void encodeFeatureChoice(
            Matrix x,
            PackedEncoder encoder,
            Matrix budgets,
            boolean keepNonPositive,
            SparseCodes codes,
            Matrix smallestKept) {
        ScalarEncode.featureChoice(
                x, Shapes.encoder(encoder, ScalarEncoder.class), budgets, keepNonPositive, codes, smallestKept);
    }

    @Override
    public void encodeAbsTopK(Matrix x, PackedEncoder encoder, int k, @Nullable DeadSelection dead, SparseCodes codes) {
        ScalarAbsTopK.select(x, Shapes.encoder(encoder, ScalarEncoder.class), k, dead, codes);
    }

    @Override
    public void encodeMatchingPursuit(
            Matrix x, PackedEncoder dictionary, Pursuit limits, @Nullable PursuitSteps steps, SparseCodes codes) {
        ScalarPursuit.encode(x, Shapes.encoder(dictionary, ScalarEncoder.class), limits, steps, codes);
    }

    @Override
    public void attributionStrength(Matrix gradients, PackedEncoder directions, float beta, Matrix strength) {
        ScalarGradientTopK.strength(gradients, Shapes.encoder(directions, ScalarEncoder.class), beta, strength);
    }

    @Override
    public void encodeGradientTopK(
            Matrix x,
            PackedEncoder encoder,
            Matrix gradients,
            PackedEncoder directions,
            Matrix strength,
            int k,
            @Nullable DeadSelection dead,
            SparseCodes codes) {
        ScalarGradientTopK.select(
                x,
                Shapes.encoder(encoder, ScalarEncoder.class),
                gradients,
                Shapes.encoder(directions, ScalarEncoder.class),
                strength,
                k,
                dead,
                codes);
    }

    @Override
    public void decode(SparseCodes codes, Matrix wDec, @Nullable Matrix bias, Matrix out) {
        ScalarGradients.decode(codes, wDec, bias, out, first);
    }

    @Override
    public void reconstruct(
            SparseCodes codes,
            Matrix wDec,
            @Nullable Matrix bias,
            Matrix target,
            float targetSign,
            Matrix residual,
            Matrix rowErrors,
            Matrix codeGradients) {
        ScalarGradients.reconstruct(codes, wDec, bias, target, targetSign, residual, rowErrors, codeGradients, first);
    }

    @Override
    public void addL1(
            SparseCodes codes, @Nullable Matrix norms, float coefficient, Matrix codeGradients, Matrix penalty) {
        ScalarGradients.addL1(codes, norms, coefficient, codeGradients, penalty);
    }

    @Override
    public void auxiliaryScale(Matrix residual, Matrix auxErrors, float coefficient, Matrix scale, Matrix loss) {
        ScalarGradients.auxiliaryScale(residual, auxErrors, coefficient, scale, loss, first);
    }

    @Override
    public void groupByLatent(SparseCodes codes, LatentGroups groups) {
        ScalarGradients.groupByLatent(codes, groups);
    }

    @Override
    public void encoderBiasGradient(LatentTerms terms, boolean accumulate, Matrix gradient) {
        ScalarGradients.encoderBiasGradient(
                terms, accumulate, gradient, 0, terms.groups().latents());
    }

    @Override
    public void thresholdGradient(
            LatentTerms terms,
            Matrix thresholds,
            float bandwidth,
            float l0Coefficient,
            boolean accumulate,
            Matrix gradient) {
        ScalarGradients.thresholdGradient(
                terms,
                thresholds,
                bandwidth,
                l0Coefficient,
                accumulate,
                gradient,
                0,
                terms.groups().latents());
    }

    @Override
    public void latentGradients(
            LatentTerms terms, float normPenalty, @Nullable Matrix wDec, LatentRows gradients, Matrix touched) {
        ScalarGradients.latentGradients(terms, normPenalty, wDec, gradients, touched, first, second);
    }

    @Override
    public void gatedMagnitudes(
            SparseCodes gates, Matrix gateBias, Matrix logScale, Matrix magnitudeBias, Matrix magnitudes) {
        ScalarMethods.gatedMagnitudes(gates, gateBias, logScale, magnitudeBias, magnitudes, 0, gates.entries());
    }

    @Override
    public void gatedGradient(
            LatentTerms terms,
            Matrix logScale,
            Matrix magnitudeBias,
            boolean accumulate,
            Matrix scaleGradient,
            Matrix biasGradient) {
        ScalarMethods.gatedGradient(
                terms,
                logScale,
                magnitudeBias,
                accumulate,
                scaleGradient,
                biasGradient,
                0,
                terms.groups().latents());
    }

    @Override
    public void addDecoded(SparseCodes codes, Matrix factors, float scale, Matrix wDec, Matrix rows) {
        ScalarPursuit.addDecoded(codes, factors, scale, wDec, rows);
    }

    @Override
    public void keepLatents(SparseCodes codes, int first, int last, Matrix values) {
        ScalarMethods.keepLatents(codes, first, last, values, 0, codes.entries());
    }

    @Override
    public void addPenalty(
            SparseCodes codes,
            @Nullable Matrix norms,
            PenaltyCurve curve,
            float coefficient,
            Matrix codeGradients,
            Matrix penalty) {
        double sum = ScalarMethods.addPenalty(codes, norms, curve, coefficient, codeGradients, 0, codes.entries());
        Cells.setDouble(penalty, 0, Cells.getDouble(penalty, 0) + coefficient * sum);
    }

    @Override
    public void squaredNorm(
            Matrix x, @Nullable Matrix touched, @Nullable Matrix orthogonalTo, boolean accumulate, Matrix sum) {
        ScalarOptimiser.squaredNorm(x, touched, orthogonalTo, accumulate, sum);
    }

    @Override
    public void clipScale(Matrix squaredNorm, float maximum, Matrix scale) {
        ScalarOptimiser.clipScale(squaredNorm, maximum, scale);
    }

    @Override
    public void adam(
            AdamStep step,
            Matrix weights,
            Matrix gradient,
            Matrix firstMoment,
            Matrix secondMoment,
            @Nullable Matrix touched,
            @Nullable Matrix gradientScale,
            boolean unitRows) {
        ScalarOptimiser.adam(
                step, weights, gradient, firstMoment, secondMoment, touched, gradientScale, unitRows, first);
    }

    @Override
    public void latentStep(
            AdamStep step,
            LatentTerms terms,
            @Nullable LatentTerms more,
            float normPenalty,
            LatentRows weights,
            LatentRows firstMoments,
            LatentRows secondMoments,
            boolean unitDecoder) {
        ScalarOptimiser.latentStep(
                step, terms, more, normPenalty, weights, firstMoments, secondMoments, unitDecoder, first, second);
    }

    @Override
    public void markFired(SparseCodes codes, int step, Matrix lastFired) {
        ScalarOptimiser.markFired(codes, step, lastFired);
    }

    @Override
    public void listDead(Matrix lastFired, int horizon, Matrix latents, Matrix count) {
        ScalarOptimiser.listDead(lastFired, horizon, latents, count);
    }

    @Override
    public void listUnderused(
            Matrix lastFired, int horizon, Matrix rates, Matrix limits, Matrix latents, Matrix count) {
        ScalarMethods.listUnderused(lastFired, horizon, rates, limits, latents, count);
    }

    @Override
    public void addStatistics(Matrix rowErrors, SparseCodes codes, Matrix statistics) {
        ScalarOptimiser.addStatistics(rowErrors, codes, statistics);
    }
}
