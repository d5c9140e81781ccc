// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import dev.darien.device.DeadSelection;
import dev.darien.device.Device;
import dev.darien.device.LatentGroups;
import dev.darien.device.LatentTerms;
import dev.darien.device.PackedEncoder;
import dev.darien.device.PursuitSteps;
import dev.darien.memory.Allocator;
import dev.darien.memory.Closing;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.Owned;
import dev.darien.memory.SparseCodes;
import dev.darien.sae.FeatureChoice;
import dev.darien.sae.GradientTopK;
import dev.darien.sae.Mapping;
import dev.darien.sae.MatchingPursuit;
import dev.darien.sae.Selection;
import dev.darien.sae.Sparsity;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The buffers of one training step, allocated once. A rule with a k takes the batch in one chunk; a threshold rule,
 * whose number of active latents isn't bounded, in chunks of rows whose worst case fits {@link #MAX_ENTRIES}.
 */
final class StepWorkspace implements AutoCloseable {
    /** Entries of one chunk: 2^22 are 84 MB with gradients and groups. */
    static final long MAX_ENTRIES = 1L << 22;

    /** Some rows of the batch, with views of all that belongs to them. */
    record Chunk(Selection selection, Matrix target, Matrix residual, Matrix rowErrors, LatentTerms terms) {}

    /** The auxiliary loss's own selection. */
    record AuxiliaryTerms(
            DeadSelection selection, LatentTerms terms, Matrix residual, Matrix rowErrors, Matrix scale, Matrix loss) {}

    private final Owned owned = new Owned();

    final PackedEncoder encoder;
    final Matrix input;
    /** What is reconstructed: the input, or a transcoder's target less what its skip connection gives. */
    final Matrix target;

    final Matrix residual;
    final List<Chunk> chunks;
    final @Nullable AuxiliaryTerms auxiliary;
    /** The larger one of two selections, where an objective asks for it. */
    final @Nullable AuxiliaryTerms second;
    /** Of a selection by gradients. */
    final Selection.@Nullable Attribution attribution;
    /** Of a selection by latent. */
    final Selection.@Nullable Budgets budgets;
    /** The order of a matching pursuit's steps. */
    final @Nullable PursuitSteps pursuit;
    /** What a matching pursuit leaves, of which the auxiliary selection is made. */
    final @Nullable Matrix pursued;

    final Matrix dead;
    final Matrix deadCount;
    final Matrix smallestKept;
    final @Nullable DecoderNorms decoderNorms;
    /** F64[1, 2], see {@link dev.darien.device.Kernels#addStatistics}. */
    final Matrix statistics;
    /** As {@link #statistics}, of reconstructions beyond the whole one. */
    final Matrix further;
    /** F64[1, 1]. */
    final Matrix penalty;
    /** F64[1, 1]: the sum of all weights' squares, for whoever wants to know whether they are numbers. */
    final Matrix weightNorm;

    StepWorkspace(Device device, Allocator memory, TrainingOptions options, Sparsity widest, LearnerState state) {
        int batch = options.batch();
        int latents = state.weights.latents();
        int width = state.weights.width();
        try {
            encoder = owned.add(device.packedEncoder(latents, width));
            int outputWidth = state.weights.outputWidth();
            input = owned.add(memory.matrix("input", batch, width));
            target = options.mapping() instanceof Mapping.Transcoder
                    ? owned.add(memory.matrix("target", batch, outputWidth))
                    : input;
            residual = owned.add(memory.matrix("residual", batch, outputWidth));
            dead = owned.add(memory.matrix("dead latents", DType.I32, 1, latents));
            deadCount = owned.add(memory.matrix("number of dead latents", DType.I32, 1, 1));
            smallestKept = owned.add(memory.vector("smallest value kept", 1));
            statistics = owned.add(memory.matrix("statistics", DType.F64, 1, 2));
            further = owned.add(memory.matrix("further statistics", DType.F64, 1, 2));
            penalty = owned.add(memory.matrix("penalty", DType.F64, 1, 1));
            weightNorm = owned.add(memory.matrix("weight norm", DType.F64, 1, 1));
            boolean weighted = options.penalty() instanceof Penalty.L1 l1 && l1.decoderNormWeighted();
            decoderNorms = weighted ? owned.add(new DecoderNorms(memory, options.mapping(), latents)) : null;
            // The squared error is a mean over the batch: its gradient is 2/B times the residual.
            Matrix scale = owned.add(memory.vector("gradient scale", 1));
            device.kernels().fill(scale, 2f / batch);
            int k = Math.min(options.auxiliary().kFor(outputWidth), latents);
            boolean pursues = widest instanceof MatchingPursuit;
            pursuit = pursues ? owned.add(PursuitSteps.allocate(memory, widest.k(), batch)) : null;
            pursued = pursues && k > 0 ? owned.add(memory.matrix("what a pursuit leaves", batch, width)) : null;
            auxiliary = k > 0 ? auxiliary(memory, batch, latents, outputWidth, k, dead, deadCount) : null;
            attribution = options.sparsity() instanceof GradientTopK
                    ? owned.add(Selection.Attribution.allocate(device, memory, batch, latents, width))
                    : null;
            boolean byLatent = options.sparsity() instanceof FeatureChoice;
            budgets = byLatent
                    ? new Selection.Budgets(
                            owned.add(memory.matrix("budgets of a batch", DType.I32, 1, latents)),
                            owned.add(memory.vector("smallest values kept", latents)))
                    : null;
            second = options.objective() instanceof Objective.TwoSelections two
                    ? secondSelection(
                            device,
                            memory,
                            batch,
                            latents,
                            outputWidth,
                            two.factor() * options.sparsity().k())
                    : null;
            chunks = chunks(memory, widest, batch, latents, state, scale);
        } catch (RuntimeException | Error e) {
            Closing.after(e, this);
            throw e;
        }
    }

