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
import java.util.List;

/**
 * The steps of {@link Trainer#train} without reports and checkpoints, to be timed: fed from a source as in training, or
 * on one batch that is on the device already. What the two differ by is what reading and copying cost.
 */
public final class StepBenchmark implements AutoCloseable {
    private final Device device;
    private final ActivationSource source;
    private final BatchQueue batches;
    private final Learner learner;
    private final Shuffle order;
    private final long[] rowNumbers;

    /**
     * Allocates what training with {@code options} on {@code source} needs.
     *
     * @param summary of the source
     */
    public StepBenchmark(Device device, ActivationSource source, DataSummary summary, TrainingOptions options) {
        this.device = device;
        this.source = source;
        this.rowNumbers = new long[options.batch()];
        this.order = new Shuffle(source.rows(), options.seed(), summary.badRows());
        this.batches = device.batchQueue("batch", source.dtype(), options.batch(), source.width());
        int width = source.width() / (options.sparsity() instanceof GradientTopK ? 2 : 1);
        double scale = options.scaling().factor(summary.columns(0, width).meanSquaredNorm(), width);
        try (Matrix bias = device.staging("first decoder bias", DType.F32, 1, width)) {
            bias.clear();
            this.learner = new Learner(device, options, width, scale, bias);
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
