// SPDX-License-Identifier: Apache-2.0

import com.sun.management.ThreadMXBean;
import dev.darien.data.ActivationSource;
import dev.darien.data.ActivationSources;
import dev.darien.data.DataCheck;
import dev.darien.data.DataSummary;
import dev.darien.data.OnNan;
import dev.darien.data.SyntheticOptions;
import dev.darien.data.SyntheticSource;
import dev.darien.device.Device;
import dev.darien.device.DeviceOptions;
import dev.darien.device.Devices;
import dev.darien.memory.Allocator;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.Owned;
import dev.darien.train.Auxiliary;
import dev.darien.train.BiasInit;
import dev.darien.train.InputScaling;
import dev.darien.train.Recipe;
import dev.darien.train.StepBenchmark;
import dev.darien.train.TrainingOptions;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.lang.reflect.RecordComponent;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Scanner;
import java.util.function.Function;

/**
 * Darien's side of {@code ci/compare-pytorch}, run from this file on the class path that {@code ./darien build} makes.
 * Reads the commands of {@code cpu_pytorch.cpp} from standard input and answers each with one line; {@code open} makes the
 * data and weights that the other side reads, and {@code threads N,M} comes before all else.
 */
public final class CpuDarien {
    private static final int BATCHES = 4;
    private static final long HEAP_WARM_UP = 3_000_000_000L;
    private static final long MANY_STEPS = 1L << 30;

    private final ThreadMXBean thread = ManagementFactory.getPlatformMXBean(ThreadMXBean.class);

    /** By number of threads. */
    private final Map<Integer, Device> devices = new LinkedHashMap<>();

    private int width;
    private int latents;
    private int batch;
    private int k;
    private Owned data = new Owned();
    private Matrix rows;
    private Matrix weights;
    private ActivationSource source;
    private DataSummary summary;

    /** What repeats the case, by number of threads. */
    private final Map<Integer, Work> work = new LinkedHashMap<>();

    /** Something that can be done again and again. */
    private interface Work extends AutoCloseable {
        void repeat();

        default double squaredError() {
            return 0;
        }

        @Override
        void close();
    }

