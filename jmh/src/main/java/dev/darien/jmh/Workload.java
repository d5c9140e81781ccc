// SPDX-License-Identifier: Apache-2.0
package dev.darien.jmh;

import dev.darien.data.SeededRandom;
import dev.darien.device.AdamStep;
import dev.darien.device.DeadSelection;
import dev.darien.device.Device;
import dev.darien.device.DeviceOptions;
import dev.darien.device.Devices;
import dev.darien.device.KernelId;
import dev.darien.device.Kernels;
import dev.darien.device.LatentGroups;
import dev.darien.device.LatentRows;
import dev.darien.device.LatentTerms;
import dev.darien.device.PackedEncoder;
import dev.darien.device.PenaltyCurve;
import dev.darien.device.Product;
import dev.darien.device.Pursuit;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import java.util.ArrayList;
import java.util.List;

/** A device with everything that the kernels of a training step work on, the same numbers on every device. */
final class Workload implements AutoCloseable {
    /** One latent of so many is dead; the panels of the encoder are as wide, at most. */
    static final int DEAD_EVERY = 16;

    static final int MEDIAN_ITERATIONS = 10;

    private static final float BANDWIDTH = 0.05f;

    private final Device device;
    private final Kernels kernels;
    private final Shape shape;
    private final SeededRandom random = new SeededRandom(1);
    private final List<AutoCloseable> held = new ArrayList<>();

    private final Matrix input;
    private final Matrix converted;
    private final Matrix residual;
    private final Matrix output;
    private final Matrix product;
    private final Matrix vector;
    private final Matrix encoderBias;
    private final Matrix decoderBias;
    private final Matrix norms;
    private final Matrix thresholds;
    private final Matrix latentVector;
    private final Matrix otherLatentVector;
    private final Matrix budgets;
    private final Matrix rowErrors;
    private final Matrix auxErrors;
    private final Matrix codeGradients;
    private final Matrix scale;
    private final Matrix scalar;
    private final Matrix statistics;
    private final Matrix touched;
    private final Matrix lastFired;
    private final Matrix deadLatents;
    private final Matrix deadCount;
    private final DeadSelection dead;
    private final PackedEncoder encoder;
    private final PackedEncoder directions;
    private final SparseCodes codes;
    private final SparseCodes manyCodes;
    private final LatentTerms terms;
    private final LatentRows weights;
    private final LatentRows gradients;
    private final LatentRows firstMoments;
    private final LatentRows secondMoments;
    private final AdamStep step = AdamStep.at(1000, 1e-7, 0.9, 0.999, 1e-8);

