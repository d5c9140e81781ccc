// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import dev.darien.ensemble.Ensemble;
import dev.darien.ensemble.EnsembleFolder;
import dev.darien.sae.AbsTopK;
import dev.darien.sae.Autoencoder;
import dev.darien.sae.BatchTopK;
import dev.darien.sae.FeatureChoice;
import dev.darien.sae.Gated;
import dev.darien.sae.GradientTopK;
import dev.darien.sae.GroupMax;
import dev.darien.sae.JumpRelu;
import dev.darien.sae.MatchingPursuit;
import dev.darien.sae.Relu;
import dev.darien.sae.Sae;
import dev.darien.sae.Sparsity;
import dev.darien.sae.TopK;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** The inference rules that an SAE can be used with: its own, and others that it has the weights for. */
final class SaeModes {
    /** The rule that needs gradients. */
    static final String GRADIENT = "gradient";

    private static final String THRESHOLD = "threshold";

    private SaeModes() {}

    /**
     * Each rule by its name, the default first. They share the weights of {@code sae}: close only that.
     *
     * @param folder where {@code sae} was read from
     * @param wanted name of the rule that is to be the default, or null for the SAE's own
     * @throws UsageException if the SAE can't be used with that rule
     */
    static Map<String, Autoencoder> of(Autoencoder sae, Path folder, @Nullable String wanted) {
        if (GRADIENT.equals(wanted) && byGradients(sae, folder)) {
            throw new UsageException(
                    "--mode gradient needs the gradients of what is encoded, which only evaluate and encode read");
        }
        return of(sae, folder, wanted, false);
    }

    /**
     * As above, for who can read gradients.
     *
     * @param gradients whether there are any; ask {@link #byGradients} first whether they are of use
     */
    static Map<String, Autoencoder> of(Autoencoder sae, Path folder, @Nullable String wanted, boolean gradients) {
        Map<String, Autoencoder> modes = new LinkedHashMap<>(
                sae instanceof Ensemble ensemble
                        ? of(ensemble, folder)
                        : of(sae.members().getFirst(), folder));
        if (gradients && sae instanceof Sae single) {
            trainedRule(single, folder).ifPresent(rule -> modes.put(GRADIENT, single.with(rule)));
        }
        if (wanted == null) {
            return modes;
        }
        if (!modes.containsKey(wanted)) {
            throw new UsageException("the SAE in " + folder + " can't be used with --mode " + wanted
                    + Suggestions.hint(wanted, modes.keySet()) + " (it can with: " + String.join(", ", modes.keySet())
                    + ")");
        }
        Map<String, Autoencoder> ordered = new LinkedHashMap<>();
        ordered.put(wanted, modes.get(wanted));
        ordered.putAll(modes);
        return ordered;
    }

    /** Whether the SAE was trained by gradients, and can be used with them. */
    static boolean byGradients(Autoencoder sae, Path folder) {
        return sae instanceof Sae single && trainedRule(single, folder).isPresent();
    }

    private static Optional<Sparsity> trainedRule(Sae sae, Path folder) {
        if (!(sae.sparsity() instanceof TopK topK)) {
            return Optional.empty();
        }
        return RunRecord.read(folder)
                .flatMap(RunRecord::attribution)
                .map(attribution -> new GradientTopK(topK.k(), attribution.beta(), attribution.normalised()));
    }

    /** The rules that all members have. */
    private static Map<String, Ensemble> of(Ensemble ensemble, Path folder) {
        List<Map<String, Sae>> each = new ArrayList<>();
        for (int at = 0; at < ensemble.members().size(); at++) {
            each.add(of(ensemble.members().get(at), folder.resolve(EnsembleFolder.memberName(at))));
        }
        String own = each.stream()
                .map(modes -> modes.keySet().iterator().next())
                .distinct()
                .collect(Collectors.joining("+"));
        Map<String, Ensemble> modes = new LinkedHashMap<>();
        modes.put(own, ensemble);
        for (String name : each.getFirst().keySet()) {
            if (each.stream().allMatch(one -> one.containsKey(name))) {
                modes.putIfAbsent(
                        name,
                        ensemble.with(each.stream().map(one -> one.get(name)).toList()));
            }
        }
        return modes;
    }

    private static Map<String, Sae> of(Sae sae, Path folder) {
        Map<String, Sae> modes = new LinkedHashMap<>();
        modes.put(name(sae.sparsity()), sae);
        if (sae.sparsity() instanceof JumpRelu) {
            // Trained with a k: that selection still applies.
            RunRecord.read(folder)
                    .flatMap(RunRecord::k)
                    .filter(k -> k >= 1 && k <= sae.latents())
                    .ifPresent(k -> modes.put("topk", sae.with(new TopK(k))));
        }
        if (sae.spareThreshold().isPresent()) {
            modes.put(THRESHOLD, sae.with(new JumpRelu(0)));
        }
        return modes;
    }

    private static String name(Sparsity sparsity) {
        return switch (sparsity) {
            case Relu relu -> "relu";
            case TopK topK -> "topk";
            case JumpRelu jumpRelu -> THRESHOLD;
            case Gated gated -> "gate";
            case GroupMax groupMax -> "groupmax";
            case GradientTopK gradientTopK -> GRADIENT;
            case MatchingPursuit pursuit -> pursuit.id();
            case AbsTopK absTopK -> absTopK.id();
            case FeatureChoice featureChoice -> throw new IllegalStateException("an SAE doesn't select over a batch");
            case BatchTopK batchTopK -> throw new IllegalStateException("an SAE doesn't select over a batch");
        };
    }
}
