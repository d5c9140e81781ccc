// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/** A kernel at work on one random problem, and what came out. */
final class KernelTrial {
    private final DeviceFixture fixture;
    private final Random random;
    private final RandomData data;
    private final List<KernelOutput> outputs = new ArrayList<>();

    KernelTrial(DeviceFixture fixture, Random random, RandomData.Kind kind) {
        this.fixture = fixture;
        this.random = random;
        this.data = new RandomData(random, kind);
    }

    Kernels kernels() {
        return fixture.kernels();
    }

    DeviceFixture fixture() {
        return fixture;
    }

    Random random() {
        return random;
    }

    RandomData data() {
        return data;
    }

    List<KernelOutput> outputs() {
        return outputs;
    }

    void add(KernelOutput output) {
        outputs.add(output);
    }

    void out(String name, Matrix matrix, int terms) {
        outputs.add(new KernelOutput(name, fixture.read(matrix), terms));
    }

    void exact(String name, Matrix matrix) {
        out(name, matrix, 0);
    }

    /** The entries of codes and where they are; what lies behind them doesn't count. */
    void outCodes(String name, SparseCodes codes) {
        float[][] dense = fixture.dense(codes);
        double[] values = new double[codes.rows() * codes.latents()];
        for (int at = 0; at < values.length; at++) {
            values[at] = dense[at / codes.latents()][at % codes.latents()];
        }
        outputs.add(new KernelOutput(name, values, 0));
    }

    void outPrefix(String name, Matrix vector, int count, int terms) {
        double[] all = fixture.read(vector);
        outputs.add(new KernelOutput(name, Arrays.copyOf(all, count), terms));
    }
}
