// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import dev.darien.device.AdamStep;
import dev.darien.device.Device;
import dev.darien.device.Kernels;
import dev.darien.memory.Allocator;
import dev.darien.memory.Closing;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import dev.darien.sae.BatchTopK;
import dev.darien.sae.FeatureChoice;
import dev.darien.sae.Gated;
import dev.darien.sae.GradientTopK;
import dev.darien.sae.JumpRelu;
import dev.darien.sae.Sae;
import dev.darien.sae.Sparsity;
import dev.darien.train.StepWorkspace.Chunk;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * One SAE in training: takes a batch at a time through the streamed step. The pre-activations of a batch, B×F, are
 * never held; peak memory is weights, moments and (with clipping or chunks) gradients, and a few buffers of size B×d.
 */
final class Learner implements AutoCloseable {
    private final Device device;
    private final Kernels kernels;
    private final TrainingOptions options;
    private final BatchLayout layout;
    private final Allocator memory;
    private final LearnerState state;
    private final StepWorkspace workspace;
    private final @Nullable GradientBuffers gradients;
    private final @Nullable PenaltyController controller;
    private final Schedule learningRate;
    private final Backward backward;
    private final @Nullable LatentUsage usage;
    private final @Nullable AuxiliaryLoss auxiliary;
    private final @Nullable GradientStep gradientStep;
    private final @Nullable Resampler resampler;
    private final StepStatistics statistics;
    private final StepContext context;

    private long step;

    /** An autoencoder for activations of {@code width}. */
    Learner(Device device, TrainingOptions options, int width, double inputScale, Matrix decoderBias) {
        this(device, options, BatchLayout.plain(width, inputScale), new Initialiser.Start(decoderBias, null));
    }

    Learner(Device device, TrainingOptions options, BatchLayout layout, Initialiser.Start start) {
        int width = layout.inputWidth();
        this.device = device;
        this.kernels = device.kernels();
        this.options = options;
        this.layout = layout;
        this.memory = device.memory().child("training");
        // What the device holds itself, and not this learner's allocator.
        @Nullable StepWorkspace buffers = null;
        @Nullable Backward back = null;
        @Nullable LatentUsage used = null;
        @Nullable StepStatistics sums = null;
        try {
            this.state = new LearnerState(memory, options, width);
            buffers = new StepWorkspace(device, memory, options, widestSparsity(width), state);
            this.workspace = buffers;
            this.gradients = storesGradients()
                    ? GradientBuffers.allocate(memory, options.latents(), width, state.weights.outputWidth())
                    : null;
            this.controller = options.targetL0() > 0
                    ? new PenaltyController(
                            options.targetL0(), options.penalty().strength())
                    : null;
            this.learningRate = options.learningRateSchedule();
            context = new StepContext(device, memory, options, state, workspace, gradients);
            back = Backward.of(context);
            this.backward = back;
            used = usesLatents() ? new LatentUsage(context) : null;
            this.usage = used;
            this.resampler = options.resample() ? new Resampler(context) : null;
            this.gradientStep = buffers.attribution == null ? null : new GradientStep(context, buffers.attribution);
            StepWorkspace.@Nullable AuxiliaryTerms revived = workspace.auxiliary;
            this.auxiliary = revived == null ? null : new AuxiliaryLoss(context, revived, used);
            sums = new StepStatistics(device, buffers);
            this.statistics = sums;
            Initialiser.initialise(device, options, state, start);
        } catch (RuntimeException | Error e) {
            Closing.after(e, sums, used, back, buffers, memory::releaseAll, memory);
            throw e;
        }
    }

    /** While k is still falling the selection is wider than it ends up. */
    private Sparsity widestSparsity(int width) {
        Sparsity last = options.sparsity();
        return options.kWarmupSteps() > 0 ? last.withK(widestK(width)) : last;
    }

    private int widestK(int width) {
        return Math.max(options.sparsity().k(), Math.min(width, options.latents()));
    }

    /** The selection of this step: k falls linearly from the width to its value over the k warm-up. */
    private Sparsity sparsityNow() {
        Sparsity last = options.sparsity();
        if (last instanceof FeatureChoice && !choosesByLatent()) {
            last = new BatchTopK(last.k());
        }
        if (last instanceof GradientTopK byGradients) {
            last = GradientStep.rule(byGradients, step, options.sparsityWarmupSteps());
        }
        if (step >= options.kWarmupSteps() || !last.bounded()) {
            return last;
        }
        double done = (double) step / options.kWarmupSteps();
        int widest = widestK(state.weights.width());
        return last.withK((int) Math.round(widest + (last.k() - widest) * done));
    }

    private boolean choosesByLatent() {
        return usage != null && usage.choosesByLatent(step);
    }

    /** λ of this step. */
    double penaltyNow() {
        double strength =
                controller != null ? controller.strength() : options.penalty().strength();
        long warmup = options.sparsityWarmupSteps();
        return step < warmup ? strength * (step + 1) / warmup : strength;
    }

