// SPDX-License-Identifier: Apache-2.0
package dev.darien.examples.minilm;

import dev.darien.device.Device;
import dev.darien.memory.SparseCodes;
import dev.darien.model.TokenizerFile;
import dev.darien.sae.Inference;
import dev.darien.sae.Sae;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.IntStream;

/** What the latents are about: which languages single ones tell, and where the strongest are strongest. */
final class Explore {
    private static final int BATCH = 2048;
    private static final int SHOWN = 12;
    private static final int SNIPPETS = 4;
    /** Latents that fire on more tokens than this are about where a token stands, or which language it is of. */
    private static final double DENSEST = 0.02;

    private static final int FEWEST_TEXTS = 8;

    private Explore() {}

    static void run(Path folder) throws IOException {
        List<String> vocabulary = TokenizerFile.open(folder.resolve("tokenizer.json")).tokens();
        try (Device device = Device.open("auto");
                Sae sae = Sae.load(folder.resolve("sae"), device);
                Tokens train = new Tokens(folder.resolve("train.safetensors"));
                Tokens heldout = new Tokens(folder.resolve("heldout.safetensors"))) {
            List<String> trainTexts = Files.readAllLines(folder.resolve("train.txt"));
            List<String> heldoutTexts = Files.readAllLines(folder.resolve("heldout.txt"));
            Pooled seen = pool(sae, train, trainTexts.size());
            Pooled unseen = pool(sae, heldout, heldoutTexts.size());
            languages(seen, labels(trainTexts), unseen, labels(heldoutTexts));
            snippets(seen, train, vocabulary);
        }
    }

    /**
     * Means over the tokens of each text, [texts][latents] and [texts][channels], and where each latent is strongest.
     *
     * @param totals sum of each latent's values
     * @param fires number of tokens on which each is active
     * @param peaks tokens, [latents][snippets], of different texts, the strongest first; -1 for none
     */
    @SuppressWarnings("ArrayRecordComponent") // of this file alone
    private record Pooled(
            float[][] latents, float[][] channels, double[] totals, long[] fires, int[][] peaks, int tokens) {}

    private static Pooled pool(Sae sae, Tokens tokens, int texts) {
        float[][] latents = new float[texts][sae.latents()];
        float[][] channels = new float[texts][tokens.width()];
        int[] lengths = new int[texts];
        double[] totals = new double[sae.latents()];
        long[] fires = new long[sae.latents()];
        Peaks peaks = new Peaks(sae.latents());
        try (Inference inference = sae.inference(BATCH)) {
            for (int first = 0; first < tokens.count(); first += inference.maxRows()) {
                int count = Math.min(inference.maxRows(), tokens.count() - first);
                try (SparseCodes codes = inference.toHost(inference.encode(tokens.activations(first, count)))) {
                    for (int row = 0; row < count; row++) {
                        int token = first + row;
                        int text = tokens.text(token);
                        lengths[text]++;
                        float[] activation = tokens.activations(token, 1).toArray(0);
                        for (int i = 0; i < activation.length; i++) {
                            channels[text][i] += activation[i];
                        }
                        for (int entry = codes.start(row); entry < codes.start(row + 1); entry++) {
                            int latent = codes.latent(entry);
                            float value = codes.value(entry);
                            latents[text][latent] += value;
                            totals[latent] += value;
                            fires[latent]++;
                            peaks.offer(latent, value, token, text);
                        }
                    }
                }
            }
        }
        for (int text = 0; text < texts; text++) {
            divide(latents[text], lengths[text]);
            divide(channels[text], lengths[text]);
        }
        return new Pooled(latents, channels, totals, fires, peaks.tokens(), tokens.count());
    }

    private static void divide(float[] sums, int count) {
        for (int i = 0; i < sums.length; i++) {
            sums[i] /= Math.max(1, count);
        }
    }

    private static List<Optional<Language>> labels(List<String> texts) {
        return texts.stream().map(Language::of).toList();
    }

