// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

import static dev.darien.device.RandomData.sparse;
import static org.assertj.core.api.Assertions.assertThat;

import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** For every kernel a generator of random problems, and what comes out of one on a device. */
final class KernelCases {
    /**
     * One result of a kernel.
     *
     * @param terms length of the sums behind an element; 0 if results must be equal
     */
    record Output(String name, double[] values, int terms) {
        /** Equal, or within 1e-5·√n of the largest magnitude of the result; NaN and infinities in the same places. */
        void compare(Output other, String context) {
            assertThat(other.values).as("%s: size of %s", context, name).hasSameSizeAs(values);
            double largest = 0;
            for (double value : values) {
                largest = Double.isFinite(value) ? Math.max(largest, Math.abs(value)) : largest;
            }
            double tolerance = terms == 0 ? 0 : 1e-5 * Math.sqrt(terms) * largest;
            for (int at = 0; at < values.length; at++) {
                double expected = values[at];
                double actual = other.values[at];
                boolean same = expected == actual || Double.isNaN(expected) && Double.isNaN(actual);
                if (!same && !(Math.abs(expected - actual) <= tolerance && Double.isFinite(expected))) {
                    throw new AssertionError("%s: %s[%d] of %d is %s instead of %s (tolerance %s)"
                            .formatted(context, name, at, values.length, actual, expected, tolerance));
                }
            }
        }

        void compareBits(Output other, String context) {
            new Output(name, values, 0).compare(other, context);
        }
    }

    private final Kernels kernels;
    private final DeviceFixture fixture;
    private final Random random;
    private final RandomData data;
    private final List<Output> outputs = new ArrayList<>();

    private KernelCases(DeviceFixture fixture, Random random) {
        this.kernels = fixture.kernels();
        this.fixture = fixture;
        this.random = random;
        this.data = new RandomData(random);
    }

    static List<Output> run(KernelId kernel, DeviceFixture fixture, Random random) {
        KernelCases cases = new KernelCases(fixture, random);
        cases.generate(kernel);
        assertThat(cases.outputs).as("outputs of %s", kernel).isNotEmpty();
        return cases.outputs;
    }

    private void generate(KernelId kernel) {
        switch (kernel) {
            case CONVERT -> convert();
            case MULTIPLY -> multiply();
            case FILL -> fill();
            case SCALE -> inPlace(x -> kernels.scale(x, data.number()), 1);
            case CLAMP_BELOW -> inPlace(x -> kernels.clampBelow(x, data.number()), 0);
            case EXPONENTIAL_AVERAGE -> exponentialAverage();
            case ROW_NORMS -> rowNorms();
            case WEIGHTED_ROW_SUM -> weightedRowSum();
            case GEOMETRIC_MEDIAN -> geometricMedian();
            case PACK -> pack();
            case ENCODE_TOP_K -> encodeTopK();
            case ENCODE_BATCH_TOP_K -> encodeBatchTopK();
            case ENCODE_THRESHOLD -> encodeThreshold();
            case DECODE -> decode();
            case RECONSTRUCT -> reconstruct();
            case ADD_L1 -> addL1();
            case AUXILIARY_SCALE -> auxiliaryScale();
            case GROUP_BY_LATENT -> groupByLatent();
            case ENCODER_BIAS_GRADIENT -> encoderBiasGradient();
            case THRESHOLD_GRADIENT -> thresholdGradient();
            case LATENT_GRADIENTS -> latentGradients();
            case SQUARED_NORM -> squaredNorm();
            case CLIP_SCALE -> clipScale();
            case ADAM -> adam();
            case LATENT_STEP -> latentStep();
            case MARK_FIRED -> markFired();
            case LIST_DEAD -> listDead();
            case ADD_STATISTICS -> addStatistics();
        }
    }

    private void out(String name, Matrix matrix, int terms) {
        outputs.add(new Output(name, fixture.read(matrix), terms));
    }

    private void exact(String name, Matrix matrix) {
        out(name, matrix, 0);
    }

    /** The entries of codes and where they are; what lies behind them doesn't count. */
    private void outCodes(String name, SparseCodes codes) {
        float[][] dense = fixture.dense(codes);
        double[] values = new double[codes.rows() * codes.latents()];
        for (int at = 0; at < values.length; at++) {
            values[at] = dense[at / codes.latents()][at % codes.latents()];
        }
        outputs.add(new Output(name, values, 0));
    }

