// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import dev.darien.data.SeededRandom;
import dev.darien.device.Device;
import dev.darien.eval.LatentSummaries;
import dev.darien.model.DownstreamEvaluation;
import dev.darien.model.DownstreamEvaluator;
import dev.darien.model.OnnxModel;
import dev.darien.model.Splice;
import dev.darien.sae.Autoencoder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code darien steer}. */
@Command(
        name = "steer",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        description = {
            "Adds a latent's direction, at norm 1, to every activation of a model and says how far that moves what the model"
                    + " predicts: KL divergence from the model as it is, change of the logits (its length, and of the one that changes most) and cross-entropy. Beside it random directions.",
            "",
            "The model is named as for evaluate: --suffix with DATA, or --model with --hook and --text.",
            ""
        })
final class SteerCommand implements Callable<Integer> {
    private static final int MOST = 1000;

    private final Console console;

    @Parameters(
            index = "0",
            paramLabel = "SAE",
            description = "Folder or file of the SAE, of any format, or folder of an ensemble.")
    private Path sae = Path.of("");

    @Parameters(index = "1..*", paramLabel = "DATA", description = "Activations for --suffix.")
    private List<String> data = List.of();

    @Mixin
    private DownstreamArguments downstream = new DownstreamArguments();

    @Option(
            names = "--latents",
            split = ",",
            paramLabel = "J",
            description = "Latents to steer with, several with commas (default: those whose values sum to most).")
    private List<Integer> latents = List.of();

    @Option(
            names = "--count",
            paramLabel = "N",
            description = "How many latents, if none are named, and how many random"
                    + " directions (default: ${DEFAULT-VALUE}).")
    private int count = 10;

    @Option(
            names = "--scale",
            paramLabel = "C",
            description = "What to multiply the direction with; the same for all latents, so that they and SAEs can be"
                    + " compared (default: each latent's mean value where it is active, times its decoder's norm).")
    private @Nullable Double scale;

    @Option(names = "--seed", paramLabel = "N", description = "Of the random directions (default: ${DEFAULT-VALUE}).")
    private long seed = 1;

    @Mixin
    private SaeArguments arguments = new SaeArguments();

    @Option(names = "--json", description = "Print the result as one JSON object.")
    private boolean json;

    SteerCommand(Console console) {
        this.console = console;
    }

    /** A direction to steer with: of a latent, or random where that is negative. */
    @SuppressWarnings("ArrayRecordComponent") // made here, written by nobody
    private record Steered(int latent, float[] direction, double scale) {
        Splice splice() {
            return Splice.adding(direction, scale);
        }
    }

    @Override
    public Integer call() {
        if (count < 1 || count > MOST) {
            throw new UsageException("--count must be between 1 and " + MOST + ", not " + count);
        }
        if (scale != null && !Double.isFinite(scale)) {
            throw new UsageException("--scale must be a number, not " + scale);
        }
        downstream.check(data);
        if (!downstream.isGiven()) {
            throw new UsageException(
                    "steering needs a model; name it with --suffix, or --model with --hook and --text");
        }
        Map<String, Object> result = steer();
        if (json) {
            console.json(result);
        } else {
            console.print(text(result));
        }
        return 0;
    }

    private Map<String, Object> steer() {
        try (Device device = arguments.device.open();
                Autoencoder loaded = arguments.input.load(sae, device, console);
                OnnxModel model = downstream.open();
                DownstreamEvaluator evaluator =
                        downstream.evaluator(model, data, arguments.tensor, arguments.device.resolvedThreads())) {
            SaeArguments.requireSameWidth(loaded, sae, evaluator.activations());
            for (int latent : latents) {
                if (latent < 0 || latent >= loaded.latents()) {
                    throw new UsageException("there is no latent " + latent + ", only 0 to " + (loaded.latents() - 1));
                }
            }
            Autoencoder mode =
                    SaeModes.of(loaded, sae, arguments.mode).values().iterator().next();
            List<Steered> steered = directions(mode, evaluator);
            Map<String, Splice> splices = new LinkedHashMap<>();
            for (int at = 0; at < steered.size(); at++) {
                splices.put(String.valueOf(at), steered.get(at).splice());
            }
            Map<String, DownstreamEvaluation> measured = evaluator.evaluate(splices);
            return result(steered, measured);
        }
    }

