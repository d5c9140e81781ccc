// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import dev.darien.sae.FeatureChoice;
import dev.darien.sae.Gated;
import dev.darien.sae.GradientTopK;
import dev.darien.sae.JumpRelu;
import dev.darien.sae.Mapping;
import dev.darien.sae.Relu;
import dev.darien.sae.Sparsity;
import dev.darien.sae.TopK;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Everything that decides how one SAE is trained. Lengths that depend on the run (warm-up, dead window) are already
 * resolved to steps and tokens; {@link Recipe} makes options from a few choices.
 *
 * @param mapping what is encoded and what is decoded from it
 * @param sparsity selection in training
 * @param penalty sparsity penalty
 * @param targetL0 mean number of active latents that the penalty is steered to; 0 to leave the penalty alone
 * @param auxiliary loss for dead latents
 * @param preActivationLoss coefficient of the loss that pulls dead latents of JumpReLU up to their thresholds; 0 for none
 * @param objective which reconstructions the squared error is taken of
 * @param budgets of a run that ends by Feature Choice; without a meaning for others
 * @param resample whether dead latents are given a new start in the first half of the run
 * @param latents F
 * @param batch rows for each step
 * @param tokens rows of the whole run, rounded down to whole batches
 * @param learningRate peak learning rate of Adam
 * @param beta1 Adam's first decay
 * @param beta2 Adam's second decay
 * @param epsilon Adam's ε
 * @param warmupSteps steps over which the learning rate rises
 * @param warmupShape how it rises
 * @param decayFraction share of the run, at its end, over which it falls to 0
 * @param clip largest global gradient norm; 0 for no clipping
 * @param sparsityWarmupSteps steps over which the penalty rises, or the β of a selection by gradients
 * @param kWarmupSteps steps over which k falls from the width to its value; 0 for none
 * @param deadAfterTokens tokens without firing after which a latent is dead
 * @param scaling input scaling
 * @param biasInit start of the decoder bias
 * @param decoderInitNorm norm of decoder rows at the start
 * @param unitDecoder whether decoder rows are kept at norm 1
 * @param subtractDecoderBias whether the encoder sees {@code x - b_dec}
 * @param initialThreshold start of JumpReLU's thresholds, in scaled units
 * @param thresholdDecay decay of the running mean that becomes BatchTopK's threshold
 * @param seed of the initial weights and of the order of the data
 */