    private void outPrefix(String name, Matrix vector, int count, int terms) {
        double[] all = fixture.read(vector);
        outputs.add(new Output(name, Arrays.copyOf(all, count), terms));
    }

    // ------------------------------------------------------------------------------------------------ dense

    private void convert() {
        DType[] types = {DType.F32, DType.F16, DType.BF16};
        float[][] values = data.withOddRows(data.matrix(data.size(), data.size()));
        Matrix source = fixture.converted(types[random.nextInt(types.length)], values);
        Matrix offset = random.nextBoolean() ? fixture.vector(data.vector(source.columns())) : null;
        Matrix result = fixture.matrix(DType.F32, source.rows(), source.columns());
        kernels.convert(source, data.number(), offset, result);
        out("out", result, 1);
    }

    private void multiply() {
        for (Product product : Product.values()) {
            int rows = data.size();
            int columns = data.size();
            int inner = data.size();
            Matrix a = fixture.floats(
                    data.withOddRows(product == Product.TN ? data.matrix(inner, rows) : data.matrix(rows, inner)));
            Matrix b =
                    fixture.floats(product == Product.NT ? data.matrix(columns, inner) : data.matrix(inner, columns));
            Matrix result = fixture.floats(data.matrix(rows, columns));
            kernels.multiply(product, a, b, result, random.nextBoolean());
            out(product.toString(), result, inner + 1);
        }
    }

    private void fill() {
        for (DType dtype : DType.values()) {
            Matrix x = fixture.matrix(dtype, data.size(), data.size());
            kernels.fill(x, random.nextInt(4) == 0 ? 0 : random.nextInt(9) - 4);
            exact(dtype.toString(), x);
        }
    }

    private void inPlace(Consumer<Matrix> kernel, int terms) {
        Matrix x = fixture.floats(data.withOddRows(data.matrix(data.size(), data.size())));
        kernel.accept(x);
        out("x", x, terms);
    }

    private void exponentialAverage() {
        int rows = random.nextBoolean() ? 1 : data.size();
        int columns = data.size();
        Matrix average = fixture.floats(data.matrix(rows, columns));
        kernels.exponentialAverage(fixture.floats(data.withOddRows(data.matrix(rows, columns))), 0.1f, average);
        out("average", average, 2);
    }

    private void rowNorms() {
        Matrix x = fixture.floats(data.withOddRows(data.matrix(data.size(), data.size())));
        Matrix norms = fixture.matrix(DType.F32, 1, x.intRows());
        kernels.rowNorms(x, norms);
        out("norms", norms, x.columns());
    }

    private void weightedRowSum() {
        float[][] rows = data.matrix(data.size(), data.size());
        Matrix x = fixture.floats(random.nextInt(4) == 0 ? data.withOddRows(rows) : rows);
        Matrix weights = random.nextBoolean() ? fixture.vector(data.vector(rows.length)) : null;
        Matrix result = fixture.vector(data.vector(x.columns()));
        kernels.weightedRowSum(weights, x, data.number(), random.nextBoolean(), result);
        out("out", result, rows.length + 1);
    }

    private void geometricMedian() {
        Matrix x = fixture.floats(data.matrix(data.size() + 2, data.size()));
        Matrix median = fixture.matrix(DType.F32, 1, x.columns());
        // A fixed number of iterations: where to stop is decided by a rounding otherwise.
        kernels.geometricMedian(x, 1 + random.nextInt(5), 0, median);
        out("median", median, x.intRows() + x.columns());
    }

    // --------------------------------------------------------------------------------------------- encoding

    /** Small whole numbers: sums are exact in any order, and there are many ties. */
    private record Encoding(Matrix x, PackedEncoder encoder, int latents) {
        int rows() {
            return x.intRows();
        }
    }

    private Encoding encoding() {
        int latents = data.size();
        int width = data.size();
        int largest = random.nextBoolean() ? 1 : 9;
        float[][] x = data.withOddRows(data.integers(data.size(), width, largest));
        Matrix wEnc = fixture.floats(data.integers(latents, width, largest));
        float[] bias = data.integers(1, latents, largest)[0];
        if (random.nextInt(5) == 0) {
            // Nothing is positive.
            Arrays.fill(bias, -1e6f);
        }
        return new Encoding(fixture.floats(x), fixture.encoder(wEnc, fixture.vector(bias)), latents);
    }

