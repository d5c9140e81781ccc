// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

import static dev.darien.device.RandomData.sparse;

import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import java.util.Random;

/** Random problems for the optimiser and for what is tracked. */
final class OptimiserCases {
    private final KernelTrial trial;
    private final Kernels kernels;
    private final DeviceFixture fixture;
    private final Random random;
    private final RandomData data;

    OptimiserCases(KernelTrial trial) {
        this.trial = trial;
        kernels = trial.kernels();
        fixture = trial.fixture();
        random = trial.random();
        data = trial.data();
    }

    void squaredNorm() {
        float[][] rows = data.matrix(data.size(), data.size());
        Matrix touched = random.nextBoolean() ? fixture.ints(data.bits(rows.length)) : null;
        Matrix along = random.nextBoolean() ? fixture.floats(data.unitRows(rows.length, rows[0].length)) : null;
        Matrix sum = fixture.doubles(3);
        kernels.squaredNorm(fixture.floats(rows), touched, along, random.nextBoolean(), sum);
        trial.out("sum", sum, rows.length * rows[0].length);
    }

    void clipScale() {
        Matrix scale = fixture.vector(0);
        kernels.clipScale(fixture.doubles(random.nextInt(3) * random.nextDouble()), 0.5f, scale);
        trial.out("scale", scale, 1);
    }

    private static AdamStep step(Random random) {
        return AdamStep.at(1 + random.nextInt(20), 0.01, random.nextBoolean() ? 0.9 : 0, 0.999, 1e-8);
    }

    void adam() {
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
        trial.out("weights", weights, columns);
        trial.out("first moment", first, columns);
        trial.out("second moment", second, columns);
    }

    void latentStep() {
        int latents = data.size();
        int width = data.size();
        int outWidth = data.size();
        LatentTerms terms = GradientCases.terms(trial, data.size(), latents, width, outWidth);
        LatentTerms more =
                random.nextBoolean() ? GradientCases.terms(trial, data.size(), latents, width, outWidth) : null;
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
        trial.out("encoder", weights.encoder(), terms1);
        trial.out("decoder", weights.decoder(), terms1);
        trial.out("first encoder", first.encoder(), terms1);
        trial.out("first decoder", first.decoder(), terms1);
        trial.out("second encoder", second.encoder(), terms1);
        trial.out("second decoder", second.decoder(), terms1);
    }

    void markFired() {
        SparseCodes codes = fixture.codesOf(sparse(random, data.size(), data.size()));
        Matrix lastFired = fixture.ints(data.steps(codes.latents()));
        kernels.markFired(codes, 1_000, lastFired);
        trial.exact("lastFired", lastFired);
    }

    void listDead() {
        int[] steps = data.steps(data.size());
        Matrix latents = fixture.matrix(DType.I32, 1, steps.length);
        Matrix count = fixture.ints(-1);
        kernels.listDead(fixture.ints(steps), random.nextInt(12), latents, count);
        trial.exact("count", count);
        trial.outPrefix("latents", latents, (int) fixture.scalar(count), 0);
    }

    void addStatistics() {
        SparseCodes codes = fixture.codesOf(sparse(random, data.size(), data.size()));
        Matrix statistics = fixture.doubles(3, 4);
        kernels.addStatistics(fixture.vector(data.positives(codes.rows())), codes, statistics);
        trial.out("statistics", statistics, codes.rows());
    }
}
