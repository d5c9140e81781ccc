// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.darien.sae.BatchTopK;
import dev.darien.sae.JumpRelu;
import dev.darien.sae.Relu;
import dev.darien.sae.TopK;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RecipeTest {

    @Test
    void defaultsOfALongRun() {
        TrainingOptions options =
                Recipe.of("topk").latents(16384).tokens(1_024_000_000).build(128);
        assertThat(options.batch()).isEqualTo(1024);
        assertThat(options.warmupSteps()).isEqualTo(1000);
        assertThat(options.decayFraction()).isEqualTo(0.2);
        assertThat(options.learningRateSchedule().decay()).isEqualTo(200_000);
        assertThat(options.deadAfterTokens()).isEqualTo(10_000_000);
        assertThat(options.deadAfterSteps()).isEqualTo(9766);
        assertThat(options.learningRate()).isCloseTo(2e-4, within(1e-12));
        assertThat(options.clip()).isEqualTo(1);
    }

    @Test
    void defaultsOfAShortRunScaleWithIt() {
        TrainingOptions options = Recipe.of("topk").tokens(102_400).build(128);
        assertThat(options.steps()).isEqualTo(100);
        assertThat(options.warmupSteps()).isEqualTo(5);
        assertThat(options.learningRateSchedule().decay()).isEqualTo(20);
        assertThat(options.deadAfterTokens()).isEqualTo(10_240);
        assertThat(options.deadAfterSteps()).isEqualTo(10);
        TrainingOptions one = Recipe.of("topk").tokens(1024).build(128);
        assertThat(one.steps()).isEqualTo(1);
        assertThat(one.deadAfterSteps()).isEqualTo(1);
        assertThat(one.warmupSteps()).isZero();
    }

    @Test
    void latentsAreGivenOrAMultipleOfTheWidth() {
        assertThat(Recipe.of("topk").build(128).latents()).isEqualTo(1024);
        assertThat(Recipe.of("topk").expansion(3).build(128).latents()).isEqualTo(384);
        assertThat(Recipe.of("topk").expansion(3).latents(77).build(128).latents())
                .isEqualTo(77);
    }

    @Test
    void theBestLearningRateFallsWithTheRootOfTheLatents() {
        double few = Recipe.of("topk").latents(4096).build(128).learningRate();
        double many = Recipe.of("topk").latents(65536).build(128).learningRate();
        assertThat(few).isCloseTo(4e-4, within(1e-12));
        assertThat(many).isCloseTo(1e-4, within(1e-12));
    }

    @Test
    void mutualChoiceIsBatchTopK() {
        assertThat(Recipe.of("mutual-choice").k(7).build(64))
                .isEqualTo(Recipe.of("batchtopk").k(7).build(64));
        assertThat(Recipe.of("batchtopk").k(7).build(64).sparsity()).isEqualTo(new BatchTopK(7));
    }

    @Test
    void thePaperOfTopK() {
        TrainingOptions options = Recipe.of("topk").preset(Preset.PAPER).build(768);
        assertThat(options.sparsity()).isEqualTo(new TopK(32));
        assertThat(options.epsilon()).isEqualTo(6.25e-10);
        assertThat(options.beta1()).isEqualTo(0.9);
        assertThat(options.beta2()).isEqualTo(0.999);
        assertThat(options.deadAfterTokens()).isEqualTo(10_000_000);
        assertThat(options.biasInit()).isEqualTo(BiasInit.GEOMETRIC_MEDIAN);
        assertThat(options.auxiliary()).isEqualTo(new Auxiliary.AuxK(1.0 / 32, 0));
        assertThat(options.unitDecoder()).isTrue();
        assertThat(options.subtractDecoderBias()).isTrue();
        assertThat(options.warmupSteps()).isZero();
        assertThat(options.decayFraction()).isZero();
    }

    @Test
    void thePaperOfBatchTopK() {
        TrainingOptions options = Recipe.of("batchtopk").preset(Preset.PAPER).build(768);
        assertThat(options.learningRate()).isEqualTo(3e-4);
        assertThat(options.beta2()).isEqualTo(0.99);
        assertThat(options.batch()).isEqualTo(4096);
        assertThat(options.deadAfterSteps()).isEqualTo(5);
        assertThat(options.clip()).isZero();
    }

    @Test
    void thePaperOfJumpRelu() {
        TrainingOptions options = Recipe.of("jumprelu").preset(Preset.PAPER).build(768);
        assertThat(options.sparsity()).isEqualTo(new JumpRelu(0.001f));
        assertThat(options.initialThreshold()).isEqualTo(0.001);
        assertThat(options.scaling()).isEqualTo(InputScaling.UNIT_MEAN_SQUARE);
        assertThat(options.unitDecoder()).isTrue();
        assertThat(options.subtractDecoderBias()).isFalse();
        assertThat(options.biasInit()).isEqualTo(BiasInit.ZERO);
        assertThat(options.beta1()).isZero();
        assertThat(options.beta2()).isEqualTo(0.999);
        assertThat(options.epsilon()).isEqualTo(1e-8);
        assertThat(options.learningRate()).isEqualTo(7e-5);
        assertThat(options.warmupSteps()).isEqualTo(1000);
        assertThat(options.warmupShape()).isEqualTo(Schedule.Shape.COSINE);
        assertThat(options.decayFraction()).isZero();
        assertThat(options.penalty()).isEqualTo(new Penalty.L0(6e-4));
        assertThat(options.sparsityWarmupSteps()).isEqualTo(10_000);
        assertThat(options.batch()).isEqualTo(4096);
    }

    @Test
    void reluAsInApril2024() {
        TrainingOptions options =
                Recipe.of("relu").preset(Preset.APRIL).tokens(4_096_000).build(768);
        assertThat(options.sparsity()).isEqualTo(new Relu());
        assertThat(options.penalty()).isEqualTo(new Penalty.L1(5, true));
        assertThat(options.decoderInitNorm()).isEqualTo(0.1);
        assertThat(options.unitDecoder()).isFalse();
        assertThat(options.scaling()).isEqualTo(InputScaling.WIDTH);
        assertThat(options.learningRate()).isEqualTo(5e-5);
        assertThat(options.decayFraction()).isEqualTo(0.2);
        assertThat(options.sparsityWarmupSteps()).isEqualTo(options.steps() / 20);
        assertThat(options.clip()).isEqualTo(1);
        assertThat(options.biasInit()).isEqualTo(BiasInit.ZERO);
    }

    @Test
    void reluAsInBricken2023() {
        TrainingOptions options = Recipe.of("relu").preset(Preset.BRICKEN).build(768);
        assertThat(options.penalty())
                .isInstanceOfSatisfying(Penalty.L1.class, l1 -> assertThat(l1.decoderNormWeighted())
                        .isFalse());
        assertThat(options.unitDecoder()).isTrue();
        assertThat(options.auxiliary()).isEqualTo(new Auxiliary.None());
    }

    @Test
    void saeLensDefaults() {
        TrainingOptions jump = Recipe.of("jumprelu").preset(Preset.SAELENS).build(768);
        assertThat(jump.sparsity()).isEqualTo(new JumpRelu(0.05f));
        assertThat(jump.initialThreshold()).isEqualTo(0.01);
        assertThat(jump.penalty()).isEqualTo(new Penalty.L0(1));
        TrainingOptions topK = Recipe.of("topk").preset(Preset.SAELENS).build(768);
        assertThat(topK.sparsity()).isEqualTo(new TopK(100));
        assertThat(topK.learningRate()).isEqualTo(3e-4);
        assertThat(topK.deadAfterSteps()).isEqualTo(1000);
    }

    @Test
    void everyPresetBuildsOptionsForItsArchitectures() {
        for (String architecture : Recipe.ARCHITECTURES) {
            for (Preset preset : Preset.values()) {
                boolean reluOnly = preset == Preset.BRICKEN || preset == Preset.APRIL;
                if (!reluOnly || architecture.equals("relu")) {
                    assertThat(Recipe.of(architecture).preset(preset).build(512).describe())
                            .hasSize(TrainingOptions.class.getRecordComponents().length);
                }
            }
        }
    }

    @Test
    void presetsAreFoundByName() {
        assertThat(Preset.find("april")).contains(Preset.APRIL);
        assertThat(Preset.find("APRIL")).isEmpty();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "k 5                  | relu     | relu has no k",
                "k 5                  | jumprelu | jumprelu has no k; set --target-l0",
                "l1 1                 | topk     | l1 is the penalty of relu, p-anneal, gated",
                "groups 3             | topk     | groups belong to matryoshka",
                "bias-level 1         | topk     | the bias level belongs to matryoshka",
                "cap 0.01             | topk     | budgets belong to feature-choice",
                "cap 0.01             | feature-choice | budgets can't be met: with at most 0.01 of the tokens",
                "groups 3             | matryoshka | groups that add up to 512 latents, not to 3",
                "latents 15           | matryoshka | sixteenths of the latents, of which there are only 15",
                "tanh 4               | relu     | belong to jumprelu",
                "l0 1                 | relu     | belong to jumprelu",
                "bandwidth 1          | topk     | belong to jumprelu",
                "april 0              | topk     | preset april is for relu",
                "bricken 0            | jumprelu | preset bricken is for relu",
                "k 2000               | topk     | k is 2000 but there are only 512 latents",
                "k 0                  | topk     | k must be at least 1, not 0",
                "latents 0            | topk     | latents must be at least 1, not 0",
                "latents -3           | topk     | latents must be at least 1",
                "expansion 2147483647 | topk     | too many latents",
                "expansion 0          | topk     | latents must be at least 1",
                "batch 0              | topk     | batch must be at least 1, not 0",
                "tokens 100           | topk     | 100 tokens don't fill one batch of 1024",
                "lr 0                 | topk     | lr must be positive",
                "lr NaN               | topk     | lr must be positive",
                "lr Infinity          | topk     | lr must be positive",
                "decay 1.5            | topk     | decay is a fraction of the run, not 1.5",
                "decay NaN            | topk     | decay is a fraction",
                "warmup -1            | topk     | a warm-up can't be negative",
                "clip -1              | topk     | clip must be positive or none",
                "clip NaN             | topk     | clip must be positive or none",
                "l1 -1                | relu     | a penalty must be finite and not negative",
                "l1 NaN               | relu     | a penalty must be finite",
                "l1 Infinity          | relu     | a penalty must be finite",
                "bandwidth -1         | jumprelu | a bandwidth can't be negative",
                "bandwidth 0          | jumprelu | the bandwidth must be positive to train",
                "bandwidth Infinity   | jumprelu | the bandwidth must be positive to train",
                "target 10            | topk     | topk has none; its L0 is set by k",
                "target 9999          | relu     | target-l0 must lie between 0 and 512",
                "target NaN           | relu     | target-l0 must lie between",
                "auxk 0               | relu     | relu has none: use --aux none",
            })
    void everyRefusalHasAClearSentence(String choice, String architecture, String sentence) {
        String[] words = choice.split(" ", -1);
        assertThatThrownBy(() -> choose(Recipe.of(architecture).latents(512), words[0], words[1])
                        .build(64))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(sentence);
    }

    private static Recipe choose(Recipe recipe, String what, String value) {
        double number = Double.parseDouble(value);
        return switch (what) {
            case "k" -> recipe.k((int) number);
            case "l1" -> recipe.l1(number);
            case "l0" -> recipe.l0(number);
            case "bandwidth" -> recipe.bandwidth(number);
            case "april" -> recipe.preset(Preset.APRIL);
            case "bricken" -> recipe.preset(Preset.BRICKEN);
            case "latents" -> recipe.latents((int) number);
            case "expansion" -> Recipe.of("topk").expansion((int) number);
            case "batch" -> recipe.batch((int) number);
            case "tokens" -> recipe.tokens((long) number);
            case "lr" -> recipe.learningRate(number);
            case "decay" -> recipe.decay(number);
            case "warmup" -> recipe.warmup((long) number);
            case "clip" -> recipe.clip(number);
            case "target" -> recipe.targetL0(number);
            case "groups" -> recipe.groups(List.of((int) number));
            case "bias-level" -> recipe.biasLevel();
            case "cap" -> recipe.budgets(new FeatureBudgets(0.5, null, number, FeatureBudgets.Rounding.STOCHASTIC, 0));
            case "tanh" -> recipe.tanhPenalty(number);
            case "auxk" -> recipe.auxiliary(new Auxiliary.AuxK(1, 1));
            default -> throw new AssertionError(what);
        };
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "gatedd", "TopK", "batch-topk"})
    void anUnknownArchitectureIsRefusedWithTheKnownOnes(String name) {
        assertThatThrownBy(() -> Recipe.of(name))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("'" + name + "'")
                .hasMessageContaining(String.join(", ", Recipe.ARCHITECTURES));
    }

    @Test
    void anAuxiliaryLossNeedsAPositiveCoefficient() {
        assertThatThrownBy(() -> new Auxiliary.AuxK(0, 1)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Auxiliary.AuxK(1, -1)).isInstanceOf(IllegalArgumentException.class);
        assertThat(new Auxiliary.AuxK(1, 0).kFor(64)).isEqualTo(32);
        assertThat(new Auxiliary.AuxK(1, 0).kFor(1)).isEqualTo(1);
        assertThat(new Auxiliary.AuxK(1, 7).kFor(64)).isEqualTo(7);
    }
}
