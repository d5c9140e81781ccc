// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Random;

/** For every kernel a generator of random problems, and what comes out of one on a device. */
final class KernelCases {
    private KernelCases() {}

    static List<KernelOutput> run(KernelId kernel, DeviceFixture fixture, Random random) {
        return run(kernel, fixture, random, RandomData.Kind.ORDINARY);
    }

    static List<KernelOutput> run(KernelId kernel, DeviceFixture fixture, Random random, RandomData.Kind kind) {
        KernelTrial trial = new KernelTrial(fixture, random, kind);
        generate(kernel, trial);
        assertThat(trial.outputs()).as("outputs of %s", kernel).isNotEmpty();
        return trial.outputs();
    }

    private static void generate(KernelId kernel, KernelTrial trial) {
        switch (kernel) {
            case CONVERT -> new DenseCases(trial).convert();
            case MULTIPLY -> new DenseCases(trial).multiply();
            case FILL -> new DenseCases(trial).fill();
            case SCALE ->
                new DenseCases(trial)
                        .inPlace(x -> trial.kernels().scale(x, trial.data().number()), 1);
            case CLAMP_BELOW ->
                new DenseCases(trial)
                        .inPlace(x -> trial.kernels().clampBelow(x, trial.data().number()), 0);
            case EXPONENTIAL_AVERAGE -> new DenseCases(trial).exponentialAverage();
            case ROW_NORMS -> new DenseCases(trial).rowNorms();
            case WEIGHTED_ROW_SUM -> new DenseCases(trial).weightedRowSum();
            case GEOMETRIC_MEDIAN -> new DenseCases(trial).geometricMedian();
            case PACK -> new EncodeCases(trial).pack();
            case ENCODE_TOP_K -> new EncodeCases(trial).encodeTopK();
            case ENCODE_BATCH_TOP_K -> new EncodeCases(trial).encodeBatchTopK();
            case ENCODE_THRESHOLD -> new EncodeCases(trial).encodeThreshold();
            case ENCODE_FEATURE_CHOICE -> new EncodeCases(trial).encodeFeatureChoice();
            case ENCODE_GROUP_MAX -> new EncodeCases(trial).encodeGroupMax();
            case ENCODE_ABS_TOP_K -> new EncodeCases(trial).encodeAbsTopK();
            case ENCODE_DEAD -> new EncodeCases(trial).encodeDead();
            case ENCODE_MATCHING_PURSUIT -> new MethodCases(trial).encodeMatchingPursuit();
            case ATTRIBUTION_STRENGTH -> new EncodeCases(trial).attributionStrength();
            case ENCODE_GRADIENT_TOP_K -> new EncodeCases(trial).encodeGradientTopK();
            case DECODE -> new GradientCases(trial).decode();
            case RECONSTRUCT -> new GradientCases(trial).reconstruct();
            case ADD_L1 -> new GradientCases(trial).addL1();
            case AUXILIARY_SCALE -> new GradientCases(trial).auxiliaryScale();
            case GROUP_BY_LATENT -> new GradientCases(trial).groupByLatent();
            case ENCODER_BIAS_GRADIENT -> new GradientCases(trial).encoderBiasGradient();
            case THRESHOLD_GRADIENT -> new GradientCases(trial).thresholdGradient();
            case LATENT_GRADIENTS -> new GradientCases(trial).latentGradients();
            case GATED_MAGNITUDES -> new MethodCases(trial).gatedMagnitudes();
            case GATED_GRADIENT -> new MethodCases(trial).gatedGradient();
            case ADD_DECODED -> new MethodCases(trial).addDecoded();
            case KEEP_LATENTS -> new MethodCases(trial).keepLatents();
            case ADD_PENALTY -> new MethodCases(trial).addPenalty();
            case SQUARED_NORM -> new OptimiserCases(trial).squaredNorm();
            case CLIP_SCALE -> new OptimiserCases(trial).clipScale();
            case ADAM -> new OptimiserCases(trial).adam();
            case LATENT_STEP -> new OptimiserCases(trial).latentStep();
            case MARK_FIRED -> new OptimiserCases(trial).markFired();
            case LIST_DEAD -> new OptimiserCases(trial).listDead();
            case LIST_UNDERUSED -> new MethodCases(trial).listUnderused();
            case ADD_STATISTICS -> new OptimiserCases(trial).addStatistics();
        }
    }
}
