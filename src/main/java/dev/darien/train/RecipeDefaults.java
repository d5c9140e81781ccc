// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import java.util.List;

/**
 * What a preset says where nobody has chosen.
 *
 * @param architecture one of {@link Recipe#ARCHITECTURES}, {@code mutual-choice} as {@code batchtopk}
 */
record RecipeDefaults(String architecture, Preset preset) {
    /** JumpReLU's window in units of inputs with mean squared norm 1; see {@code docs/architecture.md} for why. */
    private static final double DEFAULT_BANDWIDTH = 0.1;

    private static final int DEFAULT_K = 32;

    private boolean paper(String name) {
        return preset == Preset.PAPER && architecture.equals(name);
    }

    /** The architectures of which the paper trains without a first moment. */
    private boolean paperOfThresholds() {
        return paper("jumprelu") || paper("gated");
    }

    int k() {
        return preset == Preset.SAELENS ? 100 : DEFAULT_K;
    }

    double bandwidth() {
        return switch (preset) {
            case PAPER -> 0.001;
            case SAELENS -> 0.05;
            default -> DEFAULT_BANDWIDTH;
        };
    }

    /** 0: fitted to the first batch. */
    double threshold() {
        return switch (preset) {
            case PAPER -> 0.001;
            case SAELENS -> 0.01;
            default -> 0;
        };
    }

    double l1() {
        return switch (preset) {
            case APRIL -> 5;
            case SAELENS -> 1;
            default -> 0.02;
        };
    }

    double l0() {
        return preset == Preset.SAELENS ? 1 : 6e-4;
    }

    Auxiliary auxiliary() {
        if (!Recipe.hasK(architecture)) {
            return new Auxiliary.None();
        }
        if (architecture.equals("feature-choice")) {
            return new Auxiliary.Zipf(1.0 / 32, 0, 0.1);
        }
        return new Auxiliary.AuxK(preset == Preset.SAELENS ? 1 : 1.0 / 32, 0);
    }

    int batch() {
        return preset == Preset.DEFAULT ? 1024 : 4096;
    }

    double learningRate(int latents) {
        // Gao et al. 2024, figure 3: the best rate falls with the root of the number of latents.
        double scaled = 2e-4 / Math.sqrt(latents / 16384.0);
        return switch (preset) {
            case DEFAULT, BRICKEN -> scaled;
            case APRIL -> 5e-5;
            case SAELENS -> 3e-4;
            case PAPER ->
                switch (architecture) {
                    case "batchtopk", "matryoshka", "gated" -> 3e-4;
                    case "jumprelu" -> 7e-5;
                    default -> scaled;
                };
        };
    }

    double beta1() {
        return paperOfThresholds() ? 0 : 0.9;
    }

    double beta2() {
        return paper("batchtopk") || paper("matryoshka") ? 0.99 : 0.999;
    }

    double epsilon() {
        return paper("topk") || paper("multi-topk") ? 6.25e-10 : 1e-8;
    }

    long warmup(long steps) {
        return switch (preset) {
            case DEFAULT, BRICKEN -> Math.min(1000, steps / 20);
            case PAPER -> architecture.equals("jumprelu") ? 1000 : 0;
            case APRIL, SAELENS -> 0;
        };
    }

    Schedule.Shape warmupShape() {
        return paper("jumprelu") ? Schedule.Shape.COSINE : Schedule.Shape.LINEAR;
    }

    double decay() {
        return preset == Preset.PAPER || preset == Preset.SAELENS ? 0 : 0.2;
    }

    double clip() {
        return preset == Preset.PAPER && !architecture.equals("topk") && !architecture.equals("multi-topk") ? 0 : 1;
    }

    long sparsityWarmup(long steps) {
        if (paper("jumprelu")) {
            return 10_000;
        }
        return preset == Preset.SAELENS ? 0 : steps / 20;
    }

    long deadTokens(int batch, long tokens) {
        long tenth = Math.max(batch, tokens / 10);
        return switch (preset) {
            case PAPER ->
                switch (architecture) {
                    case "batchtopk" -> 5L * batch;
                    case "matryoshka" -> 20L * batch;
                    default -> 10_000_000;
                };
            case SAELENS -> 1000L * batch;
            default -> Math.min(10_000_000, tenth);
        };
    }

    InputScaling scaling() {
        return switch (preset) {
            case APRIL -> InputScaling.WIDTH;
            case SAELENS -> InputScaling.NONE;
            default -> InputScaling.UNIT_MEAN_SQUARE;
        };
    }

    BiasInit biasInit() {
        if (preset == Preset.APRIL || preset == Preset.SAELENS || paperOfThresholds()) {
            return BiasInit.ZERO;
        }
        return preset == Preset.PAPER ? BiasInit.GEOMETRIC_MEDIAN : BiasInit.MEAN;
    }

    /** Whether decoder rows keep norm 1; p-annealing, gated and matching pursuit know no other. */
    boolean unitDecoder() {
        boolean free = preset == Preset.APRIL || preset == Preset.SAELENS;
        return !free || List.of("gated", "p-anneal", "matching-pursuit").contains(architecture);
    }

    double decoderInitNorm() {
        return unitDecoder() ? 1 : 0.1;
    }

    boolean subtractDecoderBias() {
        return !paper("jumprelu");
    }
}
