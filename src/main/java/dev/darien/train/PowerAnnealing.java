// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import dev.darien.device.LatentTerms;
import dev.darien.device.PenaltyCurve;
import dev.darien.memory.Closing;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import java.util.List;
import java.util.Map;

/**
 * The power of a penalty {@code Σ f^p} on its way from 1 to its end in a number of equal updates (Karvonen et al. 2024,
 * section 3). At each update the coefficient is multiplied by the ratio of the two penalties over the last steps before
 * it, so that the penalty's size stays what it was.
 */
final class PowerAnnealing implements AutoCloseable {
    /** Updates of the power, and steps before each over which both penalties are measured. */
    static final int UPDATES = 10;

    static final int MEASURED_STEPS = 10;

    private final StepContext context;
    private final Penalty.Power penalty;
    private final Matrix unused;
    /** F64[1, 1] each: Σ f^p by the power now, and by the next one. */
    private final Matrix now;

    private final Matrix next;
    private final Matrix host;
    private final long first;
    private final long every;
    private long step;
    private double factor = 1;

    PowerAnnealing(StepContext context, Penalty.Power penalty) {
        this.context = context;
        this.penalty = penalty;
        long steps = context.options().steps();
        first = Math.round(penalty.start() * steps);
        every = Math.max(1, (steps - first) / UPDATES);
        int capacity =
                context.workspace().chunks.getFirst().terms().codeGradients().columns();
        unused = context.memory().vector("gradients of a measured penalty", capacity);
        now = context.memory().matrix("penalty by the power now", DType.F64, 1, 1);
        next = context.memory().matrix("penalty by the next power", DType.F64, 1, 1);
        host = context.device().staging("penalty", DType.F64, 1, 1);
    }

    /** The power after {@code updates} updates. */
    private double power(long updates) {
        return 1 + (penalty.end() - 1) * Math.min(UPDATES, updates) / UPDATES;
    }

    private long updates(long at) {
        return at < first ? 0 : Math.min(UPDATES, 1 + (at - first) / every);
    }

    /** The power of the step that comes next. */
    double power() {
        return power(updates(step));
    }

    private boolean measures() {
        long coming = updates(step + MEASURED_STEPS);
        return coming > updates(step);
    }

    void add(LatentTerms terms, float half) {
        PenaltyCurve curve = PenaltyCurve.power(power());
        context.kernels()
                .addPenalty(
                        terms.codes(),
                        null,
                        curve,
                        (float) (half * factor),
                        terms.codeGradients(),
                        context.workspace().penalty);
        if (measures()) {
            context.kernels().addPenalty(terms.codes(), null, curve, 1, unused, now);
            PenaltyCurve following = PenaltyCurve.power(power(updates(step) + 1));
            context.kernels().addPenalty(terms.codes(), null, following, 1, unused, next);
        }
    }

    void finishStep(long done) {
        boolean updated = updates(done) > updates(done - 1);
        step = done;
        if (updated) {
            double before = take(now);
            double after = take(next);
            factor *= after > 0 && before > 0 ? before / after : 1;
            context.kernels().fill(unused, 0);
        }
    }

    private double take(Matrix sum) {
        context.device().download(sum, host);
        context.kernels().fill(sum, 0);
        return host.getDouble(0, 0);
    }

    void save(Map<String, Object> numbers) {
        numbers.put("penalty_factor", factor);
        context.device().download(now, host);
        numbers.put("penalty_now", host.getDouble(0, 0));
        context.device().download(next, host);
        numbers.put("penalty_next", host.getDouble(0, 0));
    }

    void restore(Map<String, Object> numbers) {
        step = StepStatistics.number(numbers, "step").longValue();
        factor = StepStatistics.number(numbers, "penalty_factor").doubleValue();
        put(now, StepStatistics.number(numbers, "penalty_now").doubleValue());
        put(next, StepStatistics.number(numbers, "penalty_next").doubleValue());
    }

    private void put(Matrix sum, double value) {
        host.setDouble(0, 0, value);
        context.device().upload(host, sum);
    }

    @Override
    public void close() {
        Closing.all(List.of(unused, now, next, host));
    }
}