    private void pack() {
        int latents = data.size();
        int width = data.size();
        PackedEncoder encoder = fixture.emptyEncoder(latents, width);
        for (int time = 0; time < 2; time++) {
            Matrix wEnc = fixture.floats(data.integers(latents, width, 3));
            kernels.pack(wEnc, fixture.vector(data.integers(1, latents, 3)[0]), encoder);
        }
        Matrix x = fixture.floats(data.integers(data.size(), width, 3));
        SparseCodes codes = fixture.codes(x.intRows(), latents, x.intRows() * latents);
        kernels.encodeThreshold(x, encoder, null, 0, codes);
        outCodes("codes", codes);
    }

    private @Nullable DeadSelection dead(Encoding encoding) {
        if (random.nextInt(3) == 0) {
            return null;
        }
        int[] latents = new int[encoding.latents()];
        int count = 0;
        double share = random.nextDouble();
        for (int latent = 0; latent < latents.length; latent++) {
            if (random.nextDouble() < share) {
                latents[count++] = latent;
            }
        }
        int k = 1 + random.nextInt(encoding.latents() + 3);
        SparseCodes codes = fixture.codes(encoding.rows(), encoding.latents(), encoding.rows() * k);
        return new DeadSelection(fixture.ints(latents), fixture.ints(count), k, codes);
    }

    private void encodeTopK() {
        Encoding encoding = encoding();
        DeadSelection dead = dead(encoding);
        int k = random.nextBoolean() ? 1 + random.nextInt(5) : 1 + random.nextInt(encoding.latents() + 3);
        SparseCodes codes = fixture.codes(encoding.rows(), encoding.latents(), encoding.rows() * k);
        kernels.encodeTopK(encoding.x(), encoding.encoder(), k, dead, codes);
        outCodes("codes", codes);
        if (dead != null) {
            outCodes("dead codes", dead.codes());
        }
    }

    private void encodeBatchTopK() {
        Encoding encoding = encoding();
        DeadSelection dead = dead(encoding);
        int all = encoding.rows() * encoding.latents();
        int budget = random.nextBoolean() ? random.nextInt(all + 1) : random.nextInt(Math.min(all, 20) + 1);
        Matrix smallestKept = fixture.vector(-7);
        // Twice: what a selection remembers of the one before must not show.
        for (int time = 0; time < 2; time++) {
            SparseCodes codes = fixture.codes(encoding.rows(), encoding.latents(), budget + 1);
            kernels.encodeBatchTopK(encoding.x(), encoding.encoder(), budget, dead, codes, smallestKept);
            outCodes("codes of time " + time, codes);
            exact("smallestKept of time " + time, smallestKept);
            budget = Math.max(0, budget - random.nextInt(3));
        }
        if (dead != null) {
            outCodes("dead codes", dead.codes());
        }
    }

    private void encodeThreshold() {
        Encoding encoding = encoding();
        int all = encoding.rows() * encoding.latents();
        Matrix thresholds = null;
        if (random.nextBoolean()) {
            thresholds = fixture.vector(data.halves(encoding.latents(), 5));
        }
        float bandwidth = random.nextBoolean() ? 0 : random.nextInt(8) / 2f;
        SparseCodes codes = fixture.codes(encoding.rows(), encoding.latents(), all);
        kernels.encodeThreshold(encoding.x(), encoding.encoder(), thresholds, bandwidth, codes);
        outCodes("codes", codes);
    }

    // ------------------------------------------------------------------------------- decoding and gradients

    private void decode() {
        SparseCodes codes = fixture.codesOf(sparse(random, data.size(), data.size()));
        Matrix wDec = fixture.floats(data.matrix(codes.latents(), data.size()));
        Matrix bias = random.nextBoolean() ? fixture.vector(data.vector(wDec.columns())) : null;
        Matrix result = fixture.matrix(DType.F32, codes.rows(), wDec.columns());
        kernels.decode(codes, wDec, bias, result);
        out("out", result, codes.latents() + 1);
    }

