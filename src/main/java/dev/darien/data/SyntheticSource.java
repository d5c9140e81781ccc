// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Objects;

/**
 * Activations made on demand from known directions. A row depends on the seed and its number alone, so rows can be read
 * in any order, again and by several threads, and a run can be given as many fresh ones as it wants.
 */
public final class SyntheticSource implements ActivationSource {
    /** What a specification on the command line begins with. */
    public static final String PREFIX = "synthetic:";

    private static final long DIRECTIONS_STREAM = 0;
    private static final long OFFSET_STREAM = 1;
    private static final long ROWS_STREAM = 2;

    private final SyntheticOptions options;
    private final float[][] directions;
    private final double[] probabilities;
    private final float[] offset;
    private final long rowsSeed;
    // Reading must not allocate, and several threads may read at once.
    private final ThreadLocal<Scratch> scratch;
    private volatile boolean closed;

    public SyntheticSource(SyntheticOptions options) {
        this.options = options;
        SeededRandom random = new SeededRandom(options.seed(), DIRECTIONS_STREAM);
        this.directions = new float[options.directions()][];
        for (int j = 0; j < directions.length; j++) {
            directions[j] = randomDirection(random, options.width(), 1);
        }
        this.probabilities = probabilities(options);
        this.offset =
                randomDirection(new SeededRandom(options.seed(), OFFSET_STREAM), options.width(), options.offset());
        this.rowsSeed = SeededRandom.combine(options.seed(), ROWS_STREAM);
        this.scratch = ThreadLocal.withInitial(() -> new Scratch(options.width()));
    }

    /**
     * Makes a source from {@code synthetic:d=64,true=128,p=0.03125,noise=0.02,rows=3072000,seed=1}; the keys are those
     * of {@link SyntheticOptions#parse}.
     *
     * @throws DataException if the specification isn't valid
     */
    public static SyntheticSource parse(String specification) {
        if (!specification.startsWith(PREFIX)) {
            throw new DataException("'" + specification + "' doesn't begin with " + PREFIX);
        }
        return new SyntheticSource(SyntheticOptions.parse(specification.substring(PREFIX.length())));
    }

    private static float[] randomDirection(SeededRandom random, int width, double norm) {
        double[] gaussian = new double[width];
        double squares = 0;
        for (int i = 0; i < width; i++) {
            gaussian[i] = random.nextGaussian();
            squares += gaussian[i] * gaussian[i];
        }
        float[] direction = new float[width];
        for (int i = 0; i < width; i++) {
            direction[i] = (float) (gaussian[i] * norm / Math.sqrt(squares));
        }
        return direction;
    }

    private static double[] probabilities(SyntheticOptions options) {
        double[] weights = new double[options.directions()];
        double sum = 0;
        for (int j = 0; j < weights.length; j++) {
            weights[j] = StrictMath.pow(j + 1.0, -options.zipf());
            sum += weights[j];
        }
        for (int j = 0; j < weights.length; j++) {
            weights[j] = Math.min(1, options.probability() * weights.length * weights[j] / sum);
        }
        return weights;
    }

    /** The directions that the data is made of, [directions][d], rows of unit norm. */
    public float[][] groundTruth() {
        return Arrays.stream(directions).map(float[]::clone).toArray(float[][]::new);
    }

    /** How often each direction is on, [directions]; with over-dispersion, in the mean. */
    public double[] probabilities() {
        return probabilities.clone();
    }

    /** How the data is made. */
    public SyntheticOptions options() {
        return options;
    }

    @Override
    public int width() {
        return options.width();
    }

    @Override
    public long rows() {
        return options.rows();
    }

    @Override
    public DType dtype() {
        return DType.F32;
    }

    @Override
    public void read(long[] rowNumbers, int count, Matrix out) {
        Scratch mine = requireRoom(count, out);
        for (int i = 0; i < count; i++) {
            generate(Objects.checkIndex(rowNumbers[i], rows()), mine, out, i);
        }
    }

    @Override
    public void read(long firstRow, int count, Matrix out) {
        Scratch mine = requireRoom(count, out);
        Objects.checkFromIndexSize(firstRow, count, rows());
        for (int i = 0; i < count; i++) {
            generate(firstRow + i, mine, out, i);
        }
    }

    private Scratch requireRoom(int count, Matrix out) {
        if (closed) {
            throw new IllegalStateException(describe() + " is closed");
        }
        if (out.dtype() != DType.F32 || out.columns() != width()) {
            throw new IllegalArgumentException("rows of F32[" + width() + "] can't be read into " + out.shape());
        }
        Objects.checkFromIndexSize(0, count, out.rows());
        return scratch.get();
    }

    private void generate(long row, Scratch mine, Matrix out, int outRow) {
        SeededRandom random = mine.random;
        float[] sum = mine.row;
        random.reseed(rowsSeed, row);
        System.arraycopy(offset, 0, sum, 0, sum.length);
        double rate = options.dispersion() > 0 ? options.dispersion() * gamma(random, 1 / options.dispersion()) : 1;
        for (int j = 0; j < directions.length; j++) {
            if (random.nextDouble() < probabilities[j] * rate) {
                float magnitude = (float) (1 + options.spread() * Math.abs(random.nextGaussian()));
                float[] direction = directions[j];
                for (int i = 0; i < sum.length; i++) {
                    sum[i] += magnitude * direction[i];
                }
            }
        }
        if (options.noise() > 0) {
            for (int i = 0; i < sum.length; i++) {
                sum[i] += (float) (options.noise() * random.nextGaussian());
            }
        }
        MemorySegment.copy(sum, 0, out.segment(), Matrix.FLOAT, out.rowOffset(outRow), sum.length);
    }

    /** A gamma variate of scale 1 (Marsaglia and Tsang 2000). */
    private static double gamma(SeededRandom random, double shape) {
        if (shape < 1) {
            return gamma(random, shape + 1) * StrictMath.pow(1 - random.nextDouble(), 1 / shape);
        }
        double d = shape - 1.0 / 3;
        double c = 1 / Math.sqrt(9 * d);
        while (true) {
            double x = random.nextGaussian();
            double v = 1 + c * x;
            v = v * v * v;
            if (v > 0 && StrictMath.log(1 - random.nextDouble()) < 0.5 * x * x + d - d * v + d * StrictMath.log(v)) {
                return d * v;
            }
        }
    }

    @Override
    public String describe() {
        return PREFIX + options;
    }

    @Override
    public String locate(long row) {
        return "synthetic row " + Objects.checkIndex(row, rows());
    }

    @Override
    public void close() {
        closed = true;
    }

    private static final class Scratch {
        final SeededRandom random = new SeededRandom(0);
        final float[] row;

        Scratch(int width) {
            row = new float[width];
        }
    }
}
