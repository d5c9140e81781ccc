// SPDX-License-Identifier: Apache-2.0
package dev.darien.sae;

import dev.darien.device.Device;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import java.util.List;

/**
 * What encodes activations as sparse codes and decodes those linearly, {@code x̂ = W_decᵀ·f + b_dec}: an {@link Sae}, or
 * several that stand for one. With another {@link #mapping()}, what is decoded are other activations.
 *
 * <p>Close it before its device. Not for several threads at once: a device refuses a thread while another computes on it, with
 * an {@link IllegalStateException}. {@link SaeEncoder} is for many.
 */
public interface Autoencoder extends AutoCloseable {
    /** Where it computes. */
    Device device();

    /** Number of latents, F. */
    int latents();

    /** Width of the activations that are encoded, d. */
    int width();

    /** What is encoded, and what is decoded from it. */
    default Mapping mapping() {
        return new Mapping.Identity();
    }

    /** Width of the activations that are decoded, d': d but for a transcoder. */
    default int outputWidth() {
        return mapping().outputWidth(width());
    }

    /** W_dec, F32[F, d'] on the device: a direction for each latent. */
    Matrix decoder();

    /** b_dec, F32[1, d'] on the device. */
    Matrix decoderBias();

    /** What is done to each activation vector before encoding, and undone after decoding. */
    RowNormalization normalization();

    /** The SAEs that it is made of, whose latents follow each other in its own; an SAE is its only member. */
    List<Sae> members();

    /** Buffers to encode and decode many batches of at most {@code maxRows} rows without allocating for each. */
    Inference inference(int maxRows);

    /**
     * The reconstructions of {@code codes}, F32[rows, d'], in memory that Java can read; the caller closes the matrix.
     *
     * @param codes in the host's memory
     * @throws IllegalArgumentException if they are of another number of latents
     */
    default Matrix decode(SparseCodes codes) {
        if (codes.latents() != latents()) {
            throw new IllegalArgumentException(
                    "codes of " + codes.latents() + " latents can't be decoded by an SAE of " + latents());
        }
        Matrix out = device().staging("reconstruction", DType.F32, codes.rows(), outputWidth());
        try {
            if (decoder().isHost()) {
                device().kernels().decode(codes, decoder(), decoderBias(), out);
            } else {
                decodeThere(codes, out);
            }
            return out;
        } catch (RuntimeException | Error e) {
            out.close();
            throw e;
        }
    }

    /** On a device whose memory is not the host's. */
    private void decodeThere(SparseCodes host, Matrix out) {
        Device device = device();
        try (SparseCodes codes = SparseCodes.allocate(device.memory(), host.rows(), latents(), host.capacity());
                Matrix result = device.memory().matrix("reconstruction", host.rows(), outputWidth())) {
            device.upload(host.offsets(), codes.offsets());
            device.upload(host.indices(), codes.indices().prefix(host.capacity()));
            device.upload(host.values(), codes.values().prefix(host.capacity()));
            device.kernels().decode(codes, decoder(), decoderBias(), result);
            device.download(result, out);
        }
    }

    /** The decoder's rows of {@code latents}, [latents][d']. */
    default float[][] decoderRows(int... latents) {
        boolean host = decoder().isHost();
        try (Matrix copy = device().staging("decoder", DType.F32, host ? 1 : latents(), outputWidth())) {
            if (!host) {
                device().download(decoder(), copy);
            }
            float[][] rows = new float[latents.length][];
            for (int at = 0; at < rows.length; at++) {
                rows[at] = (host ? decoder() : copy).toArray(latents[at]);
            }
            return rows;
        }
    }

    @Override
    void close();
}
