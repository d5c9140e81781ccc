// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import dev.darien.data.ActivationSource;
import dev.darien.data.DataSummary;
import dev.darien.data.Shuffle;
import dev.darien.device.BatchQueue;
import dev.darien.device.Device;
import dev.darien.memory.Closing;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.sae.GradientTopK;
import dev.darien.sae.SaeWeights;
import java.util.List;
import java.util.Map;

/**
 * The steps of {@link Trainer#train} without reports and checkpoints, to be timed: fed from a source as in training, or
 * on one batch that is on the device already. What the two differ by is what reading and copying cost.
 */
public final class StepBenchmark implements AutoCloseable {
    private final Device device;
    private final ActivationSource source;
    private final BatchQueue batches;
    private final Learner learner;
    private final KernelTimes times;
    private final Shuffle order;
    private final long[] rowNumbers;
    private final double scale;

    /**
     * Allocates what training with {@code options} on {@code source} needs.
     *
     * @param summary of the source
     */
    public StepBenchmark(Device device, ActivationSource source, DataSummary summary, TrainingOptions options) {
        this.device = device;
        this.source = source;
        this.times = new KernelTimes(device);
        this.rowNumbers = new long[options.batch()];
        this.order = new Shuffle(source.rows(), options.seed(), summary.badRows());
        this.batches = device.batchQueue("batch", source.dtype(), options.batch(), source.width());
        int width = source.width() / (options.sparsity() instanceof GradientTopK ? 2 : 1);
        this.scale = options.scaling().factor(summary.columns(0, width).meanSquaredNorm(), width);
        try (Matrix bias = device.staging("first decoder bias", DType.F32, 1, width)) {
            bias.clear();
            this.learner = new Learner(times.device(), options, width, scale, bias);
        } catch (RuntimeException | Error e) {
            Closing.after(e, batches);
            throw e;
        }
    }

    /** Seconds of one step, the mean of {@code steps}, rows read from the source in random order for each. */
    public double fed(int steps) {
        long started = System.nanoTime();
        for (int step = 0; step < steps; step++) {
            learner.train(read());
        }
        return sinceStart(started, steps);
    }

    /** Seconds of one step, the mean of {@code steps}, all on one batch that is there when the clock starts. */
    public double resident(int steps) {
        Matrix batch = read();
        device.synchronize();
        long started = System.nanoTime();
        for (int step = 0; step < steps; step++) {
            learner.train(batch);
        }
        return sinceStart(started, steps);
    }

    /** Takes one step on the rows of the source from {@code firstRow} on, in their order. */
    public void step(long firstRow) {
        source.read(firstRow, rowNumbers.length, batches.next());
        learner.train(batches.submit(rowNumbers.length));
    }

    /** The squared error of a row, scaled as the rows are, the mean over all steps since the last call. */
    public double squaredError() {
        return learner.metrics(1, 0, 0).fvu();
    }

    /** What is trained, on the device, for as long as this is open. */
    public SaeWeights weights() {
        return learner.context().state().weights;
    }

    /**
     * Gives all latents the same threshold, or bias where there are no thresholds, so that on a batch {@code l0} of them are
     * active for each row: what training takes long to reach. With a tiny learning rate it stays so. A selection with a k
     * has its L0 already and is left alone.
     */
    public void holdL0(double l0) {
        HeldSparsity.hold(learner.context(), read(), scale, l0);
    }

    /** The selection of the last step: how many codes a row had, and how many of them weren't 0. */
    public record Codes(double entries, double active) {}

    /** The codes of the rows that the last step took last, which is all of them unless it took them in parts. */
    public Codes lastCodes() {
        return HeldSparsity.lastCodes(learner.context());
    }

    /** Seconds that each kernel takes in a step, by its name, the longest first; each call is waited for. */
    public Map<String, Double> byKernel(int steps) {
        Matrix batch = read();
        times.start(steps);
        for (int step = 0; step < steps; step++) {
            learner.train(batch);
            times.endStep();
        }
        return times.medians();
    }

    private Matrix read() {
        order.next(rowNumbers, rowNumbers.length);
        source.read(rowNumbers, rowNumbers.length, batches.next());
        return batches.submit(rowNumbers.length);
    }

    private double sinceStart(long started, int steps) {
        device.synchronize();
        return (System.nanoTime() - started) / 1e9 / steps;
    }

    @Override
    public void close() {
        Closing.all(List.of(learner, batches));
    }
}
