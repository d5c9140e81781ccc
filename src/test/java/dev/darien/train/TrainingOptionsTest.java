// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.darien.sae.Relu;
import org.junit.jupiter.api.Test;

class TrainingOptionsTest {
    private static final TrainingOptions OPTIONS =
            Recipe.of("topk").k(4).latents(64).batch(10).tokens(1005).build(16);

    @Test
    void stepsAreWholeBatches() {
        assertThat(OPTIONS.steps()).isEqualTo(100);
    }

    @Test
    void theDeadWindowIsRoundedUpToSteps() {
        assertThat(TestOptions.with(OPTIONS, "deadAfterTokens", 101L).deadAfterSteps())
                .isEqualTo(11);
        assertThat(TestOptions.with(OPTIONS, "deadAfterTokens", 1L).deadAfterSteps())
                .isEqualTo(1);
        assertThat(TestOptions.with(OPTIONS, "deadAfterTokens", Long.MAX_VALUE).deadAfterSteps())
                .isPositive();
    }

    @Test
    void aDescriptionNamesEveryOptionInOrder() {
        assertThat(OPTIONS.describe().keySet())
                .startsWith("mapping", "sparsity", "penalty")
                .endsWith("thresholdDecay", "seed");
        assertThat(OPTIONS.describe()).containsEntry("batch", 10).containsEntry("sparsity", "TopK[k=4]");
    }

    @Test
    void optionsThatContradictEachOtherAreRefused() {
        refused("L0 penalty needs jumprelu", "penalty", new Penalty.L0(1), "auxiliary", new Auxiliary.None());
        refused("the auxiliary loss needs a selection with a k", "sparsity", new Relu());
        refused("dead window must be at least 1 token", "deadAfterTokens", 0L);
        refused("betas must be in [0, 1)", "beta1", 1.0);
        refused("betas must be in [0, 1)", "beta2", -0.1);
        refused("epsilon must be positive", "epsilon", 0.0);
        refused("threshold decay must be in [0, 1)", "thresholdDecay", 1.0);
        refused("first threshold can't be negative", "initialThreshold", -1.0);
        refused("decoder rows must start with a positive norm", "decoderInitNorm", 0.0);
        refused("must start with norm 1", "decoderInitNorm", 0.1);
        refused("a warm-up can't be negative", "kWarmupSteps", -1L);
        refused("a warm-up can't be negative", "sparsityWarmupSteps", -1L);
    }

    private static void refused(String sentence, Object... changes) {
        assertThatThrownBy(() -> TestOptions.with(OPTIONS, changes))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(sentence);
    }
}