    private List<Steered> directions(Autoencoder mode, DownstreamEvaluator evaluator) {
        int wanted = latents.isEmpty() ? count : mode.latents();
        List<LatentSummaries.Summary> summaries = LatentSummaries.of(mode, evaluator.activations(), wanted, 0, 0);
        List<Steered> steered = new ArrayList<>();
        double sum = 0;
        List<Integer> chosen = latents.isEmpty()
                ? summaries.stream().map(LatentSummaries.Summary::latent).toList()
                : latents;
        for (int latent : chosen) {
            float[] row = mode.decoderRows(latent)[0];
            double norm = Math.sqrt(IntStream.range(0, row.length)
                    .mapToDouble(t -> (double) row[t] * row[t])
                    .sum());
            double mean = summaries.stream()
                    .filter(summary -> summary.latent() == latent)
                    .mapToDouble(LatentSummaries.Summary::mean)
                    .findFirst()
                    .orElse(0);
            double by = scale != null ? scale : mean * norm;
            for (int t = 0; t < row.length; t++) {
                row[t] = norm == 0 ? 0 : (float) (row[t] / norm);
            }
            steered.add(new Steered(latent, row, by));
            sum += by;
        }
        if (steered.isEmpty()) {
            throw new UsageException("no latent is active on this data, so there is none to steer with; name --latents"
                    + " and --scale");
        }
        double by = sum / steered.size();
        SeededRandom random = new SeededRandom(seed);
        for (int at = 0; at < count; at++) {
            float[] direction = new float[mode.width()];
            double squares = 0;
            for (int t = 0; t < direction.length; t++) {
                direction[t] = (float) random.nextGaussian();
                squares += (double) direction[t] * direction[t];
            }
            for (int t = 0; t < direction.length; t++) {
                direction[t] /= (float) Math.sqrt(squares);
            }
            steered.add(new Steered(-1, direction, by));
        }
        return steered;
    }

    private static Map<String, Object> result(List<Steered> steered, Map<String, DownstreamEvaluation> measured) {
        List<Map<String, Object>> rows = new ArrayList<>();
        Map<String, double[]> latentSums = new LinkedHashMap<>();
        Map<String, double[]> randomSums = new LinkedHashMap<>();
        Map<String, Object> result = new LinkedHashMap<>();
        for (int at = 0; at < steered.size(); at++) {
            Steered one = steered.get(at);
            DownstreamEvaluation evaluation = Objects.requireNonNull(measured.get(String.valueOf(at)));
            Map<String, Double> effects = effects(evaluation);
            if (at == 0 && evaluation.loss() != null) {
                result.put("ce_tokens", evaluation.loss().tokens());
                result.put("ce_clean", evaluation.loss().clean());
            }
            Map<String, double[]> sums = one.latent() >= 0 ? latentSums : randomSums;
            effects.forEach((name, value) -> {
                double[] sum = sums.computeIfAbsent(name, key -> new double[2]);
                sum[0] += value;
                sum[1]++;
            });
            if (one.latent() >= 0) {
                Map<String, Object> row = new LinkedHashMap<>();
                row.put("latent", one.latent());
                row.put("scale", one.scale());
                row.putAll(effects);
                rows.add(row);
            }
        }
        result.put("latents", rows);
        latentSums.forEach((name, sum) -> result.put("mean_" + name, sum[0] / sum[1]));
        Map<String, Object> random = new LinkedHashMap<>();
        random.put("scale", steered.getLast().scale());
        randomSums.forEach((name, sum) -> random.put("mean_" + name, sum[0] / sum[1]));
        result.put("random", random);
        return result;
    }

    private static Map<String, Double> effects(DownstreamEvaluation evaluation) {
        Map<String, Double> effects = new LinkedHashMap<>();
        DownstreamEvaluation.@Nullable Loss loss = evaluation.loss();
        if (loss != null) {
            if (!Double.isNaN(loss.kl())) {
                effects.put("kl", loss.kl());
                effects.put("logit_change", loss.logitChange());
                effects.put("largest_logit_change", loss.largestLogitChange());
            }
            effects.put("delta_ce", loss.spliced() - loss.clean());
        }
        if (evaluation.embedding() != null) {
            effects.put("cosine_distance", evaluation.embedding().spliced());
        }
        return effects;
    }

    private static String text(Map<String, Object> result) {
        List<List<String>> rows = new ArrayList<>();
        List<String> head = new ArrayList<>();
        if (result.get("latents") instanceof List<?> list) {
            for (Object entry : list) {
                Map<String, Object> map = RunRecord.object(entry);
                if (head.isEmpty()) {
                    map.keySet().forEach(name -> head.add(name.replace('_', ' ')));
                }
                rows.add(map.values().stream().map(Texts::value).toList());
            }
        }
        Map<String, Object> random = new LinkedHashMap<>();
        RunRecord.object(result.get("random")).forEach((name, value) -> random.put("random_" + name, value));
        return Texts.grid(head, rows) + "\n" + Texts.table(result) + Texts.table(random);
    }
}
