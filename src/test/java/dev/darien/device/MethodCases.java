// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

import static dev.darien.device.RandomData.sparse;

import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import java.util.Random;

/** Random problems for the kernels that single methods need. */
final class MethodCases {
    private final KernelTrial trial;
    private final Kernels kernels;
    private final DeviceFixture fixture;
    private final Random random;
    private final RandomData data;

    MethodCases(KernelTrial trial) {
        this.trial = trial;
        kernels = trial.kernels();
        fixture = trial.fixture();
        random = trial.random();
        data = trial.data();
    }

    void gatedMagnitudes() {
        SparseCodes gates = fixture.codesOf(sparse(random, data.size(), data.size()));
        int latents = gates.latents();
        Matrix magnitudes = fixture.vector(data.vector(gates.capacity()));
        kernels.gatedMagnitudes(
                gates,
                fixture.vector(data.vector(latents)),
                fixture.vector(data.vector(latents)),
                fixture.vector(data.vector(latents)),
                magnitudes);
        trial.outPrefix("magnitudes", magnitudes, fixture.entries(gates), 3);
    }

    void gatedGradient() {
        LatentTerms terms = new GradientCases(trial).terms();
        int latents = terms.codes().latents();
        Matrix scaleGradient = fixture.vector(data.vector(latents));
        Matrix biasGradient = fixture.vector(data.vector(latents));
        kernels.gatedGradient(
                terms,
                fixture.vector(data.vector(latents)),
                fixture.vector(data.vector(latents)),
                random.nextBoolean(),
                scaleGradient,
                biasGradient);
        trial.out("scaleGradient", scaleGradient, terms.codes().rows() + 1);
        trial.out("biasGradient", biasGradient, terms.codes().rows() + 1);
        trial.outPrefix("codeGradients", terms.codeGradients(), fixture.entries(terms.codes()), 2);
    }

    /** Rows of norm 1 made of halves, so that some steps from whole numbers are exact, and there are many ties. */
    void encodeMatchingPursuit() {
        int width = 4 + data.size();
        int latents = data.size();
        float[][] dictionary = new float[latents][width];
        for (float[] row : dictionary) {
            int terms = random.nextBoolean() ? 1 : 4;
            for (int left = terms; left > 0; ) {
                int at = random.nextInt(width);
                if (row[at] == 0) {
                    row[at] = (random.nextBoolean() ? 1 : -1) * (terms == 1 ? 1 : 0.5f);
                    left--;
                }
            }
        }
        Matrix x = fixture.floats(data.integers(data.size(), width, 9));
        Pursuit limits =
                new Pursuit(1 + random.nextInt(6), random.nextBoolean() ? 0 : random.nextInt(30), random.nextBoolean());
        int rows = x.intRows();
        SparseCodes codes = fixture.codes(rows, latents, rows * Math.min(limits.steps(), latents));
        PursuitSteps steps = random.nextBoolean()
                ? null
                : new PursuitSteps(
                        fixture.matrix(DType.I32, limits.steps(), rows),
                        fixture.matrix(DType.F32, limits.steps(), rows));
        PackedEncoder encoder = fixture.encoder(fixture.floats(dictionary), fixture.vector(new float[latents]));
        for (int time = 0; time < 2; time++) {
            kernels.encodeMatchingPursuit(x, encoder, limits, steps, codes);
        }
        trial.outCodes("codes", codes);
        if (steps != null) {
            trial.exact("steps.latents", steps.latents());
            trial.exact("steps.values", steps.values());
        }
    }

    void addDecoded() {
        SparseCodes codes = fixture.codesOf(sparse(random, data.size(), data.size()));
        int width = data.size();
        Matrix rows = fixture.floats(data.matrix(codes.rows(), width));
        kernels.addDecoded(
                codes,
                fixture.vector(data.vector(codes.capacity())),
                data.number(),
                fixture.floats(data.matrix(codes.latents(), width)),
                rows);
        trial.out("rows", rows, codes.latents() + 1);
    }

    void keepLatents() {
        SparseCodes codes = fixture.codesOf(sparse(random, data.size(), data.size()));
        int first = random.nextInt(codes.latents() + 1);
        int last = first + random.nextInt(codes.latents() + 1 - first);
        Matrix values = fixture.vector(data.vector(codes.capacity()));
        kernels.keepLatents(codes, first, last, values);
        trial.outPrefix("values", values, fixture.entries(codes), 0);
    }

    void addPenalty() {
        SparseCodes codes = fixture.codesOf(sparse(random, data.size(), data.size()));
        Matrix norms = random.nextBoolean() ? fixture.vector(data.positives(codes.latents())) : null;
        Matrix codeGradients = fixture.vector(data.vector(codes.capacity()));
        Matrix penalty = fixture.doubles(random.nextGaussian());
        PenaltyCurve curve = random.nextBoolean()
                ? PenaltyCurve.power(0.1 + 0.9 * random.nextDouble())
                : PenaltyCurve.tanh(0.5 + 4 * random.nextDouble());
        kernels.addPenalty(codes, norms, curve, data.number(), codeGradients, penalty);
        trial.outPrefix("codeGradients", codeGradients, fixture.entries(codes), 2);
        trial.add(new KernelOutput(
                "penalty",
                new double[] {fixture.scalar(penalty), fixture.entries(codes) + 1.0},
                fixture.entries(codes) + 1));
    }

    void listUnderused() {
        int[] steps = data.steps(data.size());
        Matrix latents = fixture.matrix(DType.I32, 1, steps.length);
        Matrix count = fixture.ints(-1);
        kernels.listUnderused(
                fixture.ints(steps),
                random.nextInt(12),
                fixture.vector(data.positives(steps.length)),
                fixture.vector(data.vector(steps.length)),
                latents,
                count);
        trial.exact("count", count);
        trial.outPrefix("latents", latents, (int) fixture.scalar(count), 0);
    }
}
