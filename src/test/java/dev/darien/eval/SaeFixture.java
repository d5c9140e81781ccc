// SPDX-License-Identifier: Apache-2.0
package dev.darien.eval;

import dev.darien.device.Device;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.sae.Sae;
import dev.darien.sae.SaeWeights;
import dev.darien.sae.Sparsity;
import java.util.Map;
import java.util.Random;

/** An SAE with given weights on a device of its own; closing it fails on a leak. */
final class SaeFixture implements AutoCloseable {
    final float[][] encoder;
    final float[] encoderBias;
    final float[][] decoder;
    final float[] decoderBias;
    private final Device device;
    private final Sae sae;

    SaeFixture(
            String deviceName,
            Sparsity sparsity,
            float[][] encoder,
            float[] encoderBias,
            float[][] decoder,
            float[] decoderBias) {
        this.encoder = encoder;
        this.encoderBias = encoderBias;
        this.decoder = decoder;
        this.decoderBias = decoderBias;
        device = Device.open(deviceName);
        SaeWeights weights =
                SaeWeights.allocate(device.memory(), encoder.length, encoder[0].length, sparsity.hasThresholds());
        upload(weights.encoder(), encoder);
        upload(weights.encoderBias(), encoderBias);
        upload(weights.decoder(), decoder);
        upload(weights.decoderBias(), decoderBias);
        sae = new Sae(device, weights, sparsity, false, Map.of());
    }

    static SaeFixture random(String deviceName, Sparsity sparsity, int latents, int width, Random random) {
        return new SaeFixture(
                deviceName,
                sparsity,
                gaussian(random, latents, width),
                gaussian(random, 1, latents)[0],
                gaussian(random, latents, width),
                gaussian(random, 1, width)[0]);
    }

    static float[][] gaussian(Random random, int rows, int columns) {
        float[][] values = new float[rows][columns];
        for (float[] row : values) {
            for (int column = 0; column < columns; column++) {
                row[column] = (float) random.nextGaussian();
            }
        }
        return values;
    }

    private void upload(Matrix target, float[]... rows) {
        try (Matrix host = device.staging("weights", DType.F32, rows.length, rows[0].length)) {
            for (int row = 0; row < rows.length; row++) {
                host.setRow(row, rows[row]);
            }
            device.upload(host, target);
        }
    }

    Sae sae() {
        return sae;
    }

    @Override
    public void close() {
        sae.close();
        device.close();
    }
}