    Workload(String deviceName, Shape shape) {
        this.device = Devices.open(deviceName, DeviceOptions.DEFAULT);
        this.kernels = device.kernels();
        this.shape = shape;
        input = random(shape.batch, shape.width, 1);
        converted = matrix(DType.F32, shape.batch, shape.width);
        residual = random(shape.batch, shape.width, 1);
        output = matrix(DType.F32, shape.batch, shape.width);
        product = matrix(DType.F32, shape.batch, shape.latents);
        vector = matrix(DType.F32, 1, shape.width);
        encoderBias = random(1, shape.latents, 0.01);
        decoderBias = random(1, shape.width, 0.01);
        norms = matrix(DType.F32, 1, shape.latents);
        // Above these about as many fire as in top-k.
        thresholds = matrix(DType.F32, 1, shape.latents);
        kernels.fill(thresholds, 2.5f);
        latentVector = matrix(DType.F32, 1, shape.latents);
        otherLatentVector = matrix(DType.F32, 1, shape.latents);
        budgets = matrix(DType.I32, 1, shape.latents);
        kernels.fill(budgets, Math.max(1, (float) ((long) shape.k * shape.batch / shape.latents)));
        rowErrors = matrix(DType.F32, 1, shape.batch);
        auxErrors = random(1, shape.batch, 1);
        int entries = shape.batch * shape.k;
        codes = codes(entries);
        manyCodes = codes(shape.batch * shape.latents);
        codeGradients = random(1, entries, 1);
        scale = matrix(DType.F32, 1, 1);
        kernels.fill(scale, 2f / shape.batch);
        scalar = matrix(DType.F64, 1, 1);
        statistics = matrix(DType.F64, 1, 2);
        touched = matrix(DType.I32, 1, shape.latents);
        lastFired = matrix(DType.I32, 1, shape.latents);
        deadLatents = matrix(DType.I32, 1, shape.latents);
        deadCount = matrix(DType.I32, 1, 1);
        double deviation = 1 / Math.sqrt(shape.width);
        weights = new LatentRows(
                random(shape.latents, shape.width, deviation), random(shape.latents, shape.width, deviation));
        gradients = new LatentRows(
                random(shape.latents, shape.width, deviation), random(shape.latents, shape.width, deviation));
        firstMoments = rows();
        secondMoments = rows();
        encoder = hold(device.packedEncoder(shape.latents, shape.width));
        directions = hold(device.packedEncoder(shape.latents, shape.width));
        LatentGroups groups = hold(LatentGroups.allocate(device.memory(), shape.latents, entries));
        terms = new LatentTerms(codes, groups, codeGradients, input, residual, scale);
        kernels.pack(weights.encoder(), encoderBias, encoder);
        kernels.pack(weights.decoder(), encoderBias, directions);
        kernels.encodeTopK(input, encoder, shape.k, null, codes);
        kernels.groupByLatent(codes, groups);
        kernels.rowNorms(weights.decoder(), norms);
        kernels.squaredNorm(input, null, null, false, scalar);
        kernels.reconstruct(codes, weights.decoder(), decoderBias, input, 1, output, rowErrors, codeGradients);
        kernels.markFired(codes, 1, lastFired);
        dead = deadSelection();
    }

    /** The first latents are dead, so that whole panels are. */
    private DeadSelection deadSelection() {
        Matrix latents = matrix(DType.I32, 1, shape.latents);
        int count = shape.latents / DEAD_EVERY;
        try (Matrix host = device.staging("dead latents", DType.I32, 1, shape.latents)) {
            for (int at = 0; at < count; at++) {
                host.setLong(0, at, at);
            }
            device.upload(host, latents);
        }
        Matrix number = matrix(DType.I32, 1, 1);
        kernels.fill(number, count);
        return new DeadSelection(latents, number, shape.k, codes(shape.batch * shape.k));
    }

    private <T extends AutoCloseable> T hold(T resource) {
        held.add(resource);
        return resource;
    }

    private Matrix matrix(DType dtype, int rows, int columns) {
        return hold(device.memory().matrix("benchmark", dtype, rows, columns));
    }

    private LatentRows rows() {
        return new LatentRows(
                matrix(DType.F32, shape.latents, shape.width), matrix(DType.F32, shape.latents, shape.width));
    }

    private SparseCodes codes(int capacity) {
        return hold(SparseCodes.allocate(device.memory(), shape.batch, shape.latents, capacity));
    }

    private Matrix random(int rows, int columns, double deviation) {
        Matrix target = matrix(DType.F32, rows, columns);
        try (Matrix host = device.staging("random", DType.F32, rows, columns)) {
            for (int row = 0; row < rows; row++) {
                for (int column = 0; column < columns; column++) {
                    host.set(row, column, (float) (deviation * random.nextGaussian()));
                }
            }
            device.upload(host, target);
        }
        return target;
    }

