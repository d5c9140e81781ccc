// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cuda;

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
 * Every kernel on the GPU, by theme; calls are enqueued on the compute stream. Arguments have been checked by {@link
 * dev.darien.device.CheckedKernels}.
 */
final class CudaKernels implements Kernels, AutoCloseable {
    private final CudaTransfers transfers;
    private final Pointers pointers;
    private final Allocator memory;
    private final Scratch uploaded;
    private final DenseKernels denseMatrices;
    private final PreActivations preActivations;
    private final EncodeKernels encode;
    private final BatchTopKKernels batchTopK;
    private final SparseKernels sparse;
    private final DenseCodeKernels denseCodes;
    private final GroupKernels group;
    private final LatentKernels latent;
    private final OptimiserKernels optimiser;
    private final MethodKernels methods;
    private final FeatureChoiceKernels featureChoice;
    private final PursuitKernels pursuit;
    private final PreActivations attributions;
    private final GradientTopKKernels gradientTopK;

    CudaKernels(CudaModules modules, CudaBlas blas, Pointers pointers, CudaTransfers transfers, Allocator owner) {
        this.transfers = transfers;
        this.pointers = pointers;
        this.memory = owner.child("scratch");
        uploaded = new Scratch(memory, "uploaded input");
        denseMatrices = new DenseKernels(modules, blas, pointers, memory);
        preActivations = new PreActivations(blas, denseMatrices, memory);
        encode = new EncodeKernels(modules, pointers, preActivations, memory);
        batchTopK = new BatchTopKKernels(modules, pointers, preActivations, encode, memory);
        sparse = new SparseKernels(modules, pointers, denseMatrices, memory);
        denseCodes = new DenseCodeKernels(modules, pointers, memory);
        group = new GroupKernels(modules, pointers, memory);
        latent = new LatentKernels(modules, pointers, memory);
        optimiser = new OptimiserKernels(modules, pointers, memory);
        methods = new MethodKernels(modules, pointers, memory);
        featureChoice = new FeatureChoiceKernels(modules, pointers, preActivations, encode, group, memory);
        pursuit = new PursuitKernels(modules, pointers, preActivations, encode, memory);
        attributions = new PreActivations(blas, denseMatrices, memory);
        gradientTopK = new GradientTopKKernels(modules, pointers, preActivations, attributions, encode, memory);
    }

    /**
     * Memory that the GPU can reach is read where it lies: in its turn if its owner has had it pinned, else before this
     * returns. Any other memory of the host is copied first.
     */
    @Override
    public void convert(Matrix source, float scale, @Nullable Matrix offset, Matrix out) {
        if (out.rows() == 0 || out.columns() == 0) {
            return;
        }
        if (pointers.reaches(source)) {
            denseMatrices.convert(pointers.of(source), source.stride(), source.dtype(), scale, offset, out);
            if (!pointers.isShared(source)) {
                transfers.await();
            }
            return;
        }
        long bytes = source.rows() * source.columns() * source.dtype().bytes();
        long copy = uploaded.bytes(bytes);
        transfers.upload(source, copy, source.columns());
        denseMatrices.convert(copy, source.columns(), source.dtype(), scale, offset, out);
    }

    @Override
    public void multiply(Product product, Matrix a, Matrix b, Matrix out, boolean accumulate) {
        denseMatrices.multiply(product, a, b, out, accumulate);
    }

    @Override
    public void fill(Matrix x, float value) {
        denseMatrices.fill(x, value);
    }

    @Override
    public void scale(Matrix x, float factor) {
        denseMatrices.scale(x, factor);
    }

    @Override
    public void clampBelow(Matrix x, float minimum) {
        denseMatrices.clampBelow(x, minimum);
    }

    @Override
    public void exponentialAverage(Matrix value, float rate, Matrix average) {
        denseMatrices.exponentialAverage(value, rate, average);
    }

    @Override
    public void rowNorms(Matrix x, Matrix norms) {
        denseMatrices.rowNorms(x, norms);
    }

    @Override
    public void weightedRowSum(@Nullable Matrix weights, Matrix rows, float factor, boolean accumulate, Matrix out) {
        denseMatrices.weightedRowSum(weights, rows, factor, accumulate, out);
    }

    @Override
    public void geometricMedian(Matrix x, int iterations, float tolerance, Matrix median) {
        denseMatrices.geometricMedian(x, iterations, tolerance, median);
    }

    @Override
    public void pack(Matrix wEnc, Matrix bEnc, PackedEncoder encoder) {
        CudaEncoder own = own(encoder);
        own.pack(wEnc, bEnc);
        Matrix rounded = own.rounded();
        if (rounded != null) {
            denseMatrices.toBf16(wEnc, pointers.of(rounded), rounded.stride());
        }
    }

    private static CudaEncoder own(PackedEncoder encoder) {
        return Shapes.encoder(encoder, CudaEncoder.class);
    }

    @Override
    public void encodeTopK(Matrix x, PackedEncoder encoder, int k, @Nullable DeadSelection dead, SparseCodes codes) {
        encode.topK(x, own(encoder), k, dead, codes);
    }

    @Override
    public void encodeBatchTopK(
            Matrix x,
            PackedEncoder encoder,
            long budget,
            @Nullable DeadSelection dead,
            SparseCodes codes,
            Matrix smallestKept) {
        batchTopK.select(x, own(encoder), budget, dead, codes, smallestKept);
    }

