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

    private final List<AutoCloseable> owned = new ArrayList<>();

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

    StepWorkspace(Device device, Allocator memory, TrainingOptions options, Sparsity widest, LearnerState state) {
        int batch = options.batch();
        int latents = state.weights.latents();
        int width = state.weights.width();
        try {
            encoder = own(device.packedEncoder(latents, width));
            int outputWidth = state.weights.outputWidth();
            input = own(memory.matrix("input", batch, width));
            target = options.mapping() instanceof Mapping.Transcoder
                    ? own(memory.matrix("target", batch, outputWidth))
                    : input;
            residual = own(memory.matrix("residual", batch, outputWidth));
            dead = own(memory.matrix("dead latents", DType.I32, 1, latents));
            deadCount = own(memory.matrix("number of dead latents", DType.I32, 1, 1));
            smallestKept = own(memory.vector("smallest value kept", 1));
            statistics = own(memory.matrix("statistics", DType.F64, 1, 2));
            further = own(memory.matrix("further statistics", DType.F64, 1, 2));
            penalty = own(memory.matrix("penalty", DType.F64, 1, 1));
            boolean weighted = options.penalty() instanceof Penalty.L1 l1 && l1.decoderNormWeighted();
            decoderNorms = weighted ? own(new DecoderNorms(memory, options.mapping(), latents)) : null;
            // The squared error is a mean over the batch: its gradient is 2/B times the residual.
            Matrix scale = own(memory.vector("gradient scale", 1));
            device.kernels().fill(scale, 2f / batch);
            int k = Math.min(options.auxiliary().kFor(outputWidth), latents);
            boolean pursues = widest instanceof MatchingPursuit;
            pursuit = pursues ? own(PursuitSteps.allocate(memory, widest.k(), batch)) : null;
            pursued = pursues && k > 0 ? own(memory.matrix("what a pursuit leaves", batch, width)) : null;
            auxiliary = k > 0 ? auxiliary(memory, batch, latents, outputWidth, k, dead, deadCount) : null;
            attribution = options.sparsity() instanceof GradientTopK
                    ? own(Selection.Attribution.allocate(device, memory, batch, latents, width))
                    : null;
            boolean byLatent = options.sparsity() instanceof FeatureChoice;
            budgets = byLatent
                    ? new Selection.Budgets(
                            own(memory.matrix("budgets of a batch", DType.I32, 1, latents)),
                            own(memory.vector("smallest values kept", latents)))
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
        SparseCodes codes = own(SparseCodes.allocate(memory, chunkRows, latents, widest.capacity(chunkRows, latents)));
        LatentGroups groups = own(LatentGroups.allocate(memory, latents, codes.capacity()));
        Matrix codeGradients = own(memory.vector("code gradients", codes.capacity()));
        Matrix rowErrors = own(memory.vector("row errors", chunkRows));
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
        Matrix all = own(memory.matrix("all latents", DType.I32, 1, latents));
        Matrix count = own(memory.matrix("number of latents", DType.I32, 1, 1));
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
        SparseCodes codes = own(SparseCodes.allocate(memory, batch, latents, (long) batch * k));
        LatentGroups groups = own(LatentGroups.allocate(memory, latents, codes.capacity()));
        Matrix auxResidual = own(memory.matrix("auxiliary residual", batch, width));
        Matrix auxScale = own(memory.vector("auxiliary scale", 1));
        Matrix codeGradients = own(memory.vector("auxiliary code gradients", codes.capacity()));
        return new AuxiliaryTerms(
                new DeadSelection(among, amongCount, k, codes),
                new LatentTerms(codes, groups, codeGradients, pursued == null ? input : pursued, auxResidual, auxScale),
                auxResidual,
                own(memory.vector("auxiliary row errors", batch)),
                auxScale,
                own(memory.matrix("auxiliary loss", DType.F64, 1, 1)));
    }

    private <T extends AutoCloseable> T own(T resource) {
        owned.add(resource);
        return resource;
    }

    @Override
    public void close() {
        Closing.all(owned.reversed());
    }
}