    /** Runs a kernel once. The switch has no default: a new kernel doesn't compile until it is here. */
    void run(KernelId kernel) {
        switch (kernel) {
            case CONVERT -> kernels.convert(input, 0.5f, decoderBias, converted);
            case MULTIPLY -> kernels.multiply(Product.NT, input, weights.encoder(), product, false);
            case FILL -> kernels.fill(converted, 1);
            // Twice gives back what was there, however often it runs.
            case SCALE -> kernels.scale(residual, -1);
            case CLAMP_BELOW -> kernels.clampBelow(residual, 0.1f);
            case EXPONENTIAL_AVERAGE -> kernels.exponentialAverage(encoderBias, 0.01f, latentVector);
            case ROW_NORMS -> kernels.rowNorms(weights.decoder(), norms);
            case WEIGHTED_ROW_SUM -> kernels.weightedRowSum(null, input, 1f / shape.batch, false, vector);
            case GEOMETRIC_MEDIAN -> kernels.geometricMedian(input, MEDIAN_ITERATIONS, 0, vector);
            case PACK -> kernels.pack(weights.encoder(), encoderBias, encoder);
            case ENCODE_TOP_K -> kernels.encodeTopK(input, encoder, shape.k, null, codes);
            case ENCODE_BATCH_TOP_K ->
                kernels.encodeBatchTopK(input, encoder, (long) shape.k * shape.batch, null, codes, scale);
            case ENCODE_THRESHOLD -> kernels.encodeThreshold(input, encoder, thresholds, BANDWIDTH, manyCodes);
            case ENCODE_GROUP_MAX -> kernels.encodeGroupMax(input, encoder, shape.k, null, codes);
            case ENCODE_ABS_TOP_K -> kernels.encodeAbsTopK(input, encoder, shape.k, null, codes);
            case ENCODE_DEAD -> kernels.encodeDead(input, encoder, dead);
            case ENCODE_FEATURE_CHOICE ->
                kernels.encodeFeatureChoice(input, encoder, budgets, false, codes, latentVector);
            case ENCODE_MATCHING_PURSUIT ->
                kernels.encodeMatchingPursuit(input, encoder, Pursuit.of(shape.k), null, codes);
            case ATTRIBUTION_STRENGTH -> kernels.attributionStrength(residual, directions, 1, scale);
            case ENCODE_GRADIENT_TOP_K ->
                kernels.encodeGradientTopK(input, encoder, residual, directions, scale, shape.k, null, codes);
            case DECODE -> kernels.decode(codes, weights.decoder(), decoderBias, output);
            case RECONSTRUCT ->
                kernels.reconstruct(codes, weights.decoder(), decoderBias, input, 1, output, rowErrors, codeGradients);
            case ADD_L1 -> kernels.addL1(codes, norms, 1e-6f, codeGradients, scalar);
            case AUXILIARY_SCALE -> kernels.auxiliaryScale(residual, auxErrors, 1f / 32, scale, scalar);
            case GROUP_BY_LATENT -> kernels.groupByLatent(codes, terms.groups());
            case ENCODER_BIAS_GRADIENT -> kernels.encoderBiasGradient(terms, false, latentVector);
            case THRESHOLD_GRADIENT -> kernels.thresholdGradient(terms, thresholds, 1, 1e-4f, false, latentVector);
            case LATENT_GRADIENTS -> {
                kernels.fill(touched, 0);
                kernels.latentGradients(terms, 0, null, gradients, touched);
            }
            case GATED_MAGNITUDES ->
                kernels.gatedMagnitudes(codes, encoderBias, norms, latentVector, codeGradients);
            case GATED_GRADIENT ->
                kernels.gatedGradient(terms, encoderBias, norms, false, latentVector, otherLatentVector);
            case ADD_DECODED -> kernels.addDecoded(codes, codeGradients, 1e-6f, weights.decoder(), output);
            case KEEP_LATENTS -> kernels.keepLatents(codes, 0, shape.latents / 2, codeGradients);
            case ADD_PENALTY ->
                kernels.addPenalty(codes, norms, PenaltyCurve.tanh(4), 1e-6f, codeGradients, scalar);
            case SQUARED_NORM -> kernels.squaredNorm(gradients.decoder(), null, null, false, scalar);
            case CLIP_SCALE -> kernels.clipScale(scalar, 1, scale);
            case ADAM ->
                kernels.adam(
                        step,
                        weights.encoder(),
                        gradients.encoder(),
                        firstMoments.encoder(),
                        secondMoments.encoder(),
                        null,
                        null,
                        false);
            case LATENT_STEP -> kernels.latentStep(step, terms, null, 0, weights, firstMoments, secondMoments, true);
            case MARK_FIRED -> kernels.markFired(codes, 2, lastFired);
            case LIST_DEAD -> kernels.listDead(lastFired, 1, deadLatents, deadCount);
            case LIST_UNDERUSED ->
                kernels.listUnderused(lastFired, 1, norms, latentVector, deadLatents, deadCount);
            case ADD_STATISTICS -> kernels.addStatistics(rowErrors, codes, statistics);
        }
        device.synchronize();
    }