    public static void main(String... arguments) throws IOException {
        CpuDarien darien = new CpuDarien();
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            System.out.println(darien.answer(new Scanner(line).useLocale(Locale.ROOT)));
        }
    }

    private String answer(Scanner words) throws IOException {
        String command = words.next();
        return switch (command) {
            case "threads" -> threads(words.next());
            case "open" -> open(Path.of(words.next()), words);
            case "case" -> begin(words);
            case "threshold" -> String.valueOf(threshold());
            case "losses" -> losses(words.nextInt());
            case "selected" -> selected(Path.of(words.next()));
            case "run" -> run(words.nextInt(), words.nextInt());
            case "heap" -> heap();
            case "memory" -> memory();
            case "parts" -> parts(words.nextInt());
            case "version" -> first().describe() + "; Java " + Runtime.version();
            default -> throw new IllegalArgumentException(command);
        };
    }

    private Device first() {
        return devices.values().iterator().next();
    }

    private String threads(String counts) {
        for (String count : counts.split(",")) {
            devices.put(Integer.valueOf(count), Devices.open("cpu", new DeviceOptions(Integer.parseInt(count))));
        }
        return "ok";
    }

    // ------------------------------------------------------------------------------------------------------ the data

    private String open(Path file, Scanner words) throws IOException {
        closeWork();
        data.close();
        data = new Owned();
        width = words.nextInt();
        latents = words.nextInt();
        batch = words.nextInt();
        k = words.nextInt();
        Allocator memory = data.add(Allocator.host("data"));
        rows = data.add(memory.matrix("activations", DType.F32, (long) BATCHES * batch, width));
        activations();
        source = data.add(ActivationSources.of(rows, "sums of directions"));
        summary = DataCheck.scan(source, OnNan.FAIL);
        try (FileChannel out = FileChannel.open(
                        file,
                        StandardOpenOption.CREATE,
                        StandardOpenOption.TRUNCATE_EXISTING,
                        StandardOpenOption.WRITE);
                StepBenchmark fresh = new StepBenchmark(first(), source, summary, options("topk", 1e-4, 0, 0.1))) {
            weights = data.add(memory.matrix("initial weights", latents, width));
            weights.copyFrom(fresh.weights().encoder());
            write(out, rows);
            write(out, weights);
        }
        return "ok";
    }

    /** Sparse sums of twice as many directions as dimensions, with a mean squared norm of 1. */
    private void activations() {
        SyntheticOptions options = new SyntheticOptions(
                width, 2 * width, Math.min(20, width / 4.0) / (2 * width), 0.5, 0, 0.3, 0.05, 0, rows.rows(), 1);
        try (SyntheticSource synthetic = new SyntheticSource(options)) {
            synthetic.read(0, rows.intRows(), rows);
        }
        double sum = 0;
        for (long row = 0; row < rows.rows(); row++) {
            for (float value : rows.toArray(row)) {
                sum += value * value;
            }
        }
        float scale = (float) (1 / Math.sqrt(sum / rows.rows()));
        for (long row = 0; row < rows.rows(); row++) {
            float[] values = rows.toArray(row);
            for (int column = 0; column < width; column++) {
                values[column] *= scale;
            }
            rows.setRow(row, values);
        }
    }

    private static void write(FileChannel out, Matrix matrix) throws IOException {
        for (long row = 0; row < matrix.rows(); row++) {
            ByteBuffer bytes = ByteBuffer.allocate(4 * matrix.columns()).order(ByteOrder.LITTLE_ENDIAN);
            bytes.asFloatBuffer().put(matrix.toArray(row));
            out.write(bytes);
        }
    }

    // ----------------------------------------------------------------------------------------------------- the cases

    private TrainingOptions options(String architecture, double rate, double penalty, double bandwidth) {
        Recipe recipe = Recipe.of(architecture)
                .latents(latents)
                .batch(batch)
                .tokens(MANY_STEPS * batch)
                .learningRate(rate)
                .warmup(0)
                .decay(0)
                .auxiliary(new Auxiliary.None())
                .clip(0)
                .sparsityWarmup(0)
                .scaling(InputScaling.NONE)
                .biasInit(BiasInit.ZERO);
        if (Recipe.hasK(architecture)) {
            recipe.k(k);
        } else if (Recipe.hasL1(architecture)) {
            recipe.l1(penalty);
        } else {
            recipe.l0(penalty).bandwidth(bandwidth);
        }
        return recipe.build(width);
    }

    /** {@code options} with a first threshold, for which a recipe has no choice. */
    private static TrainingOptions startingAt(double threshold, TrainingOptions options) {
        try {
            List<Class<?>> types = new ArrayList<>();
            List<Object> values = new ArrayList<>();
            for (RecordComponent component : TrainingOptions.class.getRecordComponents()) {
                types.add(component.getType());
                boolean wanted = component.getName().equals("initialThreshold");
                values.add(wanted ? threshold : component.getAccessor().invoke(options));
            }
            return TrainingOptions.class
                    .getConstructor(types.toArray(Class<?>[]::new))
                    .newInstance(values.toArray());
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    private String begin(Scanner words) {
        closeWork();
        String name = words.next();
        double rate = words.nextDouble();
        double penalty = words.nextDouble();
        double bandwidth = words.nextDouble();
        double threshold = words.nextDouble();
        devices.forEach((threads, device) ->
                work.put(threads, switch (name) {
                    case "encode" -> new Alone(kernels(device), kernels -> kernels::encode);
                    case "sgemm" -> new Alone(kernels(device), CpuKernels::multiplication);
                    default -> new Steps(device, name, options(name, rate, penalty, bandwidth), threshold);
                }));
        return "ok";
    }

    private void closeWork() {
        work.values().forEach(Work::close);
        work.clear();
    }

    private final class Steps implements Work {
        private final StepBenchmark steps;
        private long step;

        Steps(Device device, String architecture, TrainingOptions options, double threshold) {
            boolean thresholds = architecture.equals("jumprelu");
            steps = new StepBenchmark(device, source, summary, thresholds ? startingAt(threshold, options) : options);
            if (architecture.equals("relu")) {
                device.kernels().fill(steps.weights().encoderBias(), (float) -threshold);
            }
        }

        @Override
        public void repeat() {
            steps.step(step++ % BATCHES * batch);
        }

        @Override
        public double squaredError() {
            return steps.squaredError();
        }

        @Override
        public void close() {
            steps.close();
        }
    }

    /** A kernel by itself. */
    private static final class Alone implements Work {
        private final CpuKernels kernels;
        private final Runnable kernel;

        Alone(CpuKernels kernels, Function<CpuKernels, Runnable> kernel) {
            this.kernels = kernels;
            this.kernel = kernel.apply(kernels);
        }

        @Override
        public void repeat() {
            kernel.run();
        }

        @Override
        public void close() {
            kernels.close();
        }
    }

    // --------------------------------------------------------------------------------------------------- the answers

    private CpuKernels kernels(Device device) {
        return new CpuKernels(device, rows.slice(0, batch), weights, k);
    }

    private float threshold() {
        try (CpuKernels kernels = kernels(first())) {
            return kernels.threshold();
        }
    }

    private String losses(int steps) {
        Work one = work.values().iterator().next();
        StringBuilder losses = new StringBuilder();
        for (int step = 0; step < steps; step++) {
            one.repeat();
            losses.append(one.squaredError()).append(' ');
        }
        return losses.toString();
    }

    private String selected(Path file) throws IOException {
        try (CpuKernels kernels = kernels(first())) {
            kernels.encode();
            Files.write(file, kernels.selected().segment().asSlice(0, 4L * batch * k).toArray(ValueLayout.JAVA_BYTE));
        }
        return "ok";
    }

    private String run(int threads, int times) {
        Work one = work.get(threads);
        long wall = System.nanoTime();
        long processor = processorTime();
        for (int time = 0; time < times; time++) {
            one.repeat();
        }
        processor = processorTime() - processor;
        return (System.nanoTime() - wall) / 1e9 + " " + processor / 1e9;
    }

    /** Nanoseconds of all Java threads; that of the process counts in hundredths of a second. */
    private long processorTime() {
        return Arrays.stream(thread.getThreadCpuTime(thread.getAllThreadIds()))
                .filter(time -> time > 0)
                .sum();
    }

    /** Bytes that a step allocates on the heap. */
    private String heap() {
        Work one = work.get(1) != null ? work.get(1) : work.values().iterator().next();
        int steps = 20;
        // Compiled code allocates less than what it is compiled from.
        for (long end = System.nanoTime() + HEAP_WARM_UP; System.nanoTime() < end; ) {
            one.repeat();
        }
        long before = thread.getTotalThreadAllocatedBytes();
        for (int step = 0; step < steps; step++) {
            one.repeat();
        }
        return String.valueOf((thread.getTotalThreadAllocatedBytes() - before) / steps);
    }

    /** Bytes off the heap that a TopK step holds at most, and what 16 bytes for each parameter would be. */
    private String memory() {
        Device device = first();
        closeWork();
        device.memory().resetPeak();
        long before = device.memory().allocatedBytes();
        try (StepBenchmark steps = new StepBenchmark(device, source, summary, options("topk", 1e-4, 0, 0.1))) {
            steps.step(0);
            return device.memory().peakBytes() - before + " " + 16 * (2L * latents * width + latents + width);
        }
    }

    /**
     * For each number of threads: what selection takes beyond the product, of its time, and the bandwidth of the decoder's
     * update, of that of copying.
     */
    private String parts(int rounds) {
        closeWork();
        StringBuilder shares = new StringBuilder();
        devices.forEach((threads, device) -> {
            try (CpuKernels kernels = kernels(device)) {
                shares.append(String.format(
                        Locale.ROOT,
                        "%d %.4f %.4f ",
                        threads,
                        kernels.selectionShare(rounds),
                        kernels.updateShare(rounds)));
            }
        });
        return shares.toString().strip();
    }
}
