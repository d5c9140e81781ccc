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
import dev.darien.memory.Allocator;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import org.jspecify.annotations.Nullable;

/**
 * The kernels with the Vector API and a team of threads. Orders are those of the reference; what touches only a scalar
 * or a handful of numbers is the reference.
 */
final class VectorKernels implements Kernels, AutoCloseable {
    private final VectorDense dense;
    private final VectorProduct products;
    private final VectorEncode encode;
    private final VectorGradientTopK gradientTopK;
    private final DenseCodes denseCodes;
    private final VectorGradients gradients;
    private final VectorLatents latents;
    private final VectorOptimiser optimiser;
    private final VectorSmall small;
    private final VectorMethods methods;
    private final Team team;
    private final WorkerScratch[] scratch;

    VectorKernels(Team team, Allocator memory) {
        this.team = team;
        scratch = WorkerScratch.of(team.threads());
        dense = new VectorDense(team, scratch);
        products = new VectorProduct(memory, team, scratch);
        encode = new VectorEncode(team);
        gradientTopK = new VectorGradientTopK(team, encode);
        denseCodes = new DenseCodes(memory, team, products);
        gradients = new VectorGradients(team, scratch, denseCodes);
        latents = new VectorLatents(team, scratch, denseCodes);
        optimiser = new VectorOptimiser(team, scratch);
        small = new VectorSmall(team);
        methods = new VectorMethods(team);
    }

    @Override
    public void convert(Matrix source, float scale, @Nullable Matrix offset, Matrix out) {
        dense.convert(source, scale, offset, out);
    }

    @Override
    public void multiply(Product product, Matrix a, Matrix b, Matrix out, boolean accumulate) {
        products.multiply(product, a, b, out, accumulate);
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
        dense.exponentialAverage(value, rate, average);
    }

    @Override
    public void rowNorms(Matrix x, Matrix norms) {
        dense.rowNorms(x, norms);
    }

    @Override
    public void weightedRowSum(@Nullable Matrix weights, Matrix rows, float factor, boolean accumulate, Matrix out) {
        dense.weightedRowSum(weights, rows, factor, accumulate, out);
    }

    @Override
    public void geometricMedian(Matrix x, int iterations, float tolerance, Matrix median) {
        dense.geometricMedian(x, iterations, tolerance, median);
    }

    @Override
    public void pack(Matrix wEnc, Matrix bEnc, PackedEncoder encoder) {
        Shapes.encoder(encoder, VectorEncoder.class).pack(team, scratch, wEnc, bEnc);
    }

    @Override
    public void encodeTopK(Matrix x, PackedEncoder encoder, int k, @Nullable DeadSelection dead, SparseCodes codes) {
        encode.topK(x, Shapes.encoder(encoder, VectorEncoder.class), k, dead, codes);
    }

    @Override
    public void encodeBatchTopK(
            Matrix x,
            PackedEncoder encoder,
            long budget,
            @Nullable DeadSelection dead,
            SparseCodes codes,
            Matrix smallestKept) {
        encode.batchTopK(x, Shapes.encoder(encoder, VectorEncoder.class), budget, dead, codes, smallestKept);
    }

    @Override
    public void encodeThreshold(
            Matrix x, PackedEncoder encoder, @Nullable Matrix thresholds, float bandwidth, SparseCodes codes) {
        encode.threshold(x, Shapes.encoder(encoder, VectorEncoder.class), thresholds, bandwidth, codes);
    }

    @Override
    public void encodeDead(Matrix x, PackedEncoder encoder, DeadSelection dead) {
        encode.dead(x, Shapes.encoder(encoder, VectorEncoder.class), dead);
    }

    @Override
    public void encodeGroupMax(
            Matrix x, PackedEncoder encoder, int groups, @Nullable DeadSelection dead, SparseCodes codes) {
        encode.groupMax(x, Shapes.encoder(encoder, VectorEncoder.class), groups, dead, codes);
    }

    @Override
    public void encodeFeatureChoice(
            Matrix x,
            PackedEncoder encoder,
            Matrix budgets,
            boolean keepNonPositive,
            SparseCodes codes,
            Matrix smallestKept) {
        VectorEncoder own = Shapes.encoder(encoder, VectorEncoder.class);
        own.featureChoice(team).select(x, own, budgets, keepNonPositive, codes, smallestKept);
    }

    @Override
    public void encodeAbsTopK(Matrix x, PackedEncoder encoder, int k, @Nullable DeadSelection dead, SparseCodes codes) {
        VectorEncoder own = Shapes.encoder(encoder, VectorEncoder.class);
        own.absTopK(team).select(encode, x, own, k, dead, codes);
    }

