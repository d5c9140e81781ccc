// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import java.util.Arrays;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/** Random problems for the encode kernels. */
final class EncodeCases {
    private final KernelTrial trial;
    private final Kernels kernels;
    private final DeviceFixture fixture;
    private final Random random;
    private final RandomData data;

    EncodeCases(KernelTrial trial) {
        this.trial = trial;
        kernels = trial.kernels();
        fixture = trial.fixture();
        random = trial.random();
        data = trial.data();
    }

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
        float unit = data.unit();
        for (float[] row : x) {
            scale(row, unit);
        }
        scale(bias, unit);
        return new Encoding(fixture.floats(x), fixture.encoder(wEnc, fixture.vector(bias)), latents);
    }

    private static void scale(float[] values, float factor) {
        for (int at = 0; at < values.length; at++) {
            values[at] *= factor;
        }
    }

    void pack() {
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
        trial.outCodes("codes", codes);
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

    void encodeTopK() {
        Encoding encoding = encoding();
        DeadSelection dead = dead(encoding);
        int k = random.nextBoolean() ? 1 + random.nextInt(5) : 1 + random.nextInt(encoding.latents() + 3);
        SparseCodes codes = fixture.codes(encoding.rows(), encoding.latents(), encoding.rows() * k);
        kernels.encodeTopK(encoding.x(), encoding.encoder(), k, dead, codes);
        trial.outCodes("codes", codes);
        if (dead != null) {
            trial.outCodes("dead codes", dead.codes());
        }
    }

    void encodeAbsTopK() {
        Encoding encoding = encoding();
        DeadSelection dead = dead(encoding);
        int k = random.nextBoolean() ? 1 + random.nextInt(5) : 1 + random.nextInt(encoding.latents() + 3);
        SparseCodes codes = fixture.codes(encoding.rows(), encoding.latents(), encoding.rows() * k);
        kernels.encodeAbsTopK(encoding.x(), encoding.encoder(), k, dead, codes);
        trial.outCodes("codes", codes);
        if (dead != null) {
            trial.outCodes("dead codes", dead.codes());
        }
    }

    void encodeBatchTopK() {
        Encoding encoding = encoding();
        DeadSelection dead = dead(encoding);
        int all = encoding.rows() * encoding.latents();
        int budget = random.nextBoolean() ? random.nextInt(all + 1) : random.nextInt(Math.min(all, 20) + 1);
        Matrix smallestKept = fixture.vector(-7);
        // Twice: what a selection remembers of the one before must not show.
        for (int time = 0; time < 2; time++) {
            SparseCodes codes = fixture.codes(encoding.rows(), encoding.latents(), budget + 1);
            kernels.encodeBatchTopK(encoding.x(), encoding.encoder(), budget, dead, codes, smallestKept);
            trial.outCodes("codes of time " + time, codes);
            trial.exact("smallestKept of time " + time, smallestKept);
            budget = Math.max(0, budget - random.nextInt(3));
        }
        if (dead != null) {
            trial.outCodes("dead codes", dead.codes());
        }
    }

    void encodeGroupMax() {
        Encoding encoding = encoding();
        DeadSelection dead = dead(encoding);
        int groups = 1 + random.nextInt(encoding.latents());
        SparseCodes codes = fixture.codes(encoding.rows(), encoding.latents(), encoding.rows() * groups);
        kernels.encodeGroupMax(encoding.x(), encoding.encoder(), groups, dead, codes);
        trial.outCodes("codes", codes);
        if (dead != null) {
            trial.outCodes("dead codes", dead.codes());
        }
    }

    void encodeDead() {
        Encoding encoding = encoding();
        DeadSelection dead = null;
        while (dead == null) {
            dead = dead(encoding);
        }
        kernels.encodeDead(encoding.x(), encoding.encoder(), dead);
        trial.outCodes("dead codes", dead.codes());
    }

    private PackedEncoder directions(int latents, int width, int largest) {
        // Its biases are to have no part.
        return fixture.encoder(
                fixture.floats(data.integers(latents, width, largest)),
                fixture.vector(data.integers(1, latents, 9)[0]));
    }

    void attributionStrength() {
        int width = data.size();
        int latents = data.size();
        int largest = random.nextInt(6) == 0 ? 0 : 3;
        Matrix gradients = fixture.floats(data.integers(data.size(), width, largest));
        Matrix strength = fixture.vector(-7);
        kernels.attributionStrength(gradients, directions(latents, width, 3), random.nextInt(4) / 2f, strength);
        trial.exact("strength", strength);
    }

    void encodeGradientTopK() {
        Encoding encoding = encoding();
        DeadSelection dead = dead(encoding);
        // The input of a transcoder needn't be as wide as what it writes to.
        int width = data.size();
        Matrix gradients = fixture.floats(data.withOddRows(data.integers(encoding.rows(), width, 2)));
        int k = random.nextBoolean() ? 1 + random.nextInt(5) : 1 + random.nextInt(encoding.latents() + 3);
        SparseCodes codes = fixture.codes(encoding.rows(), encoding.latents(), encoding.rows() * k);
        kernels.encodeGradientTopK(
                encoding.x(),
                encoding.encoder(),
                gradients,
                directions(encoding.latents(), width, 2),
                fixture.vector(random.nextInt(4) / 4f),
                k,
                dead,
                codes);
        trial.outCodes("codes", codes);
        if (dead != null) {
            trial.outCodes("dead codes", dead.codes());
        }
    }

    void encodeFeatureChoice() {
        Encoding encoding = encoding();
        int[] budgets = new int[encoding.latents()];
        int largest = random.nextBoolean() ? 3 : encoding.rows() + 2;
        int room = 0;
        for (int latent = 0; latent < budgets.length; latent++) {
            budgets[latent] = random.nextInt(largest + 2) - 1;
            room += Math.clamp(budgets[latent], 0, encoding.rows());
        }
        // Sometimes too little room, which cuts the last latents' budgets.
        int capacity = Math.max(1, random.nextInt(4) == 0 ? room / 2 : room);
        Matrix smallestKept = fixture.vector(data.vector(encoding.latents()));
        for (int time = 0; time < 2; time++) {
            SparseCodes codes = fixture.codes(encoding.rows(), encoding.latents(), capacity);
            kernels.encodeFeatureChoice(
                    encoding.x(), encoding.encoder(), fixture.ints(budgets), time == 1, codes, smallestKept);
            trial.outCodes("codes of time " + time, codes);
            trial.exact("smallestKept of time " + time, smallestKept);
        }
    }

    void encodeThreshold() {
        Encoding encoding = encoding();
        int all = encoding.rows() * encoding.latents();
        Matrix thresholds = null;
        if (random.nextBoolean()) {
            thresholds = fixture.vector(data.halves(encoding.latents(), 5));
        }
        float bandwidth = random.nextBoolean() ? 0 : random.nextInt(8) / 2f;
        SparseCodes codes = fixture.codes(encoding.rows(), encoding.latents(), all);
        kernels.encodeThreshold(encoding.x(), encoding.encoder(), thresholds, bandwidth, codes);
        trial.outCodes("codes", codes);
    }
}
