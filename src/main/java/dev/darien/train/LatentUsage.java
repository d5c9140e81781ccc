// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import dev.darien.data.SeededRandom;
import dev.darien.device.Device;
import dev.darien.device.Kernels;
import dev.darien.device.LatentTerms;
import dev.darien.memory.Allocator;
import dev.darien.memory.Closing;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.Owned;
import dev.darien.sae.FeatureChoice;
import dev.darien.sae.Selection;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * How often each latent fires, as a running mean over batches, and what follows from it: which latents fire too seldom for
 * their rank ({@link Auxiliary.Zipf}), and how many tokens each may take ({@link FeatureChoice}).
 */
final class LatentUsage implements AutoCloseable {
    /** Steps between two looks at the ranks, which a GPU has to wait for. */
    static final int REFRESH = 100;

    private static final double DECAY = 0.999;

    private final StepContext context;
    private final Device device;
    private final Kernels kernels;
    private final TrainingOptions options;
    private final int latents;
    private final boolean byLatent;
    private final long start;
    private final Owned owned = new Owned();
    /** All F32[1, F]; what a checkpoint keeps. */
    private final Matrix rates;

    private final Matrix limits;
    private final Matrix expected;
    private final Matrix thresholds;
    private final Matrix fired;
    private final LatentTerms counted;
    private final Matrix host;
    private final Matrix hostBudgets;
    private final Selection.@Nullable Budgets budgets;
    /** Tokens of a batch that each latent is to take in the mean, and the step since which. */
    private final double[] tokens;

    private long since;

    LatentUsage(StepContext context) {
        this.context = context;
        device = context.device();
        kernels = device.kernels();
        options = context.options();
        latents = options.latents();
        byLatent = options.sparsity() instanceof FeatureChoice;
        start = options.budgets().start(options.steps());
        since = start;
        tokens = new double[latents];
        budgets = context.workspace().budgets;
        Allocator memory = context.memory();
        LatentTerms terms = context.workspace().chunks.getFirst().terms();
        try {
            rates = owned.add(memory.vector("firing rates", latents));
            limits = owned.add(memory.vector("limits of firing rates", latents));
            expected = owned.add(memory.vector("budgets", latents));
            thresholds = owned.add(memory.vector("latent thresholds", latents));
            fired = owned.add(memory.vector("share of firing", latents));
            Matrix ones = owned.add(memory.vector("ones", terms.codes().capacity()));
            kernels.fill(ones, 1);
            Matrix share = owned.add(memory.vector("share of a row", 1));
            kernels.fill(share, 1f / options.batch());
            counted = new LatentTerms(terms.codes(), terms.groups(), ones, terms.input(), terms.residual(), share);
            host = owned.add(device.staging("usage", DType.F32, 1, latents));
            hostBudgets = owned.add(device.staging("budgets", DType.I32, 1, latents));
        } catch (RuntimeException | Error e) {
            Closing.after(e, this);
            throw e;
        }
    }

    /** Whether the step selects by latent. */
    boolean choosesByLatent(long step) {
        return byLatent && step >= start;
    }

    /** Puts the budgets of the step, and the thresholds so far, where the selection finds them. */
    void prepare(long step) {
        if (budgets == null) {
            return;
        }
        int refresh = options.budgets().refresh();
        if (step == start || (refresh > 0 && (step - start) % refresh == 0)) {
            if (step == start) {
                startThresholds();
            }
            fit(step);
        }
        switch (options.budgets().rounding()) {
            case NEAREST -> {
                for (int latent = 0; latent < latents; latent++) {
                    hostBudgets.setLong(0, latent, Math.round(tokens[latent]));
                }
            }
            case STOCHASTIC -> {
                double sum = new SeededRandom(SeededRandom.combine(options.seed(), 3), step).nextDouble();
                for (int latent = 0; latent < latents; latent++) {
                    double before = Math.floor(sum);
                    sum += tokens[latent];
                    hostBudgets.setLong(0, latent, (long) (Math.floor(sum) - before));
                }
            }
            case ACCUMULATED -> {
                SeededRandom credit = new SeededRandom(options.seed(), 3);
                double batches = step - since;
                for (int latent = 0; latent < latents; latent++) {
                    // Latents begin with different credit, so that they don't all get their tokens at once.
                    double before = credit.nextDouble() + batches * tokens[latent];
                    long whole = (long) (Math.floor(before + tokens[latent]) - Math.floor(before));
                    hostBudgets.setLong(0, latent, whole);
                }
            }
        }
        device.upload(hostBudgets, budgets.tokens());
        // A latent that keeps nothing in this batch leaves its threshold as it is.
        kernels.convert(thresholds, 1, null, budgets.smallestKept());
    }

