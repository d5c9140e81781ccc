// SPDX-License-Identifier: Apache-2.0
package dev.darien.interop;

import dev.darien.data.TensorFile;
import dev.darien.sae.JumpRelu;
import dev.darien.sae.Mapping;
import dev.darien.sae.Relu;
import dev.darien.sae.Sae;
import dev.darien.sae.SaeFolder;
import dev.darien.sae.SaeLoader;
import java.nio.file.Path;
import java.util.List;

/** SAELens's folders, which are Darien's own: see {@link SaeFolder}. */
final class SaeLensFormat implements FormatWriter {
    @Override
    public boolean recognises(Candidate candidate) {
        boolean tied = candidate
                .json(SaeFolder.CONFIGURATION)
                .filter(entries -> "matching_pursuit".equals(entries.get("architecture")))
                .isPresent();
        boolean weights = candidate.is(TensorFile.Kind.SAFETENSORS)
                && candidate.has("W_dec", "b_dec")
                && (tied || candidate.has("W_enc"));
        // Without a configuration it may be, if nothing else claims it.
        return weights
                && (candidate.json(SaeFolder.CONFIGURATION).isPresent()
                        || !DictionaryLearningFormat.isConfigured(candidate));
    }

    @Override
    public SaeLoader read(Candidate candidate, ReadAs as) {
        SaeLoader loader = SaeFolder.read(
                candidate.path(SaeFolder.CONFIGURATION),
                candidate.requireJson(SaeFolder.CONFIGURATION, "which says by which rule latents are selected"),
                candidate.file(),
                "topk".equals(as.rule()));
        if (loader.sparsity().hasThresholds()) {
            as.rule(candidate, "jumprelu", "gated", "batchtopk");
        } else {
            as.rule(candidate, loader.sparsity().id());
        }
        return loader;
    }

    @Override
    public List<String> files() {
        return List.of(SaeFolder.WEIGHTS, SaeFolder.CONFIGURATION);
    }

    @Override
    public List<String> write(Sae sae, Path out) {
        sae.save(out);
        boolean own =
                switch (sae.mapping()) {
                    case Mapping.Identity ignored -> false;
                    case Mapping.Transcoder ignored ->
                        !(sae.sparsity() instanceof Relu || sae.sparsity() instanceof JumpRelu);
                    case Mapping.Crosscoder ignored -> true;
                };
        return own ? List.of("SAELens has no such architecture and refuses the folder, which Darien reads") : List.of();
    }
}
