// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import dev.darien.data.ActivationSource;
import dev.darien.data.DataCheck;
import dev.darien.data.DataException;
import dev.darien.data.DataSummary;
import dev.darien.data.OnNan;
import dev.darien.data.SeededRandom;
import dev.darien.data.Shuffle;
import dev.darien.device.BatchQueue;
import dev.darien.device.Device;
import dev.darien.memory.Closing;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.Turn;
import dev.darien.sae.GradientTopK;
import dev.darien.sae.Sae;
import dev.darien.train.BatchLayout.Columns;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Trains one SAE, or several on the same batches in one pass over the data. If one of them selects by gradients ({@link
 * GradientTopK}), the source holds those beside the activations ({@code ActivationSources.open(files, List.of(
 * "activations", "gradients"))}); the others don't see them.
 *
 * <pre>{@code
 * try (Trainer trainer = new Trainer(device, source, List.of(options))) {
 *     trainer.train();
 *     try (Sae sae = trainer.sae(0)) { sae.save(folder); }
 * }
 * }</pre>
 */
@SuppressWarnings("try") // A turn is taken, not looked at.
public final class Trainer implements AutoCloseable {
    private static final int MEDIAN_SAMPLE = 32_768;
    private static final int MEDIAN_ITERATIONS = 100;
    private static final float MEDIAN_TOLERANCE = 1e-5f;

    private final Turn turn = new Turn("the trainer");
    private final Device device;
    private final ActivationSource source;
    private final DataSummary summary;
    private final BatchTransform transform;
    private final List<TrainingOptions> runs;
    private final List<BatchLayout> layouts = new ArrayList<>();
    private final List<Learner> learners = new ArrayList<>();
    private final List<TrainingListener> listeners = new ArrayList<>();
    private final List<CheckpointStore> checkpoints = new ArrayList<>();
    private final List<@Nullable TrainingMetrics> lastMetrics = new ArrayList<>();
    private final BatchQueue batches;
    private final long[] rowNumbers;
    private final long steps;
    private long step;
    private long checkpointEvery;
    /** What earlier parts of a resumed run took. */
    private double secondsBefore;

    private volatile boolean interrupted;

    /**
     * Checks the data, allocates everything that training needs, and sets the starting weights.
     *
     * @throws DataException if the data holds NaN or infinities, or fewer rows than a batch
     */
    public Trainer(Device device, ActivationSource source, List<TrainingOptions> runs) {
        this(device, source, DataCheck.scan(source, OnNan.FAIL), runs);
    }

    /**
     * As above, for data that has been checked already: the rows that {@code summary} calls bad are left out.
     *
     * @throws IllegalArgumentException if the runs differ in batch or tokens
     */
    public Trainer(Device device, ActivationSource source, DataSummary summary, List<TrainingOptions> runs) {
        this(device, source, summary, runs, BatchTransform.NONE);
    }

    /**
     * As above, on activations that are changed on their way: {@code summary} is of the changed ones, but for its bad rows.
     *
     * @throws IllegalArgumentException as above
     */
    public Trainer(
            Device device,
            ActivationSource source,
            DataSummary summary,
            List<TrainingOptions> runs,
            BatchTransform transform) {
        if (runs.isEmpty()) {
            throw new IllegalArgumentException("there is nothing to train");
        }
        TrainingOptions first = runs.getFirst();
        for (TrainingOptions options : runs) {
            if (options.batch() != first.batch() || options.steps() != first.steps()) {
                throw new IllegalArgumentException("SAEs trained in one pass need the same batch and tokens");
            }
        }
        if (summary.goodRows() < first.batch()) {
            throw new DataException(source.describe() + " has " + summary.goodRows()
                    + " usable rows, fewer than one batch of " + first.batch() + "; lower --batch or add data");
        }
        this.device = device;
        this.source = source;
        this.summary = summary;
        this.transform = transform;
        this.runs = List.copyOf(runs);
        this.steps = first.steps();
        this.rowNumbers = new long[first.batch()];
        this.batches = device.batchQueue("batch", source.dtype(), first.batch(), source.width());
        try {
            for (TrainingOptions options : runs) {
                learners.add(learner(options));
                lastMetrics.add(null);
            }
        } catch (RuntimeException | Error e) {
            Closing.after(e, this);
            throw e;
        }
    }