    private static void languages(
            Pooled seen, List<Optional<Language>> labels, Pooled unseen, List<Optional<Language>> heldoutLabels) {
        System.out.println("Languages told by a single latent, a single channel of the activations beside it."
                + " Chosen on the texts collected from,");
        System.out.println("balanced accuracy on those held out:");
        System.out.printf(
                Locale.ROOT, "  %-12s %6s %8s %10s %10s%n", "language", "texts", "latent", "accuracy", "channel's");
        double sum = 0;
        double channelSum = 0;
        int count = 0;
        for (Language language : Language.values()) {
            boolean[] train = is(labels, language);
            boolean[] test = is(heldoutLabels, language);
            if (trues(train) < FEWEST_TEXTS || trues(test) < FEWEST_TEXTS) {
                continue;
            }
            Probe latent = Probe.fit(seen.latents, train);
            Probe channel = Probe.fit(seen.channels, train);
            double accuracy = latent.accuracy(unseen.latents, test);
            double channelAccuracy = channel.accuracy(unseen.channels, test);
            System.out.printf(
                    Locale.ROOT,
                    "  %-12s %6d %8d %10.3f %10.3f%n",
                    language,
                    trues(train),
                    latent.feature(),
                    accuracy,
                    channelAccuracy);
            sum += accuracy;
            channelSum += channelAccuracy;
            count++;
        }
        if (count > 0) {
            System.out.printf(
                    Locale.ROOT, "  %-12s %6s %8s %10.3f %10.3f%n", "mean", "", "", sum / count, channelSum / count);
        } else {
            System.out.println("  too few texts of each; collect more");
        }
    }

    private static boolean[] is(List<Optional<Language>> labels, Language language) {
        boolean[] is = new boolean[labels.size()];
        for (int i = 0; i < is.length; i++) {
            is[i] = labels.get(i).filter(language::equals).isPresent();
        }
        return is;
    }

    private static int trues(boolean[] flags) {
        return (int) IntStream.range(0, flags.length).filter(i -> flags[i]).count();
    }

    private static void snippets(Pooled seen, Tokens tokens, List<String> vocabulary) {
        System.out.printf(
                Locale.ROOT,
                "%nThe strongest latents of those on less than %.0f %% of tokens, where they are strongest:%n",
                100 * DENSEST);
        IntStream.range(0, seen.totals.length)
                .boxed()
                .filter(latent -> seen.fires[latent] < DENSEST * seen.tokens && seen.peaks[latent][SNIPPETS - 1] >= 0)
                .sorted(Comparator.comparingDouble((Integer latent) -> -seen.totals[latent]))
                .limit(SHOWN)
                .forEach(latent -> {
                    System.out.printf(
                            Locale.ROOT,
                            "latent %d, on %.2f %% of tokens%n",
                            latent,
                            100.0 * seen.fires[latent] / seen.tokens);
                    for (int token : seen.peaks[latent]) {
                        System.out.println("    " + tokens.inContext(token, vocabulary));
                    }
                });
    }

    /** The strongest tokens of each latent, one a text. */
    private static final class Peaks {
        private final int[][] tokens;
        private final int[][] texts;
        private final float[][] values;

        Peaks(int latents) {
            tokens = new int[latents][SNIPPETS];
            texts = new int[latents][SNIPPETS];
            values = new float[latents][SNIPPETS];
            for (int latent = 0; latent < latents; latent++) {
                Arrays.fill(tokens[latent], -1);
                Arrays.fill(texts[latent], -1);
            }
        }

        void offer(int latent, float value, int token, int text) {
            // The place to give up: that of the same text, or the weakest.
            int place = SNIPPETS - 1;
            for (int i = 0; i < SNIPPETS; i++) {
                if (texts[latent][i] == text) {
                    place = i;
                }
            }
            if (value <= values[latent][place]) {
                return;
            }
            while (place > 0 && values[latent][place - 1] < value) {
                values[latent][place] = values[latent][place - 1];
                tokens[latent][place] = tokens[latent][place - 1];
                texts[latent][place] = texts[latent][place - 1];
                place--;
            }
            values[latent][place] = value;
            tokens[latent][place] = token;
            texts[latent][place] = text;
        }

        int[][] tokens() {
            return tokens;
        }
    }
}