    /** From the one threshold of Mutual Choice on. */
    private void startThresholds() {
        if (start > 0) {
            try (Matrix average = device.staging("threshold", DType.F32, 1, 1)) {
                device.download(context.state().thresholdAverage, average);
                kernels.fill(thresholds, average.get(0, 0));
            }
        }
    }

    private void fit(long step) {
        double[] now = rates();
        Integer[] ranks = ranks(now);
        FeatureBudgets plan = options.budgets();
        ZipfLaw law = plan.law() != null ? plan.law() : ZipfLaw.fit(sorted(now, ranks));
        double[] wanted = law.rates(latents, options.sparsity().k(), plan.least(options.batch()), plan.cap());
        for (int rank = 0; rank < latents; rank++) {
            host.set(0, ranks[rank], (float) (wanted[rank] * options.batch()));
        }
        device.upload(host, expected);
        since = step;
        load();
    }

    private void load() {
        device.download(expected, host);
        for (int latent = 0; latent < latents; latent++) {
            tokens[latent] = host.get(0, latent);
        }
    }

    /** After the selection and grouping of a step. */
    void count(long step) {
        kernels.encoderBiasGradient(counted, false, fired);
        // Bias-corrected: after t steps the average weighs them as if it had always run.
        double rate = (1 - DECAY) / (1 - Math.pow(DECAY, step + 1.0));
        kernels.exponentialAverage(fired, (float) rate, rates);
        if (budgets != null && choosesByLatent(step)) {
            double decay = options.thresholdDecay();
            double first = start > 0 ? 1 - decay : (1 - decay) / (1 - Math.pow(decay, step + 1.0));
            kernels.exponentialAverage(budgets.smallestKept(), (float) first, thresholds);
        }
    }

    /** Looks at the ranks again, now and then. */
    void finishStep(long step) {
        if (options.auxiliary() instanceof Auxiliary.Zipf zipf && step % REFRESH == 0) {
            double[] now = rates();
            Integer[] ranks = ranks(now);
            double[] descending = sorted(now, ranks);
            double[] wanted =
                    ZipfLaw.fit(descending).rates(latents, options.sparsity().k(), 0, 1);
            for (int rank = 0; rank < latents; rank++) {
                host.set(0, ranks[rank], (float) (zipf.share() * wanted[rank]));
            }
            device.upload(host, limits);
        }
    }

    private double[] rates() {
        device.download(rates, host);
        return IntStream.range(0, latents).mapToDouble(at -> host.get(0, at)).toArray();
    }

    /** Latents by rate, the largest first; of equal ones the lower first. */
    private static Integer[] ranks(double[] rates) {
        return IntStream.range(0, rates.length)
                .boxed()
                .sorted((a, b) -> Double.compare(rates[b], rates[a]))
                .toArray(Integer[]::new);
    }

    private static double[] sorted(double[] rates, Integer... ranks) {
        double[] sorted = new double[rates.length];
        for (int rank = 0; rank < sorted.length; rank++) {
            sorted[rank] = rates[ranks[rank]];
        }
        return sorted;
    }

    Matrix rateVector() {
        return rates;
    }

    Matrix limitVector() {
        return limits;
    }

    /** The threshold of each latent, once the run has selected by latent. */
    @Nullable
    Matrix thresholds(long steps) {
        return byLatent && steps > start ? thresholds : null;
    }

    /** What a checkpoint keeps. */
    Map<String, Matrix> named() {
        return Map.of(
                "firing_rates", rates,
                "firing_limits", limits,
                "latent_budgets", expected,
                "latent_thresholds", thresholds);
    }

    void save(Map<String, Object> numbers) {
        numbers.put("budgets_since", since);
    }

    void restore(Map<String, Object> numbers) {
        since = StepStatistics.number(numbers, "budgets_since").longValue();
        load();
    }

    @Override
    public void close() {
        owned.close();
    }
}