    /** Only codes that might be too small are waited for and looked at. */
    @Override
    public void encodeThreshold(
            Matrix x, PackedEncoder encoder, @Nullable Matrix thresholds, float bandwidth, SparseCodes codes) {
        encode.threshold(x, own(encoder), thresholds, bandwidth, codes);
        if (codes.capacity() < x.rows() * encoder.latents()) {
            int row = transfers.firstRowBeyond(codes);
            if (row >= 0) {
                encode.clearOffsets(codes);
                throw Shapes.overflow(codes, row);
            }
        }
    }

    @Override
    public void encodeDead(Matrix x, PackedEncoder encoder, DeadSelection dead) {
        encode.dead(x, own(encoder), dead);
    }

    @Override
    public void encodeGroupMax(
            Matrix x, PackedEncoder encoder, int groups, @Nullable DeadSelection dead, SparseCodes codes) {
        encode.groupMax(x, own(encoder), groups, dead, codes);
    }

    @Override
    public void encodeFeatureChoice(
            Matrix x,
            PackedEncoder encoder,
            Matrix budgets,
            boolean keepNonPositive,
            SparseCodes codes,
            Matrix smallestKept) {
        featureChoice.select(x, own(encoder), budgets, keepNonPositive, codes, smallestKept);
    }

    @Override
    public void encodeAbsTopK(Matrix x, PackedEncoder encoder, int k, @Nullable DeadSelection dead, SparseCodes codes) {
        encode.absTopK(x, own(encoder), k, dead, codes);
    }

    @Override
    public void encodeMatchingPursuit(
            Matrix x, PackedEncoder dictionary, Pursuit limits, @Nullable PursuitSteps steps, SparseCodes codes) {
        pursuit.encode(x, own(dictionary), limits, steps, codes);
    }

    @Override
    public void attributionStrength(Matrix gradients, PackedEncoder directions, float beta, Matrix strength) {
        gradientTopK.strength(gradients, own(directions), beta, strength);
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
        gradientTopK.select(x, own(encoder), gradients, own(directions), strength, k, dead, codes);
    }

    @Override
    public void decode(SparseCodes codes, Matrix wDec, @Nullable Matrix bias, Matrix out) {
        long dense = denseCodes.flag(codes);
        sparse.decode(dense, codes, wDec, bias, out);
        if (dense != Pointers.NONE) {
            denseCodes.decode(dense, codes, wDec, bias, out);
        }
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
        long dense = denseCodes.flag(codes);
        sparse.reconstruct(dense, codes, wDec, bias, target, targetSign, residual, rowErrors, codeGradients);
        if (dense != Pointers.NONE) {
            denseCodes.reconstruct(dense, codes, wDec, bias, target, targetSign, residual, rowErrors, codeGradients);
        }
    }

    @Override
    public void addL1(
            SparseCodes codes, @Nullable Matrix norms, float coefficient, Matrix codeGradients, Matrix penalty) {
        sparse.addL1(codes, norms, coefficient, codeGradients, penalty);
    }

    @Override
    public void auxiliaryScale(Matrix residual, Matrix auxErrors, float coefficient, Matrix scale, Matrix loss) {
        sparse.auxiliaryScale(residual, auxErrors, coefficient, scale, loss);
    }

    @Override
    public void groupByLatent(SparseCodes codes, LatentGroups groups) {
        group.groupByLatent(codes, groups);
    }

    @Override
    public void encoderBiasGradient(LatentTerms terms, boolean accumulate, Matrix gradient) {
        latent.encoderBiasGradient(terms, accumulate, gradient);
    }

    @Override
    public void thresholdGradient(
            LatentTerms terms,
            Matrix thresholds,
            float bandwidth,
            float l0Coefficient,
            boolean accumulate,
            Matrix gradient) {
        latent.thresholdGradient(terms, thresholds, bandwidth, l0Coefficient, accumulate, gradient);
    }

    @Override
    public void latentGradients(
            LatentTerms terms, float normPenalty, @Nullable Matrix wDec, LatentRows gradients, Matrix touched) {
        long dense = denseCodes.flag(terms.codes());
        latent.latentGradients(dense, terms, normPenalty, wDec, gradients, touched);
        if (dense != Pointers.NONE) {
            denseCodes.latentGradients(dense, terms, normPenalty, wDec, gradients, touched);
        }
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
        pursuit.addDecoded(codes, factors, scale, wDec, rows);
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
        optimiser.clipScale(squaredNorm, maximum, scale);
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
        latent.latentStep(step, terms, more, normPenalty, weights, firstMoments, secondMoments, unitDecoder);
    }

    @Override
    public void markFired(SparseCodes codes, int step, Matrix lastFired) {
        sparse.markFired(codes, step, lastFired);
    }

    @Override
    public void listDead(Matrix lastFired, int horizon, Matrix latents, Matrix count) {
        sparse.listDead(lastFired, horizon, latents, count);
    }

    @Override
    public void listUnderused(
            Matrix lastFired, int horizon, Matrix rates, Matrix limits, Matrix latents, Matrix count) {
        methods.listUnderused(lastFired, horizon, rates, limits, latents, count);
    }

    @Override
    public void addStatistics(Matrix rowErrors, SparseCodes codes, Matrix statistics) {
        sparse.addStatistics(rowErrors, codes, statistics);
    }

    @Override
    public void close() {
        gradientTopK.close();
        attributions.close();
        pursuit.close();
        featureChoice.close();
        methods.close();
        optimiser.close();
        latent.close();
        group.close();
        denseCodes.close();
        sparse.close();
        batchTopK.close();
        encode.close();
        preActivations.close();
        denseMatrices.close();
        uploaded.close();
        memory.close();
    }
}
