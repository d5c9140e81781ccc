// SPDX-License-Identifier: Apache-2.0
package dev.darien.interop;

import dev.darien.data.DataException;
import dev.darien.data.JsonFile;
import dev.darien.data.NpzWriter;
import dev.darien.data.Tensor;
import dev.darien.data.TensorFile;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.sae.HostWeights;
import dev.darien.sae.Relu;
import dev.darien.sae.Sae;
import dev.darien.sae.SaeLoader;
import dev.darien.sae.SaeWeights;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Gemma Scope's {@code params.npz}: {@code W_enc}[d, F], {@code W_dec}[F, d], {@code b_enc}, {@code b_dec} and
 * {@code threshold}[F], upper or lower case. JumpReLU without any subtraction or scale. What Darien knows beyond the
 * weights is written into the archive's comment, which NumPy passes over.
 *
 * @param embedding whether the file is one for the embedding, trained on inputs √d times larger
 */
record NpzFormat(boolean embedding) implements FormatWriter {
    private static final int LONGEST_COMMENT = 0xFFFF;

    @Override
    public boolean recognises(Candidate candidate) {
        return !embedding
                && candidate.is(TensorFile.Kind.NPZ)
                && find(candidate, "W_enc") != null
                && find(candidate, "W_dec") != null;
    }

    // ------------------------------------------------------------------------------------------------------ reading

    private static @Nullable Tensor find(Candidate candidate, String name) {
        List<Tensor> found = candidate.tensors().values().stream()
                .filter(tensor -> tensor.name().equalsIgnoreCase(name))
                .toList();
        if (found.size() > 1) {
            throw new DataException(candidate.file().path() + " has both '"
                    + found.get(0).name() + "' and '" + found.get(1).name() + "'; keep one of them");
        }
        return found.isEmpty() ? null : found.getFirst();
    }

    private static Tensor require(Candidate candidate, String name) {
        @Nullable Tensor tensor = find(candidate, name);
        return tensor == null ? candidate.tensor(name) : tensor;
    }

    @Override
    public SaeLoader read(Candidate candidate, ReadAs as) {
        SaeLoader loader = new SaeLoader(require(candidate, "W_enc").transposed())
                .encoderBias(require(candidate, "b_enc"))
                .decoder(require(candidate, "W_dec"))
                .decoderBias(require(candidate, "b_dec"));
        @Nullable Tensor thresholds = find(candidate, "threshold");
        if (thresholds != null) {
            as.rule(candidate, "jumprelu");
            loader.thresholds(loader.perLatent(thresholds));
        } else if (!"relu".equals(as.rule())) {
            throw new DataException(
                    candidate.file().path() + " has no array 'threshold', without which it can't be told"
                            + " by which rule latents are selected; if it is a ReLU SAE, settle it with --as relu");
        }
        refuseScalingFactor(candidate, loader);
        if (embedding) {
            double root = Math.sqrt(loader.width());
            loader.scaleMatrices(1 / root, root).note("W_enc was divided and W_dec multiplied by √d");
        }
        return loader.configuration(candidate.configuration(SaeFormat.NPZ, comment(candidate), Map.of()));
    }

    private static void refuseScalingFactor(Candidate candidate, SaeLoader loader) {
        @Nullable Tensor factors = find(candidate, "scaling_factor");
        if (factors == null) {
            return;
        }
        for (double factor : loader.perLatent(factors)) {
            if (Math.abs(factor - 1) > 1e-5) {
                throw new DataException(factors.what() + " isn't all ones, and whether it applies can't be told;"
                        + " multiply it into W_dec, or remove it");
            }
        }
    }

    private static Map<String, Object> comment(Candidate candidate) {
        @Nullable String comment = candidate.file().metadata().get(Candidate.COMMENT);
        return comment != null && comment.startsWith("{")
                ? JsonFile.parse(comment, candidate.file().path() + ", comment")
                : Map.of();
    }

    // ------------------------------------------------------------------------------------------------------ writing

    @Override
    public List<String> files() {
        return List.of();
    }

    @Override
    public List<String> write(Sae sae, Path out) {
        if (!sae.sparsity().hasThresholds() && !(sae.sparsity() instanceof Relu)) {
            throw new DataException("npz has no field for the selection of a "
                    + sae.sparsity().id() + " SAE, only for thresholds; write another format");
        }
        Folding.refuseNormalization(sae, "npz");
        try (HostWeights host = HostWeights.of(sae);
                Folding folding = Folding.of(sae, host, false);
                Matrix zeros = sae.device().staging("thresholds", DType.F32, 1, sae.latents())) {
            SaeWeights weights = host.weights();
            @Nullable Matrix thresholds = weights.thresholds();
            // ReLU is JumpReLU at 0.
            zeros.clear();
            NpzWriter writer = new NpzWriter()
                    .transposed("W_enc", weights.encoder())
                    .array("W_dec", weights.decoder())
                    .vector("b_enc", folding.encoderBias())
                    .vector("b_dec", weights.decoderBias())
                    .vector("threshold", thresholds != null && sae.sparsity().hasThresholds() ? thresholds : zeros);
            List<String> notes = new ArrayList<>(folding.notes());
            Map<String, Object> kept = Candidate.written(SaeFormat.NPZ, sae.configuration());
            String comment = kept.isEmpty() ? "" : JsonFile.line(kept);
            if (comment.getBytes(StandardCharsets.UTF_8).length > LONGEST_COMMENT) {
                notes.add("the configuration is too long for the comment of an npz file, and was left out");
            } else {
                writer.comment(comment);
            }
            writer.write(out);
            return notes;
        }
    }
}
