// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import dev.darien.data.ActivationSource;
import dev.darien.data.ActivationSources;
import dev.darien.data.DataException;
import dev.darien.data.SyntheticSource;
import dev.darien.device.Device;
import dev.darien.ensemble.Ensemble;
import dev.darien.eval.Connectivity;
import dev.darien.eval.Directions;
import dev.darien.eval.Evaluator;
import dev.darien.eval.Geometry;
import dev.darien.eval.Recovery;
import dev.darien.eval.Similarity;
import dev.darien.eval.Stability;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import dev.darien.sae.Autoencoder;
import dev.darien.sae.Inference;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code darien compare}. */
@Command(
        name = "compare",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        description = {
            "Says how alike sparse autoencoders, or ensembles of them, are: their geometry, the similarity of each pair, one-to-one matching and"
                    + " stability over all of them, each beside what chance would give.",
            "",
            "With --data also how often their latents fire and which fire together; with synthetic data, how many of the"
                    + " true directions each has found.",
            ""
        })
final class CompareCommand implements Callable<Integer> {
    private static final int BATCH = 1024;

    private final Console console;

    @Parameters(
            index = "0..*",
            arity = "2..*",
            paramLabel = "SAE",
            description = "Folders or files of SAEs of the same width, of any format, or folders of ensembles.")
    private List<Path> paths = List.of();

    @Option(
            names = "--data",
            paramLabel = "DATA",
            description = "Activations to measure densities and connectivity on; may be repeated.")
    private List<String> data = List.of();

    @Option(
            names = "--match-up-to",
            paramLabel = "N",
            description = "Match latents one to one where neither SAE has more than N, as the time grows with the cube"
                    + " (default: ${DEFAULT-VALUE}).")
    private int matchUpTo = 4096;

    @Option(
            names = "--matches",
            description =
                    "With --json, list every pair of matched latents: [first, second, cosine], by falling cosine.")
    private boolean listMatches;

    @Mixin
    private SaeArguments arguments = new SaeArguments();

    @Option(names = "--json", description = "Print the result as one JSON object.")
    private boolean json;

    CompareCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        Map<String, Object> result = compare();
        if (json) {
            console.json(result);
        } else {
            console.print(text(result));
        }
        return 0;
    }

    private Map<String, Object> compare() {
        try (Device device = arguments.device.open();
                Opened opened = new Opened()) {
            for (Path path : paths) {
                Autoencoder sae = opened.add(arguments.input.load(path, device, console));
                Autoencoder first = opened.saes.getFirst();
                if (!data.isEmpty()) {
                    SaeArguments.requireAutoencoder(sae, path);
                }
                if (sae.outputWidth() != first.outputWidth()) {
                    throw new DataException(
                            "the SAE in " + path + " is of width " + sae.outputWidth() + ", but that in "
                                    + paths.getFirst() + " is of width " + first.outputWidth()
                                    + "; only SAEs of the same activations can be compared");
                }
            }
            List<Map<String, Object>> saes = new ArrayList<>();
            try (@Nullable
                    ActivationSource source = data.isEmpty() ? null : ActivationSources.parse(data, arguments.tensor)) {
                for (int at = 0; at < paths.size(); at++) {
                    saes.add(one(opened.saes.get(at), paths.get(at), source));
                }
            }
            Map<String, Object> result = new LinkedHashMap<>();
            result.put("saes", saes);
            List<Directions> directions = opened.directions();
            List<Similarity> similarities = new ArrayList<>();
            List<Map<String, Object>> pairs = pairs(directions, similarities);
            Stability stability = Stability.of(directions);
            result.put("stability", stability.mean());
            result.put("stability_of_runs", stability.runs());
            result.put("stability_mean_over_runs", stability.asMap().get("mean_over_runs"));
            result.put("stability_chance", stability.chance());
            double exact = Stability.exact(similarities);
            if (!Double.isNaN(exact)) {
                result.put("stability_exact", exact);
            }
            result.put("pairs", pairs);
            return result;
        }
    }

    /** What has to be closed, in whatever order it was opened. */
    private static final class Opened implements AutoCloseable {
        private final List<Autoencoder> saes = new ArrayList<>();
        private final List<Directions> decoders = new ArrayList<>();

        Autoencoder add(Autoencoder sae) {
            saes.add(sae);
            return sae;
        }

        List<Directions> directions() {
            for (Autoencoder sae : saes) {
                decoders.add(Directions.decoders(sae.members()));
            }
            return decoders;
        }

        @Override
        public void close() {
            decoders.forEach(Directions::close);
            saes.forEach(Autoencoder::close);
        }
    }

    private Map<String, Object> one(Autoencoder sae, Path path, @Nullable ActivationSource source) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("sae", path.toString());
        if (sae instanceof Ensemble ensemble) {
            map.putAll(SaeSummary.of(ensemble));
        }
        map.put("latents", sae.latents());
        map.put("width", sae.width());
        map.putAll(Geometry.of(sae.members()).asMap());
        if (source == null) {
            return map;
        }
        SaeArguments.requireSameWidth(sae, path, source);
        Autoencoder mode =
                SaeModes.of(sae, path, arguments.mode).values().iterator().next();
        Map<String, Object> evaluation = Evaluator.evaluate(mode, source).asMap();
        for (String key : List.of("tokens", "l0", "fvu", "dead_fraction", "density")) {
            map.put(key, evaluation.get(key));
        }
        if (sae.latents() <= Connectivity.MOST_LATENTS) {
            map.put("connectivity", connectivity(mode, source));
        } else {
            console.notice(path + " has more than " + Connectivity.MOST_LATENTS
                    + " latents, so that which of them fire together isn't counted");
        }
        if (source instanceof SyntheticSource synthetic) {
            map.put("truth", Recovery.of(sae, synthetic.groundTruth()).asMap());
        }
        return map;
    }

    private static double connectivity(Autoencoder sae, ActivationSource source) {
        Connectivity connectivity = new Connectivity(sae.latents());
        try (Inference inference = sae.inference((int) Math.min(BATCH, source.rows()));
                Matrix batch = sae.device().staging("batch", source.dtype(), inference.maxRows(), source.width())) {
            for (long first = 0; first < source.rows(); first += inference.maxRows()) {
                int count = (int) Math.min(inference.maxRows(), source.rows() - first);
                source.read(first, count, batch);
                try (SparseCodes codes = inference.toHost(inference.encode(batch.slice(0, count)))) {
                    connectivity.add(List.of(codes));
                }
            }
        }
        return connectivity.value();
    }

    private List<Map<String, Object>> pairs(List<Directions> directions, List<Similarity> similarities) {
        List<Map<String, Object>> pairs = new ArrayList<>();
        for (int a = 0; a < directions.size(); a++) {
            for (int b = a + 1; b < directions.size(); b++) {
                boolean matching =
                        Math.max(directions.get(a).rows(), directions.get(b).rows()) <= matchUpTo;
                if (!matching) {
                    console.notice(paths.get(a) + " and " + paths.get(b) + " have more than " + matchUpTo
                            + " latents and aren't matched one to one; --match-up-to allows it");
                }
                Similarity similarity = Similarity.of(directions.get(a), directions.get(b), matching);
                similarities.add(similarity);
                Map<String, Object> pair = new LinkedHashMap<>();
                pair.put("a", paths.get(a).toString());
                pair.put("b", paths.get(b).toString());
                pair.putAll(similarity.asMap());
                List<Similarity.Match> matches = similarity.matches();
                if (listMatches && matches != null) {
                    pair.put(
                            "matches",
                            matches.stream()
                                    .map(match -> List.of(match.a(), match.b(), match.cosine()))
                                    .toList());
                }
                pairs.add(pair);
            }
        }
        return pairs;
    }

    private static String text(Map<String, Object> result) {
        StringBuilder text = new StringBuilder();
        for (String list : List.of("saes", "pairs")) {
            if (result.get(list) instanceof List<?> entries) {
                for (Object entry : entries) {
                    Map<String, Object> map = new LinkedHashMap<>(RunRecord.object(entry));
                    Object truth = map.remove("truth");
                    if (truth != null) {
                        map.putAll(RunRecord.object(truth));
                    }
                    text.append(Texts.table(map)).append('\n');
                }
            }
        }
        return text.append(Texts.table(result)).toString();
    }
}