    double learningRateNow() {
        double rate = options.learningRate() * learningRate.at(Math.min(step, options.steps() - 1));
        return options.sparsity() instanceof FeatureChoice ? rate * options.secondWarmup(step) : rate;
    }

    /**
     * Trains on one batch.
     *
     * @param batch F32, F16 or BF16[batch, width of the layout], unscaled; what lies right of that are gradients, as wide,
     *     where the pass has some
     */
    void train(Matrix batch) {
        boolean centred = options.subtractDecoderBias();
        Matrix decoderBias = state.weights.decoderBias();
        layout.convertInputs(kernels, batch, centred ? decoderBias : null, workspace.input);
        layout.convertTarget(kernels, batch, workspace, state.negatedSkip);
        kernels.pack(state.encoding(), state.weights.encoderBias(), workspace.encoder);
        if (gradientStep != null) {
            gradientStep.begin(batch.columnSlice(layout.inputWidth(), layout.inputWidth()));
        }
        if (step == 0 && options.sparsity() instanceof JumpRelu && options.initialThreshold() == 0) {
            HeldSparsity.fitFirstThresholds(context);
        }
        if (workspace.decoderNorms != null) {
            workspace.decoderNorms.compute(kernels, state.weights.decoder());
        }
        if (auxiliary != null) {
            auxiliary.list(step);
        }
        boolean byLatent = choosesByLatent();
        if (usage != null && byLatent) {
            usage.prepare(step);
        }
        if (gradients != null) {
            kernels.fill(gradients.touched(), 0);
        }
        double penalty = penaltyNow();
        Sparsity sparsity = sparsityNow();
        AdamStep adam = AdamStep.at(step + 1, learningRateNow(), options.beta1(), options.beta2(), options.epsilon());
        // With a centred input the target is centred too, and the decoder's bias cancels.
        Matrix decodeBias = centred ? null : decoderBias;
        boolean first = true;
        for (Chunk chunk : workspace.chunks) {
            sparsity.select(kernels, chunk.selection());
            SparseCodes active = backward.run(chunk, decodeBias, penalty, first);
            kernels.addStatistics(chunk.rowErrors(), active, workspace.statistics);
            kernels.markFired(active, (int) (step + 1), state.lastFired);
            first = false;
        }
        if (usage != null) {
            usage.count(step);
        }
        if (auxiliary != null) {
            auxiliary.backward(byLatent || workspace.second != null || state.tied);
        }
        backward.decoderBiasGradient(centred, state.decoderBias.gradient());
        if (state.negatedSkip != null) {
            backward.skipGradient(state.negatedSkip.gradient());
        }
        update(adam, penalty);
        if (gradientStep != null) {
            gradientStep.trackThreshold(step);
        } else if (!byLatent) {
            trackThreshold();
        }
        step++;
        if (usage != null) {
            usage.finishStep(step);
        }
        if (resampler != null) {
            resampler.finishStep(step);
        }
        backward.finishStep(step);
        statistics.countStep();
        if (controller != null && step % PenaltyController.INTERVAL == 0) {
            controller.observe(statistics.takeControlledL0(options.batch()));
        }
    }

    private boolean usesLatents() {
        return options.sparsity() instanceof FeatureChoice || options.auxiliary() instanceof Auxiliary.Zipf;
    }

    /** Whether gradients have to be stored: because the step needs their norm, or comes from several selections. */
    private boolean storesGradients() {
        return options.clip() > 0
                || workspace.chunks.size() > 1
                || options.sparsity() instanceof Gated
                || state.tied
                || options.preActivationLoss() > 0
                || (workspace.decoderNorms != null && workspace.decoderNorms.inParts())
                || !(options.objective() instanceof Objective.Whole);
    }

    private void update(AdamStep adam, double penalty) {
        Matrix clipped = null;
        boolean unit = options.unitDecoder();
        if (gradients == null) {
            kernels.latentStep(
                    adam,
                    workspace.chunks.getFirst().terms(),
                    workspace.auxiliary == null ? null : workspace.auxiliary.terms(),
                    workspace.decoderNorms == null ? 0 : (float) (penalty / options.batch()),
                    state.rows,
                    state.firstMoments,
                    state.secondMoments,
                    unit);
        } else {
            clipped = clip(gradients);
            if (!state.tied) {
                kernels.adam(
                        adam,
                        state.rows.encoder(),
                        gradients.rows().encoder(),
                        state.firstMoments.encoder(),
                        state.secondMoments.encoder(),
                        gradients.touched(),
                        clipped,
                        false);
            }
            kernels.adam(
                    adam,
                    state.rows.decoder(),
                    gradients.rows().decoder(),
                    state.firstMoments.decoder(),
                    state.secondMoments.decoder(),
                    gradients.touched(),
                    clipped,
                    unit);
        }
        for (Parameter parameter : state.parameters()) {
            parameter.update(kernels, adam, clipped);
        }
        if (state.thresholds != null) {
            // Trained directly, a threshold could leave the range where it means something.
            kernels.clampBelow(state.thresholds.value(), HeldSparsity.SMALLEST_THRESHOLD);
        }
    }