    /** If any run selects by gradients, they lie beside the activations, for all. */
    private int activationWidth() {
        if (runs.stream().noneMatch(options -> options.sparsity() instanceof GradientTopK)) {
            return source.width();
        }
        if (source.width() % 2 != 0) {
            throw new DataException(source.describe() + " is " + source.width()
                    + " wide, but gradient-topk needs gradients of the same width beside activations; join them");
        }
        if (transform != BatchTransform.NONE) {
            throw new IllegalArgumentException(
                    "gradient-topk trains on activations as they come, since gradients are by"
                            + " those; it can't be a stage of boosting");
        }
        return source.width() / 2;
    }

    private Learner learner(TrainingOptions options) {
        BatchLayout layout = BatchLayout.of(options, activationWidth(), summary);
        layouts.add(layout);
        try (Matrix bias = centre(options, "first decoder bias", layout.outputs());
                @Nullable
                        Matrix inputs = layout.target() == null
                                ? null
                                : centre(options, "centre of the inputs", layout.inputs())) {
            return new Learner(device, options, layout, new Initialiser.Start(bias, inputs));
        }
    }

    /** The middle of some columns, scaled, side by side; the caller closes it. */
    private Matrix centre(TrainingOptions options, String label, List<Columns> parts) {
        int width = parts.stream().mapToInt(Columns::width).sum();
        Matrix all = device.staging(label, DType.F32, 1, width);
        try {
            all.clear();
            int at = 0;
            for (Columns columns : parts) {
                Matrix part = all.columnSlice(at, columns.width());
                switch (options.biasInit()) {
                    case ZERO -> {
                        // As it is.
                    }
                    case MEAN -> {
                        double[] mean = columns.of(summary).mean();
                        for (int column = 0; column < mean.length; column++) {
                            part.set(0, column, (float) (columns.scale() * mean[column]));
                        }
                    }
                    case GEOMETRIC_MEDIAN -> geometricMedian(options, columns, part);
                }
                at += columns.width();
            }
            return all;
        } catch (RuntimeException | Error e) {
            Closing.after(e, all);
            throw e;
        }
    }

    private void geometricMedian(TrainingOptions options, Columns columns, Matrix out) {
        int rows = (int) Math.min(MEDIAN_SAMPLE, summary.goodRows());
        long[] sample = new long[rows];
        new Shuffle(source.rows(), SeededRandom.combine(options.seed(), 2), summary.badRows()).next(sample, rows);
        try (Matrix raw = device.staging("sample", source.dtype(), rows, source.width());
                Matrix scaled = device.memory().matrix("scaled sample", rows, columns.width());
                Matrix median = device.memory().vector("median", columns.width())) {
            source.read(sample, rows, raw);
            for (int first = 0; first < rows; first += rowNumbers.length) {
                int count = Math.min(rowNumbers.length, rows - first);
                Matrix part = columns.of(transform.apply(raw.slice(first, count)));
                device.kernels().convert(part, (float) columns.scale(), null, scaled.slice(first, count));
            }
            device.kernels().geometricMedian(scaled, MEDIAN_ITERATIONS, MEDIAN_TOLERANCE, median);
            device.download(median, out);
        }
    }

    /** Adds a listener; the trainer closes it at its own end. */
    public void addListener(TrainingListener listener) {
        listeners.add(listener);
    }

    /**
     * Where the checkpoints of each SAE go, and after how many steps one is written; 0 for none but when interrupted.
     */
    public void checkpointTo(List<Path> folders, long everySteps) {
        if (folders.size() != runs.size()) {
            throw new IllegalArgumentException("each SAE needs a folder for its checkpoints");
        }
        checkpoints.clear();
        folders.forEach(folder -> checkpoints.add(new CheckpointStore(folder)));
        checkpointEvery = everySteps;
    }