    private void reconstruct() {
        SparseCodes codes = fixture.codesOf(sparse(random, data.size(), data.size()));
        int width = data.size();
        Matrix wDec = fixture.floats(data.matrix(codes.latents(), width));
        Matrix bias = random.nextBoolean() ? fixture.vector(data.vector(width)) : null;
        Matrix target = fixture.floats(data.withOddRows(data.matrix(codes.rows(), width)));
        Matrix residual = fixture.matrix(DType.F32, codes.rows(), width);
        Matrix rowErrors = fixture.matrix(DType.F32, 1, codes.rows());
        Matrix codeGradients = fixture.matrix(DType.F32, 1, codes.capacity());
        kernels.reconstruct(
                codes, wDec, bias, target, random.nextBoolean() ? 1 : -1, residual, rowErrors, codeGradients);
        out("residual", residual, codes.latents() + 1);
        out("rowErrors", rowErrors, codes.latents() + width);
        outPrefix("codeGradients", codeGradients, codes.entries(), codes.latents() + width);
    }

    private void addL1() {
        SparseCodes codes = fixture.codesOf(sparse(random, data.size(), data.size()));
        Matrix norms = random.nextBoolean() ? fixture.vector(data.vector(codes.latents())) : null;
        Matrix codeGradients = fixture.vector(data.vector(codes.capacity()));
        Matrix penalty = fixture.doubles(random.nextGaussian());
        kernels.addL1(codes, norms, data.number(), codeGradients, penalty);
        outPrefix("codeGradients", codeGradients, codes.entries(), 2);
        // A sum may come out near 0, so what is summed sets the scale, not the sum.
        outputs.add(new Output(
                "penalty", new double[] {fixture.scalar(penalty), codes.entries() + 1.0}, codes.entries() + 1));
    }

    private void auxiliaryScale() {
        float[][] rows = data.matrix(data.size(), data.size());
        if (random.nextInt(4) == 0) {
            // No distance from the mean at all.
            Arrays.fill(rows, rows[0]);
            Arrays.fill(rows[0], 0.5f);
        }
        Matrix residual = fixture.floats(rows);
        Matrix scale = fixture.vector(5);
        Matrix loss = fixture.doubles(5);
        kernels.auxiliaryScale(residual, fixture.vector(data.positives(rows.length)), 0.03125f, scale, loss);
        out("scale", scale, rows.length * rows[0].length);
        out("loss", loss, rows.length * rows[0].length);
    }

    private void groupByLatent() {
        SparseCodes codes = fixture.codesOf(sparse(random, data.size(), data.size()));
        LatentGroups groups = fixture.groups(codes);
        exact("offsets", groups.offsets());
        outPrefix("rows", groups.rows(), codes.entries(), 0);
        outPrefix("entries", groups.entries(), codes.entries(), 0);
    }

    private LatentTerms terms(int rows, int latents, int width, int outWidth) {
        SparseCodes codes = fixture.codesOf(sparse(random, rows, latents));
        return new LatentTerms(
                codes,
                fixture.groups(codes),
                fixture.vector(data.vector(codes.capacity())),
                fixture.floats(data.matrix(rows, width)),
                fixture.floats(data.matrix(rows, outWidth)),
                fixture.vector(data.number()));
    }

    private LatentTerms terms() {
        return terms(data.size(), data.size(), data.size(), data.size());
    }

    private void encoderBiasGradient() {
        LatentTerms terms = terms();
        Matrix gradient = fixture.vector(data.vector(terms.codes().latents()));
        kernels.encoderBiasGradient(terms, random.nextBoolean(), gradient);
        out("gradient", gradient, terms.codes().rows() + 1);
    }

    private void thresholdGradient() {
        LatentTerms terms = terms();
        int latents = terms.codes().latents();
        Matrix gradient = fixture.vector(data.vector(latents));
        kernels.thresholdGradient(
                terms,
                fixture.vector(data.positives(latents)),
                0.5f + random.nextFloat(),
                data.number(),
                random.nextBoolean(),
                gradient);
        out("gradient", gradient, terms.codes().rows() + 1);
    }

    private void latentGradients() {
        LatentTerms terms = terms();
        int latents = terms.codes().latents();
        LatentRows gradients = new LatentRows(
                fixture.floats(data.matrix(latents, terms.input().columns())),
                fixture.floats(data.matrix(latents, terms.residual().columns())));
        Matrix touched = fixture.ints(data.bits(latents));
        Matrix wDec = fixture.floats(data.matrix(latents, terms.residual().columns()));
        boolean penalised = random.nextBoolean();
        kernels.latentGradients(terms, penalised ? data.number() : 0, penalised ? wDec : null, gradients, touched);
        out("encoder", gradients.encoder(), terms.codes().rows() + 1);
        out(
                "decoder",
                gradients.decoder(),
                terms.codes().rows() + terms.residual().columns());
        exact("touched", touched);
    }