    private List<Chunk> chunks(
            Allocator memory, Sparsity widest, int batch, int latents, LearnerState state, Matrix scale) {
        int chunkRows = batch;
        if (!widest.bounded()) {
            chunkRows = Math.clamp(MAX_ENTRIES / Math.max(1, widest.capacity(1, latents)), 1, batch);
        }
        SparseCodes codes =
                owned.add(SparseCodes.allocate(memory, chunkRows, latents, widest.capacity(chunkRows, latents)));
        LatentGroups groups = owned.add(LatentGroups.allocate(memory, latents, codes.capacity()));
        Matrix codeGradients = owned.add(memory.vector("code gradients", codes.capacity()));
        Matrix rowErrors = owned.add(memory.vector("row errors", chunkRows));
        List<Chunk> parts = new ArrayList<>();
        for (int first = 0; first < batch; first += chunkRows) {
            int count = Math.min(chunkRows, batch - first);
            Matrix rows = input.slice(first, count);
            Matrix errors = residual.slice(first, count);
            SparseCodes selected = codes.firstRows(count);
            Selection selection = new Selection(
                    rows,
                    encoder,
                    state.weights.thresholds(),
                    smallestKept,
                    true,
                    carried(),
                    budgets,
                    pursuit,
                    attribution,
                    selected);
            parts.add(new Chunk(
                    selection,
                    target.slice(first, count),
                    errors,
                    rowErrors.prefix(count),
                    new LatentTerms(selected, groups, codeGradients, rows, errors, scale)));
        }
        return List.copyOf(parts);
    }

    /** The second selection that the main one carries with it. */
    private @Nullable DeadSelection carried() {
        if (second != null) {
            return second.selection();
        }
        return auxiliary == null || pursuit != null ? null : auxiliary.selection();
    }

    /** Among all latents, of which none has to be dead. */
    private AuxiliaryTerms secondSelection(Device device, Allocator memory, int batch, int latents, int width, int k) {
        Matrix all = owned.add(memory.matrix("all latents", DType.I32, 1, latents));
        Matrix count = owned.add(memory.matrix("number of latents", DType.I32, 1, 1));
        try (Matrix host = device.staging("all latents", DType.I32, 1, latents)) {
            for (int latent = 0; latent < latents; latent++) {
                host.setLong(0, latent, latent);
            }
            device.upload(host, all);
        }
        device.kernels().fill(count, latents);
        return auxiliary(memory, batch, latents, width, Math.min(k, latents), all, count);
    }

    private AuxiliaryTerms auxiliary(
            Allocator memory, int batch, int latents, int width, int k, Matrix among, Matrix amongCount) {
        SparseCodes codes = owned.add(SparseCodes.allocate(memory, batch, latents, (long) batch * k));
        LatentGroups groups = owned.add(LatentGroups.allocate(memory, latents, codes.capacity()));
        Matrix auxResidual = owned.add(memory.matrix("auxiliary residual", batch, width));
        Matrix auxScale = owned.add(memory.vector("auxiliary scale", 1));
        Matrix codeGradients = owned.add(memory.vector("auxiliary code gradients", codes.capacity()));
        return new AuxiliaryTerms(
                new DeadSelection(among, amongCount, k, codes),
                new LatentTerms(codes, groups, codeGradients, pursued == null ? input : pursued, auxResidual, auxScale),
                auxResidual,
                owned.add(memory.vector("auxiliary row errors", batch)),
                auxScale,
                owned.add(memory.matrix("auxiliary loss", DType.F64, 1, 1)));
    }

    @Override
    public void close() {
        owned.close();
    }
}