    /**
     * Continues from the newest step at which every SAE has an undamaged checkpoint.
     *
     * @return the step, or 0 if there is none
     * @throws IllegalArgumentException if that run had other options, data or kernels; says which
     * @throws IllegalStateException if this is closed or at work in another thread
     */
    public long resume() {
        try (Turn held = turn.take()) {
            return restoreNewest();
        }
    }

    private long restoreNewest() {
        List<Long> candidates =
                checkpoints.isEmpty() ? List.of() : checkpoints.getFirst().steps();
        for (long candidate : candidates.reversed()) {
            if (checkpoints.stream().allMatch(store -> store.valid(candidate))) {
                for (int run = 0; run < learners.size(); run++) {
                    restore(run, candidate);
                }
                step = candidate;
                secondsBefore = seconds(candidate);
                return step;
            }
        }
        return 0;
    }

    private double seconds(long candidate) {
        Object seconds = checkpoints.getFirst().readContent(candidate).get("seconds");
        return seconds instanceof Number number ? number.doubleValue() : 0;
    }

    private void restore(int run, long from) {
        Map<String, Object> content = checkpoints.get(run).readContent(from);
        requireSame(identity(run), object(content.get("identity")));
        Learner learner = learners.get(run);
        checkpoints.get(run).read(device, from, learner.checkpointMatrices());
        learner.restore(object(content.get("numbers")));
    }

    private static Map<String, Object> object(@Nullable Object value) {
        Map<String, Object> object = new LinkedHashMap<>();
        if (value instanceof Map<?, ?> map) {
            map.forEach((key, item) -> object.put(String.valueOf(key), item));
        }
        return object;
    }

    private static void requireSame(Map<String, Object> now, Map<String, Object> before) {
        for (var entry : now.entrySet()) {
            Object earlier = before.get(entry.getKey());
            if (!String.valueOf(entry.getValue()).equals(String.valueOf(earlier))) {
                throw new IllegalArgumentException(
                        "the run to resume was started with another " + entry.getKey() + ": " + earlier + ", now "
                                + entry.getValue() + "; use the same options, or --overwrite to start anew");
            }
        }
    }

    /** What must be the same for a resumed run to end with the same bits. */
    private Map<String, Object> identity(int run) {
        Map<String, Object> identity = new LinkedHashMap<>(runs.get(run).describe());
        identity.put("data", summary.hashText());
        identity.put("kernels", device.kernelsName());
        identity.put("runs", runs.size());
        return identity;
    }

    /** Asks {@link #train} to stop after the current step, from any thread. */
    public void interrupt() {
        interrupted = true;
    }

    /**
     * Runs until all steps are done, {@link #interrupt} is called or the thread is interrupted, as by cancelling a {@link
     * java.util.concurrent.Future}; the thread's interrupt status stays as it is. Unless all steps are done, a checkpoint
     * is written if there is a folder for it.
     *
     * @throws DivergedException if the loss stops being a number
     * @throws dev.darien.device.DeviceException if the device fails; checkpoints that have been written stay
     * @throws IllegalStateException if this is closed or at work in another thread
     */
    public TrainingResult train() {
        try (Turn held = turn.take()) {
            return run();
        }
    }

    private TrainingResult run() {
        int rows = rowNumbers.length;
        Shuffle order = Shuffle.at(source.rows(), runs.getFirst().seed(), summary.badRows(), step * rows);
        StepTimes times = new StepTimes(steps - step);
        // About 200 reports for a short run; a long one should still show that it lives.
        long reportEvery = Math.clamp(steps / 200, 1, 250);
        long started = System.nanoTime();
        long reported = started;
        long reportedStep = step;
        times.start(started);
        while (step < steps && !interrupted && !Thread.currentThread().isInterrupted()) {
            order.next(rowNumbers, rows);
            source.read(rowNumbers, rows, batches.next());
            Matrix batch = transform.apply(batches.submit(rows));
            for (int run = 0; run < learners.size(); run++) {
                learners.get(run).train(batch);
            }
            step++;
            times.step();
            boolean reporting = step % reportEvery == 0 || step == steps;
            boolean saving = checkpointEvery > 0 && step % checkpointEvery == 0 && step < steps;
            if (reporting || saving) {
                long now = synchronise(times);
                if (reporting) {
                    double rate = (step - reportedStep) * (double) rows / Math.max(1e-9, (now - reported) / 1e9);
                    report(rate, secondsSince(started));
                    reported = now;
                    reportedStep = step;
                }
                if (saving) {
                    checkpoint(started);
                }
                times.start(System.nanoTime());
            }
        }
        boolean finished = step == steps;
        if (!finished) {
            synchronise(times);
            checkpoint(started);
        }
        return result(finished, times, started);
    }

