// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

import static dev.darien.device.RandomData.sparse;

import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import java.util.Arrays;
import java.util.Random;

/** Random problems for decoding, losses and gradients. */
final class GradientCases {
    private final KernelTrial trial;
    private final Kernels kernels;
    private final DeviceFixture fixture;
    private final Random random;
    private final RandomData data;

    GradientCases(KernelTrial trial) {
        this.trial = trial;
        kernels = trial.kernels();
        fixture = trial.fixture();
        random = trial.random();
        data = trial.data();
    }

    void decode() {
        SparseCodes codes = fixture.codesOf(sparse(random, data.size(), data.size()));
        Matrix wDec = fixture.floats(data.matrix(codes.latents(), data.size()));
        Matrix bias = random.nextBoolean() ? fixture.vector(data.vector(wDec.columns())) : null;
        Matrix result = fixture.matrix(DType.F32, codes.rows(), wDec.columns());
        kernels.decode(codes, wDec, bias, result);
        trial.out("out", result, codes.latents() + 1);
    }

    void reconstruct() {
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
        trial.out("residual", residual, codes.latents() + 1);
        trial.out("rowErrors", rowErrors, codes.latents() + width);
        trial.outPrefix("codeGradients", codeGradients, fixture.entries(codes), codes.latents() + width);
    }

    void addL1() {
        SparseCodes codes = fixture.codesOf(sparse(random, data.size(), data.size()));
        Matrix norms = random.nextBoolean() ? fixture.vector(data.vector(codes.latents())) : null;
        Matrix codeGradients = fixture.vector(data.vector(codes.capacity()));
        Matrix penalty = fixture.doubles(random.nextGaussian());
        kernels.addL1(codes, norms, data.number(), codeGradients, penalty);
        trial.outPrefix("codeGradients", codeGradients, fixture.entries(codes), 2);
        // A sum may come out near 0, so what is summed sets the scale, not the sum.
        trial.add(new KernelOutput(
                "penalty",
                new double[] {fixture.scalar(penalty), fixture.entries(codes) + 1.0},
                fixture.entries(codes) + 1));
    }

    void auxiliaryScale() {
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
        trial.out("scale", scale, rows.length * rows[0].length);
        trial.out("loss", loss, rows.length * rows[0].length);
    }

    void groupByLatent() {
        SparseCodes codes = fixture.codesOf(sparse(random, data.size(), data.size()));
        LatentGroups groups = fixture.groups(codes);
        trial.exact("offsets", groups.offsets());
        trial.outPrefix("rows", groups.rows(), fixture.entries(codes), 0);
        trial.outPrefix("entries", groups.entries(), fixture.entries(codes), 0);
    }

    static LatentTerms terms(KernelTrial trial, int rows, int latents, int width, int outWidth) {
        DeviceFixture fixture = trial.fixture();
        RandomData data = trial.data();
        SparseCodes codes = fixture.codesOf(sparse(trial.random(), rows, latents));
        return new LatentTerms(
                codes,
                fixture.groups(codes),
                fixture.vector(data.vector(codes.capacity())),
                fixture.floats(data.matrix(rows, width)),
                fixture.floats(data.matrix(rows, outWidth)),
                fixture.vector(data.number()));
    }

    LatentTerms terms() {
        return terms(trial, data.size(), data.size(), data.size(), data.size());
    }

    void encoderBiasGradient() {
        LatentTerms terms = terms();
        Matrix gradient = fixture.vector(data.vector(terms.codes().latents()));
        kernels.encoderBiasGradient(terms, random.nextBoolean(), gradient);
        trial.out("gradient", gradient, terms.codes().rows() + 1);
    }

    void thresholdGradient() {
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
        trial.out("gradient", gradient, terms.codes().rows() + 1);
    }

    void latentGradients() {
        LatentTerms terms = terms();
        int latents = terms.codes().latents();
        LatentRows gradients = new LatentRows(
                fixture.floats(data.matrix(latents, terms.input().columns())),
                fixture.floats(data.matrix(latents, terms.residual().columns())));
        Matrix touched = fixture.ints(data.bits(latents));
        Matrix wDec = fixture.floats(data.matrix(latents, terms.residual().columns()));
        boolean penalised = random.nextBoolean();
        kernels.latentGradients(terms, penalised ? data.number() : 0, penalised ? wDec : null, gradients, touched);
        // What untouched rows hold is nobody's business.
        double[] bits = fixture.read(touched);
        for (int latent = 0; latent < latents; latent++) {
            if (bits[latent] == 0) {
                kernels.fill(gradients.encoder().slice(latent, 1), 0);
                kernels.fill(gradients.decoder().slice(latent, 1), 0);
            }
        }
        trial.out("encoder", gradients.encoder(), terms.codes().rows() + 1);
        trial.out(
                "decoder",
                gradients.decoder(),
                terms.codes().rows() + terms.residual().columns());
        trial.exact("touched", touched);
    }
}
