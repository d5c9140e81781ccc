// SPDX-License-Identifier: Apache-2.0

import dev.darien.device.AdamStep;
import dev.darien.device.Device;
import dev.darien.device.Kernels;
import dev.darien.device.PackedEncoder;
import dev.darien.device.Product;
import dev.darien.memory.Allocator;
import dev.darien.memory.Matrix;
import dev.darien.memory.Owned;
import dev.darien.memory.SparseCodes;
import java.util.Arrays;

/** The kernels that {@code CpuDarien} times by themselves, on one batch and with the initial weights. */
final class CpuKernels implements AutoCloseable {
    private final Device device;
    private final Kernels kernels;
    private final Owned held = new Owned();
    private final Allocator memory;
    private final Matrix rows;
    private final int k;
    private final Matrix weights;
    private final Matrix bias;
    private final Matrix centre;
    private final Matrix input;
    private final PackedEncoder encoder;
    private final SparseCodes codes;

    /**
     * Copies what it needs to {@code device}.
     *
     * @param rows F32[B, d], activations
     * @param weights F32[F, d]
     */
    CpuKernels(Device device, Matrix rows, Matrix weights, int k) {
        this.device = device;
        this.kernels = device.kernels();
        this.rows = rows;
        this.k = k;
        int batch = rows.intRows();
        int latents = weights.intRows();
        memory = held.add(device.memory().child("kernels"));
        this.weights = matrix(latents, weights.columns());
        bias = matrix(1, latents);
        centre = matrix(1, weights.columns());
        input = matrix(batch, weights.columns());
        encoder = held.add(device.packedEncoder(latents, weights.columns()));
        codes = held.add(SparseCodes.allocate(memory, batch, latents, (long) batch * k));
        device.upload(weights, this.weights);
    }

    private Matrix matrix(int rowCount, int columns) {
        return held.add(memory.matrix("kernels", rowCount, columns));
    }

    /** Centring, packing (as each training step has to), product and selection. */
    void encode() {
        kernels.convert(rows, 1, centre, input);
        kernels.pack(weights, bias, encoder);
        select();
    }

    private void select() {
        kernels.encodeTopK(input, encoder, k, null, codes);
    }

    /** The product of the encoder, stored. */
    Runnable multiplication() {
        Matrix product = matrix(rows.intRows(), weights.intRows());
        return () -> kernels.multiply(Product.NT, rows, weights, product, false);
    }

    /** The latents that {@link #encode} has selected, I32[B·k]. */
    Matrix selected() {
        return codes.indices();
    }

    /** Above which there are k pre-activations of a row, in the mean. */
    float threshold() {
        encode();
        Matrix smallest = matrix(1, 1);
        kernels.encodeBatchTopK(input, encoder, (long) rows.intRows() * k, null, codes, smallest);
        return smallest.get(0, 0);
    }

    /**
     * What selecting takes beyond the product, of the product's time.
     *
     * @param rounds of which the median counts, after as many for the compiler
     */
    double selectionShare(int rounds) {
        Matrix unreachable = matrix(1, weights.intRows());
        kernels.fill(unreachable, Float.POSITIVE_INFINITY);
        encode();
        return median(rounds, () -> {
            // Selects nothing, and so takes what the product alone takes.
            double product = seconds(() -> kernels.encodeThreshold(input, encoder, unreachable, 0, codes));
            return seconds(this::select) / product - 1;
        });
    }

    /** The decoder's update, projection and normalisation included, of the bandwidth of copying. */
    double updateShare(int rounds) {
        AdamStep step = AdamStep.at(1000, 1e-7, 0.9, 0.999, 1e-8);
        int latents = weights.intRows();
        int width = weights.columns();
        Matrix decoder = matrix(latents, width);
        Matrix gradients = matrix(latents, width);
        Matrix first = matrix(latents, width);
        Matrix second = matrix(latents, width);
        kernels.convert(weights, 1, null, decoder);
        kernels.fill(gradients, 1e-3f);
        return median(rounds, () -> {
            double copying = device.measurePeaks().copyGigabytesPerSecond() * 1e9;
            double update =
                    seconds(() -> kernels.adam(step, decoder, gradients, first, second, null, null, true));
            // Weights and moments are read and written, gradients read.
            return 28.0 * latents * width / update / copying;
        });
    }

    private interface Figure {
        double measure();
    }

    private static double median(int rounds, Figure figure) {
        double[] figures = new double[rounds];
        for (int round = -rounds; round < rounds; round++) {
            figures[Math.max(0, round)] = figure.measure();
        }
        Arrays.sort(figures);
        return (figures[(rounds - 1) / 2] + figures[rounds / 2]) / 2;
    }

    private static double seconds(Runnable work) {
        work.run();
        long started = System.nanoTime();
        work.run();
        work.run();
        return (System.nanoTime() - started) / 2e9;
    }

    @Override
    public void close() {
        held.close();
    }
}