    /** Only now has the device done what it was given: what passed between two steps before says nothing of them. */
    private long synchronise(StepTimes times) {
        device.synchronize();
        long now = System.nanoTime();
        times.stop(now);
        return now;
    }

    private TrainingResult result(boolean finished, StepTimes times, long started) {
        double median = times.median();
        return new TrainingResult(
                finished,
                step,
                step * rowNumbers.length,
                secondsSince(started),
                median > 0 ? rowNumbers.length / median : 0);
    }

    private double secondsSince(long started) {
        return secondsBefore + (System.nanoTime() - started) / 1e9;
    }

    private void report(double tokensPerSecond, double seconds) {
        for (int run = 0; run < learners.size(); run++) {
            TrainingMetrics metrics =
                    learners.get(run).metrics(layouts.get(run).totalVariance(summary), tokensPerSecond, seconds);
            lastMetrics.set(run, metrics);
            for (TrainingListener listener : listeners) {
                listener.onReport(run, metrics);
            }
            boolean finiteLoss = Double.isFinite(metrics.loss());
            if (!finiteLoss || !learners.get(run).isFinite()) {
                throw new DivergedException("training diverged: "
                        + (finiteLoss ? "weights were no numbers any more" : "the loss was " + metrics.loss())
                        + " at step " + metrics.step() + "; lower --lr, or set --clip 1");
            }
        }
    }

    private void checkpoint(long started) {
        if (checkpoints.isEmpty()) {
            return;
        }
        Interrupts.later(() -> writeCheckpoint(started));
        for (TrainingListener listener : listeners) {
            listener.onCheckpoint(step);
        }
    }

    private void writeCheckpoint(long started) {
        for (int run = 0; run < learners.size(); run++) {
            Map<String, Object> content = new LinkedHashMap<>();
            content.put("step", step);
            content.put("seconds", secondsSince(started));
            content.put("identity", identity(run));
            content.put("numbers", learners.get(run).checkpointNumbers());
            checkpoints.get(run).write(device, step, learners.get(run).checkpointMatrices(), content);
        }
    }

    /** Removes all checkpoints of this run, and what an interrupted write of one left; when the SAEs are saved. */
    public void clearCheckpoints() {
        checkpoints.forEach(CheckpointStore::clear);
    }

    /** The newest report of an SAE; null before the first. */
    public @Nullable TrainingMetrics metrics(int run) {
        return lastMetrics.get(run);
    }

    /** What has been learnt so far, as an SAE for activations as they come; the caller closes it. */
    public Sae sae(int run) {
        try (Turn held = turn.take()) {
            return learners.get(run).finish(Map.of());
        }
    }

    /** What an SAE was trained with: options, data and kernels, for {@code darien.json}. */
    public Map<String, Object> provenance(int run) {
        return identity(run);
    }

    /**
     * Gives everything back; idempotent.
     *
     * @throws IllegalStateException if it is at work, in this thread or another; nothing has changed then: {@link #interrupt}
     *     it and wait
     */
    @Override
    public void close() {
        if (!turn.end()) {
            return;
        }
        List<AutoCloseable> open = new ArrayList<>(listeners);
        open.addAll(learners);
        open.add(batches);
        listeners.clear();
        learners.clear();
        Closing.all(open);
    }
}