    // ------------------------------------------------------------------------------ optimiser and tracking

    private void squaredNorm() {
        float[][] rows = data.matrix(data.size(), data.size());
        Matrix touched = random.nextBoolean() ? fixture.ints(data.bits(rows.length)) : null;
        Matrix along = random.nextBoolean() ? fixture.floats(data.unitRows(rows.length, rows[0].length)) : null;
        Matrix sum = fixture.doubles(3);
        kernels.squaredNorm(fixture.floats(rows), touched, along, random.nextBoolean(), sum);
        out("sum", sum, rows.length * rows[0].length);
    }

    private void clipScale() {
        Matrix scale = fixture.vector(0);
        kernels.clipScale(fixture.doubles(random.nextInt(3) * random.nextDouble()), 0.5f, scale);
        out("scale", scale, 1);
    }

    private static AdamStep step(Random random) {
        return AdamStep.at(1 + random.nextInt(20), 0.01, random.nextBoolean() ? 0.9 : 0, 0.999, 1e-8);
    }

    private void adam() {
        int rows = data.size();
        int columns = data.size();
        boolean unit = random.nextBoolean();
        Matrix weights = fixture.floats(unit ? data.unitRows(rows, columns) : data.matrix(rows, columns));
        Matrix gradient = fixture.floats(data.matrix(rows, columns));
        Matrix first = fixture.floats(data.matrix(rows, columns));
        Matrix second = fixture.floats(data.positiveMatrix(rows, columns));
        Matrix touched = random.nextBoolean() ? fixture.ints(data.bits(rows)) : null;
        Matrix scale = random.nextBoolean() ? fixture.vector(data.number()) : null;
        kernels.adam(step(random), weights, gradient, first, second, touched, scale, unit);
        out("weights", weights, columns);
        out("first moment", first, columns);
        out("second moment", second, columns);
    }

    private void latentStep() {
        int latents = data.size();
        int width = data.size();
        int outWidth = data.size();
        LatentTerms terms = terms(data.size(), latents, width, outWidth);
        LatentTerms more = random.nextBoolean() ? terms(data.size(), latents, width, outWidth) : null;
        boolean unit = random.nextBoolean();
        LatentRows weights = new LatentRows(
                fixture.floats(data.matrix(latents, width)),
                fixture.floats(unit ? data.unitRows(latents, outWidth) : data.matrix(latents, outWidth)));
        LatentRows first = new LatentRows(
                fixture.floats(data.matrix(latents, width)), fixture.floats(data.matrix(latents, outWidth)));
        LatentRows second = new LatentRows(
                fixture.floats(data.positiveMatrix(latents, width)),
                fixture.floats(data.positiveMatrix(latents, outWidth)));
        kernels.latentStep(
                step(random), terms, more, random.nextBoolean() ? data.number() : 0, weights, first, second, unit);
        int terms1 = terms.codes().rows() + (more == null ? 0 : more.codes().rows()) + outWidth;
        out("encoder", weights.encoder(), terms1);
        out("decoder", weights.decoder(), terms1);
        out("first encoder", first.encoder(), terms1);
        out("first decoder", first.decoder(), terms1);
        out("second encoder", second.encoder(), terms1);
        out("second decoder", second.decoder(), terms1);
    }

    private void markFired() {
        SparseCodes codes = fixture.codesOf(sparse(random, data.size(), data.size()));
        Matrix lastFired = fixture.ints(data.steps(codes.latents()));
        kernels.markFired(codes, 1_000, lastFired);
        exact("lastFired", lastFired);
    }

    private void listDead() {
        int[] steps = data.steps(data.size());
        Matrix latents = fixture.matrix(DType.I32, 1, steps.length);
        Matrix count = fixture.ints(-1);
        kernels.listDead(fixture.ints(steps), random.nextInt(12), latents, count);
        exact("count", count);
        outPrefix("latents", latents, (int) fixture.scalar(count), 0);
    }

    private void addStatistics() {
        SparseCodes codes = fixture.codesOf(sparse(random, data.size(), data.size()));
        Matrix statistics = fixture.doubles(3, 4);
        kernels.addStatistics(fixture.vector(data.positives(codes.rows())), codes, statistics);
        out("statistics", statistics, codes.rows());
    }
}