    @Override
    public void encodeMatchingPursuit(
            Matrix x, PackedEncoder dictionary, Pursuit limits, @Nullable PursuitSteps steps, SparseCodes codes) {
        VectorEncoder own = Shapes.encoder(dictionary, VectorEncoder.class);
        own.pursuit(team).encode(x, own, limits, steps, codes);
    }

    @Override
    public void attributionStrength(Matrix gradients, PackedEncoder directions, float beta, Matrix strength) {
        gradientTopK.strength(gradients, Shapes.encoder(directions, VectorEncoder.class), beta, strength);
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
        gradientTopK.select(
                x,
                Shapes.encoder(encoder, VectorEncoder.class),
                gradients,
                Shapes.encoder(directions, VectorEncoder.class),
                strength,
                k,
                dead,
                codes);
    }

    @Override
    public void decode(SparseCodes codes, Matrix wDec, @Nullable Matrix bias, Matrix out) {
        gradients.decode(codes, wDec, bias, out);
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
        gradients.reconstruct(codes, wDec, bias, target, targetSign, residual, rowErrors, codeGradients);
    }

    @Override
    public void addL1(
            SparseCodes codes, @Nullable Matrix norms, float coefficient, Matrix codeGradients, Matrix penalty) {
        ScalarGradients.addL1(codes, norms, coefficient, codeGradients, penalty);
    }

    @Override
    public void auxiliaryScale(Matrix residual, Matrix auxErrors, float coefficient, Matrix scale, Matrix loss) {
        gradients.auxiliaryScale(dense, residual, auxErrors, coefficient, scale, loss);
    }

    @Override
    public void groupByLatent(SparseCodes codes, LatentGroups groups) {
        small.groupByLatent(codes, groups);
    }

    @Override
    public void encoderBiasGradient(LatentTerms terms, boolean accumulate, Matrix gradient) {
        small.encoderBiasGradient(terms, accumulate, gradient);
    }

    @Override
    public void thresholdGradient(
            LatentTerms terms,
            Matrix thresholds,
            float bandwidth,
            float l0Coefficient,
            boolean accumulate,
            Matrix gradient) {
        small.thresholdGradient(terms, thresholds, bandwidth, l0Coefficient, accumulate, gradient);
    }

    @Override
    public void latentGradients(
            LatentTerms terms, float normPenalty, @Nullable Matrix wDec, LatentRows gradients, Matrix touched) {
        latents.latentGradients(terms, normPenalty, wDec, gradients, touched);
    }

    @Override
    public void gatedMagnitudes(
            SparseCodes gates, Matrix gateBias, Matrix logScale, Matrix magnitudeBias, Matrix magnitudes) {
        methods.gatedMagnitudes(gates, gateBias, logScale, magnitudeBias, magnitudes);
    }

    @Override
    public void gatedGradient(
            LatentTerms terms,
            Matrix logScale,
            Matrix magnitudeBias,
            boolean accumulate,
            Matrix scaleGradient,
            Matrix biasGradient) {
        methods.gatedGradient(terms, logScale, magnitudeBias, accumulate, scaleGradient, biasGradient);
    }

    @Override
    public void addDecoded(SparseCodes codes, Matrix factors, float scale, Matrix wDec, Matrix rows) {
        gradients.addDecoded(codes, factors, scale, wDec, rows);
    }

    @Override
    public void keepLatents(SparseCodes codes, int first, int last, Matrix values) {
        methods.keepLatents(codes, first, last, values);
    }

    @Override
    public void addPenalty(
            SparseCodes codes,
            @Nullable Matrix norms,
            PenaltyCurve curve,
            float coefficient,
            Matrix codeGradients,
            Matrix penalty) {
        methods.addPenalty(codes, norms, curve, coefficient, codeGradients, penalty);
    }

    @Override
    public void squaredNorm(
            Matrix x, @Nullable Matrix touched, @Nullable Matrix orthogonalTo, boolean accumulate, Matrix sum) {
        optimiser.squaredNorm(x, touched, orthogonalTo, accumulate, sum);
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
        optimiser.adam(step, weights, gradient, firstMoment, secondMoment, touched, gradientScale, unitRows);
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
        latents.latentStep(step, terms, more, normPenalty, weights, firstMoments, secondMoments, unitDecoder);
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

    /** Gives back what the dense path holds. */
    @Override
    public void close() {
        products.close();
        denseCodes.close();
    }
}
