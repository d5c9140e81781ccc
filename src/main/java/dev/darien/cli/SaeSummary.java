// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import dev.darien.ensemble.Ensemble;
import dev.darien.sae.Mapping;
import dev.darien.sae.RowNormalization;
import dev.darien.sae.Sae;
import dev.darien.sae.SaeLoader;
import dev.darien.sae.Sparsity;
import java.util.LinkedHashMap;
import java.util.Map;

/** What an SAE is, in a few entries. */
final class SaeSummary {
    private SaeSummary() {}

    static Map<String, Object> of(Sae sae) {
        return of(sae.sparsity(), sae.latents(), sae.width(), sae.mapping(), sae.normalization());
    }

    static Map<String, Object> of(Ensemble ensemble) {
        Map<String, Object> summary = new LinkedHashMap<>();
        summary.put("ensemble", ensemble.kind().id());
        summary.put("members", ensemble.members().size());
        summary.put("latents", ensemble.latents());
        summary.put("width", ensemble.width());
        return summary;
    }

    static Map<String, Object> of(SaeLoader loader) {
        return of(loader.sparsity(), loader.latents(), loader.width(), loader.mapping(), loader.normalization());
    }

    private static Map<String, Object> of(
            Sparsity rule, int latents, int width, Mapping mapping, RowNormalization normalization) {
        Map<String, Object> summary = new LinkedHashMap<>();
        summary.put("rule", rule.id());
        if (rule.k() > 0) {
            summary.put("k", rule.k());
        }
        summary.put("latents", latents);
        summary.put("width", width);
        switch (mapping) {
            case Mapping.Identity ignored -> {
                // What there is to say of most.
            }
            case Mapping.Transcoder transcoder -> {
                summary.put("target_width", transcoder.width());
                summary.put("skip", transcoder.skip());
            }
            case Mapping.Crosscoder crosscoder -> {
                Map<String, Object> tensors = new LinkedHashMap<>();
                crosscoder.parts().forEach(part -> tensors.put(part.tensor(), part.width()));
                summary.put("tensors", tensors);
            }
        }
        if (normalization != RowNormalization.NONE) {
            summary.put("normalization", normalization.id());
        }
        return summary;
    }
}