public record TrainingOptions(
        Mapping mapping,
        Sparsity sparsity,
        Penalty penalty,
        double targetL0,
        Auxiliary auxiliary,
        double preActivationLoss,
        Objective objective,
        FeatureBudgets budgets,
        boolean resample,
        int latents,
        int batch,
        long tokens,
        double learningRate,
        double beta1,
        double beta2,
        double epsilon,
        long warmupSteps,
        Schedule.Shape warmupShape,
        double decayFraction,
        double clip,
        long sparsityWarmupSteps,
        long kWarmupSteps,
        long deadAfterTokens,
        InputScaling scaling,
        BiasInit biasInit,
        double decoderInitNorm,
        boolean unitDecoder,
        boolean subtractDecoderBias,
        double initialThreshold,
        double thresholdDecay,
        long seed) {

    public TrainingOptions {
        checkMapping(mapping, sparsity, penalty, resample, subtractDecoderBias);
        check(latents >= 1, "latents must be at least 1, not " + latents);
        check(batch >= 1, "batch must be at least 1, not " + batch);
        check(tokens >= batch, tokens + " tokens don't fill one batch of " + batch);
        check(learningRate > 0 && Double.isFinite(learningRate), "lr must be positive, not " + learningRate);
        check(beta1 >= 0 && beta1 < 1 && beta2 >= 0 && beta2 < 1, "Adam's betas must be in [0, 1)");
        check(epsilon > 0, "Adam's epsilon must be positive, not " + epsilon);
        check(
                thresholdDecay >= 0 && thresholdDecay < 1,
                "the threshold decay must be in [0, 1), not " + thresholdDecay);
        check(initialThreshold >= 0, "the first threshold can't be negative: " + initialThreshold);
        check(decoderInitNorm > 0, "decoder rows must start with a positive norm, not " + decoderInitNorm);
        check(!unitDecoder || decoderInitNorm == 1, "decoder rows that are kept at norm 1 must start with norm 1");
        check(decayFraction >= 0 && decayFraction <= 1, "decay is a fraction of the run, not " + decayFraction);
        check(warmupSteps >= 0 && sparsityWarmupSteps >= 0 && kWarmupSteps >= 0, "a warm-up can't be negative");
        check(clip >= 0, "clip must be positive or none, not " + clip);
        check(
                penalty.strength() >= 0 && Double.isFinite(penalty.strength()),
                "a penalty must be finite and not negative: " + penalty.strength());
        check(
                targetL0 >= 0 && targetL0 <= latents,
                "target-l0 must lie between 0 and " + latents + ", not " + targetL0);
        check(deadAfterTokens >= 1, "the dead window must be at least 1 token");
        int k = sparsity.k();
        check(k <= latents, "k is " + k + " but there are only " + latents + " latents");
        check(
                !(sparsity instanceof JumpRelu jumpRelu)
                        || (jumpRelu.bandwidth() > 0 && Float.isFinite(jumpRelu.bandwidth())),
                "the bandwidth must be positive to train thresholds through its window");
        check(
                !(penalty instanceof Penalty.L0) || sparsity instanceof JumpRelu,
                "an L0 penalty needs jumprelu, whose thresholds it trains");
        check(
                !(penalty instanceof Penalty.Tanh) || (sparsity instanceof JumpRelu && unitDecoder),
                "the tanh penalty needs jumprelu with unit decoder rows");
        check(
                !(penalty instanceof Penalty.Power) || (sparsity instanceof Relu && unitDecoder),
                "an annealed power needs relu with unit decoder rows");
        check(
                !(sparsity instanceof Gated) || (penalty instanceof Penalty.L1 l1 && !l1.decoderNormWeighted()),
                "gated needs an L1 penalty on its gates that isn't weighted by decoder norms");
        check(
                !(objective instanceof Objective.Nested nested) || (nested.latents() == latents && sparsity.bounded()),
                "nested dictionaries need a selection with a k and groups that add up to " + latents
                        + " latents, not to " + (objective instanceof Objective.Nested nested ? nested.latents() : 0));
        check(
                !sparsity.isTied() || (objective instanceof Objective.Whole && unitDecoder && subtractDecoderBias),
                sparsity.id() + " needs unit decoder rows, a decoder bias that is subtracted, and one reconstruction");
        check(
                !(objective instanceof Objective.TwoSelections) || sparsity instanceof TopK,
                "two selections are for topk");
        check(
                preActivationLoss >= 0 && Double.isFinite(preActivationLoss),
                "the loss on pre-activations needs a coefficient of at least 0, not " + preActivationLoss);
        check(preActivationLoss == 0 || sparsity instanceof JumpRelu, "the loss on pre-activations is for jumprelu");
        check(
                !resample || Resampler.interval(tokens / batch) >= Math.max(1, Math.ceilDiv(deadAfterTokens, batch)),
                "resampling would come before any latent can be dead: an eighth of the run is "
                        + Resampler.interval(tokens / batch) + " steps, and a latent is dead after "
                        + Math.ceilDiv(deadAfterTokens, batch) + "; train on more tokens");
        check(
                !(sparsity instanceof FeatureChoice) || k <= budgets.cap() * latents,
                "budgets can't be met: with at most " + budgets.cap() + " of the tokens each, " + latents
                        + " latents can't fire " + k + " times for each token");
        check(
                !(sparsity instanceof FeatureChoice) || (long) k * batch >= latents * budgets.least(batch) * batch,
                "budgets can't be met: " + latents + " latents can't have a token each of the " + (long) k * batch
                        + " of a batch; raise k or the batch, or round budgets otherwise");
        check(
                auxiliary instanceof Auxiliary.None || sparsity.bounded(),
                "the auxiliary loss needs a selection with a k; " + sparsity.id() + " has none: use --aux none");
        check(
                targetL0 == 0 || !(penalty instanceof Penalty.None),
                "target-l0 steers a penalty, and " + sparsity.id() + " has none; its L0 is set by k");
    }

    private static void checkMapping(
            Mapping mapping, Sparsity sparsity, Penalty penalty, boolean resample, boolean subtractDecoderBias) {
        check(
                !sparsity.isTied() || mapping instanceof Mapping.Identity,
                sparsity.id()
                        + " encodes with its decoder, so that it has no transcoder and no crosscoder; choose relu,"
                        + " jumprelu, topk or batchtopk");
        switch (mapping) {
            case Mapping.Identity ignored -> {
                // Everything else is about what such an SAE can do.
            }
            case Mapping.Transcoder ignored -> {
                check(
                        !(sparsity instanceof GradientTopK),
                        "gradient-topk has no transcoder: its gradients are by what the encoder sees; choose topk");
                check(
                        !(sparsity instanceof Gated),
                        "gated has no transcoder: its second loss decodes gates to what the encoder sees; choose relu,"
                                + " jumprelu, topk or batchtopk");
                check(
                        !subtractDecoderBias,
                        "a transcoder's encoder sees activations as they are, without decoder bias");
                check(
                        !resample,
                        "resampling starts a latent along an activation, which for a transcoder isn't what it decodes to;"
                                + " leave it out");
            }
            case Mapping.Crosscoder ignored -> {
                check(
                        !(sparsity instanceof GradientTopK),
                        "gradient-topk has no crosscoder, whose tensors have gradients of their own; choose topk");
                check(
                        !(sparsity instanceof Gated)
                                && !(penalty instanceof Penalty.Power)
                                && !(penalty instanceof Penalty.Tanh),
                        "a crosscoder's penalty weighs latents by their decoder norms, which gated, p-anneal and the tanh"
                                + " penalty don't; choose relu, jumprelu or an architecture with a k");
            }
        }
    }

    private static void check(boolean holds, String otherwise) {
        if (!holds) {
            throw new IllegalArgumentException(otherwise);
        }
    }

    /** Steps of the run. */
    public long steps() {
        return tokens / batch;
    }

    /** The learning rate's course. */
    public Schedule learningRateSchedule() {
        return new Schedule(steps(), warmupSteps, warmupShape, Math.round(decayFraction * steps()));
    }

    /** The factor of the learning rate after the step from which on latents choose: from 0.1 to 1 again. */
    double secondWarmup(long step) {
        long start = budgets.start(steps());
        long length = Math.min(1000, steps() / 20);
        return start == 0 || step < start || step >= start + length ? 1 : 0.1 + 0.9 * (step - start) / length;
    }

    /** Steps without firing after which a latent is dead. */
    public int deadAfterSteps() {
        return (int) Math.min(Integer.MAX_VALUE / 2, Math.ceilDiv(deadAfterTokens, batch));
    }

    /** All options by name, in a fixed order: kept with the SAE, and compared when a run is resumed. */
    public Map<String, Object> describe() {
        Map<String, Object> all = new LinkedHashMap<>();
        for (var component : TrainingOptions.class.getRecordComponents()) {
            try {
                Object value = component.getAccessor().invoke(this);
                all.put(component.getName(), value instanceof Number ? value : String.valueOf(value));
            } catch (ReflectiveOperationException e) {
                throw new LinkageError("a record can't be read", e);
            }
        }
        return all;
    }
}