    /**
     * Sum of the magnitudes of what a kernel wrote. A sum, since a selection may well take another of two nearly equal
     * values on another device.
     */
    double digest(KernelId kernel) {
        return switch (kernel) {
            case CONVERT, FILL -> magnitude(converted);
            case MULTIPLY -> magnitude(product);
            case SCALE, CLAMP_BELOW -> magnitude(residual);
            case EXPONENTIAL_AVERAGE, ENCODER_BIAS_GRADIENT, THRESHOLD_GRADIENT -> magnitude(latentVector);
            case ROW_NORMS -> magnitude(norms);
            case WEIGHTED_ROW_SUM, GEOMETRIC_MEDIAN -> magnitude(vector);
            case PACK, ENCODE_TOP_K -> {
                // Packed weights have a layout of their own; what is encoded with them hasn't.
                run(KernelId.ENCODE_BATCH_TOP_K);
                if (kernel == KernelId.ENCODE_TOP_K) {
                    run(kernel);
                }
                yield magnitude(codes.values());
            }
            case ENCODE_BATCH_TOP_K -> magnitude(codes.values()) + magnitude(scale);
            case ENCODE_THRESHOLD -> magnitude(manyCodes.values());
            case ENCODE_ABS_TOP_K, ENCODE_GROUP_MAX, ENCODE_MATCHING_PURSUIT -> magnitude(codes.values());
            case ENCODE_DEAD -> magnitude(dead.codes().values());
            case ENCODE_FEATURE_CHOICE -> magnitude(codes.values()) + magnitude(latentVector);
            case ATTRIBUTION_STRENGTH -> magnitude(scale);
            case ENCODE_GRADIENT_TOP_K -> magnitude(codes.values());
            case DECODE, ADD_DECODED -> magnitude(output);
            case RECONSTRUCT -> magnitude(output) + magnitude(rowErrors) + magnitude(codeGradients);
            case GATED_MAGNITUDES, KEEP_LATENTS -> magnitude(codeGradients);
            case GATED_GRADIENT -> magnitude(latentVector) + magnitude(otherLatentVector);
            case ADD_L1, ADD_PENALTY -> magnitude(codeGradients) + magnitude(scalar);
            case AUXILIARY_SCALE -> magnitude(scale) + magnitude(scalar);
            case GROUP_BY_LATENT -> magnitude(terms.groups().rows());
            case LATENT_GRADIENTS -> magnitude(gradients.encoder()) + magnitude(gradients.decoder());
            case SQUARED_NORM -> magnitude(scalar);
            case CLIP_SCALE -> magnitude(scale);
            case ADAM -> magnitude(firstMoments.encoder()) + magnitude(secondMoments.encoder());
            case LATENT_STEP -> magnitude(firstMoments.encoder()) + magnitude(weights.decoder());
            case MARK_FIRED -> magnitude(lastFired);
            case LIST_DEAD, LIST_UNDERUSED -> magnitude(deadCount);
            case ADD_STATISTICS -> magnitude(statistics);
        };
    }

    private double magnitude(Matrix matrix) {
        try (Matrix host = device.staging("result", matrix.dtype(), matrix.rows(), matrix.columns())) {
            device.download(matrix, host);
            double sum = 0;
            for (long row = 0; row < host.rows(); row++) {
                for (int column = 0; column < host.columns(); column++) {
                    sum += Math.abs(
                            host.dtype().isFloating() ? host.getDouble(row, column) : host.getLong(row, column));
                }
            }
            return sum;
        }
    }

    @Override
    public void close() throws Exception {
        for (AutoCloseable resource : held.reversed()) {
            resource.close();
        }
        device.close();
    }
}