    private @Nullable Matrix clip(GradientBuffers stored) {
        if (options.clip() == 0) {
            return null;
        }
        Matrix sum = stored.squaredNorm();
        Matrix along = options.unitDecoder() ? state.rows.decoder() : null;
        if (!state.tied) {
            kernels.squaredNorm(stored.rows().encoder(), stored.touched(), null, false, sum);
        }
        kernels.squaredNorm(stored.rows().decoder(), stored.touched(), along, !state.tied, sum);
        for (Parameter parameter : state.parameters()) {
            kernels.squaredNorm(parameter.gradient(), null, null, true, sum);
        }
        kernels.clipScale(sum, (float) options.clip(), stored.scale());
        return stored.scale();
    }

    private void trackThreshold() {
        if (options.sparsity().batchWide()) {
            double decay = options.thresholdDecay();
            // Bias-corrected: after t steps the average weighs them as if it had always run.
            double rate = (1 - decay) / (1 - Math.pow(decay, step + 1.0));
            kernels.exponentialAverage(workspace.smallestKept, (float) rate, state.thresholdAverage);
        }
    }

    /**
     * Whether every weight is a number. The loss doesn't say: where weights are NaN nothing is selected, and what is left is
     * the error of the decoder bias.
     */
    boolean isFinite() {
        state.squaredNorm(kernels, workspace.weightNorm);
        return Double.isFinite(statistics.scalar(workspace.weightNorm));
    }

    /**
     * Means since the last call.
     *
     * @param totalVariance mean squared distance from its mean of what is reconstructed, scaled
     */
    TrainingMetrics metrics(double totalVariance, double tokensPerSecond, double seconds) {
        StepStatistics.Sums sums = statistics.take();
        double rows = Math.max(1, sums.steps()) * (double) options.batch();
        double reconstruction = sums.squaredError() / rows;
        double l0 = sums.active() / rows;
        double penalty = options.penalty() instanceof Penalty.L0 ? penaltyNow() * l0 : 2 * sums.penalty() / rows;
        boolean underused = options.auxiliary() instanceof Auxiliary.Zipf && statistics.deadLatents() > 0;
        kernels.listDead(
                state.lastFired,
                (int) Math.max(0, step - options.deadAfterSteps()),
                workspace.dead,
                workspace.deadCount);
        int deadLatents = statistics.deadLatents();
        StepWorkspace.@Nullable AuxiliaryTerms revived = workspace.auxiliary;
        double auxiliaryLoss =
                revived != null && (underused || deadLatents > 0) ? statistics.auxiliaryLoss(revived) : 0;
        return new TrainingMetrics(
                step,
                options.steps(),
                step * options.batch(),
                backward.loss(reconstruction, sums.further() / rows)
                        + penalty
                        + options.auxiliary().coefficient() * auxiliaryLoss,
                reconstruction == 0 ? 0 : reconstruction / totalVariance,
                l0,
                (double) deadLatents / options.latents(),
                auxiliaryLoss,
                penaltyNow(),
                learningRateNow(),
                tokensPerSecond,
                seconds);
    }

    StepContext context() {
        return context;
    }

    /** The matrices of a checkpoint. */
    Map<String, Matrix> checkpointMatrices() {
        Map<String, Matrix> matrices = state.named();
        if (usage != null) {
            matrices.putAll(new TreeMap<>(usage.named()));
        }
        return matrices;
    }

    /** The numbers of a checkpoint. */
    Map<String, Object> checkpointNumbers() {
        Map<String, Object> numbers = new LinkedHashMap<>();
        numbers.put("step", step);
        statistics.save(numbers);
        backward.save(numbers);
        if (usage != null) {
            usage.save(numbers);
        }
        if (controller != null) {
            controller.save(numbers);
        }
        return numbers;
    }

    /** Continues from the numbers of a checkpoint, whose matrices have been uploaded already. */
    void restore(Map<String, Object> numbers) {
        step = StepStatistics.number(numbers, "step").longValue();
        statistics.restore(numbers);
        backward.restore(numbers);
        if (usage != null) {
            usage.restore(numbers);
        }
        if (controller != null) {
            controller.restore(numbers);
        }
    }

    /** What has been learnt, as an SAE for unscaled activations; the caller closes it. */
    Sae finish(Map<String, Object> configuration) {
        return state.toSae(device, options, layout, usage == null ? null : usage.thresholds(step), configuration);
    }

    @Override
    public void close() {
        try (memory;
                state;
                workspace;
                gradients;
                backward;
                usage;
                statistics) {
            // Closed in reverse order, each whatever happens to the others.
        }
    }
}
