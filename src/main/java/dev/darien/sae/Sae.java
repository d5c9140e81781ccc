// SPDX-License-Identifier: Apache-2.0
package dev.darien.sae;

import dev.darien.device.Device;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;

/**
 * A sparse autoencoder on a device: {@code f = σ(W_enc·(x - b_dec) + b_enc)}, {@code x̂ = W_decᵀ·f + b_dec}, where σ is
 * its {@link Sparsity} and the first {@code b_dec} is there if {@link #subtractsDecoderBias()}. Works on activations as
 * they come: the input scale of training is folded into the weights. Some SAEs of other projects have a
 * {@link RowNormalization} around all that. Transcoders and crosscoders are SAEs with another {@link Mapping}.
 *
 * <p>Close it before its device. Not for several threads at once: a device refuses a thread while another computes on it, with
 * an {@link IllegalStateException}. {@link SaeEncoder} is for many.
 */
public final class Sae implements Autoencoder {
    private final Device device;
    private final SaeWeights weights;
    private final Sparsity sparsity;
    private final boolean subtractsDecoderBias;
    private final RowNormalization normalization;
    private final Mapping mapping;
    private final Map<String, Object> configuration;

    /**
     * Takes ownership of {@code weights}, which are on {@code device}.
     *
     * @param configuration what a file says beyond the weights; kept when saved again
     * @throws IllegalArgumentException if the rule needs thresholds and there are none
     */
    public Sae(
            Device device,
            SaeWeights weights,
            Sparsity sparsity,
            boolean subtractsDecoderBias,
            Map<String, Object> configuration) {
        this(device, weights, sparsity, subtractsDecoderBias, RowNormalization.NONE, configuration);
    }

    /**
     * As above, with a normalization of each activation vector.
     *
     * @throws IllegalArgumentException if the rule needs thresholds and there are none
     */
    public Sae(
            Device device,
            SaeWeights weights,
            Sparsity sparsity,
            boolean subtractsDecoderBias,
            RowNormalization normalization,
            Map<String, Object> configuration) {
        this(device, weights, sparsity, subtractsDecoderBias, normalization, new Mapping.Identity(), configuration);
    }

    /**
     * As above, of what {@code mapping} says.
     *
     * @throws IllegalArgumentException if the rule needs thresholds and there are none, or the weights are those of another
     *     mapping
     */
    public Sae(
            Device device,
            SaeWeights weights,
            Sparsity sparsity,
            boolean subtractsDecoderBias,
            RowNormalization normalization,
            Mapping mapping,
            Map<String, Object> configuration) {
        requireFitting(mapping, weights, subtractsDecoderBias);
        if (sparsity.hasThresholds() && weights.thresholds() == null) {
            throw new IllegalArgumentException(sparsity.id() + " needs a threshold for each latent");
        }
        if (sparsity.batchWide()) {
            throw new IllegalArgumentException(
                    sparsity.id() + " selects over a batch in training; an SAE encodes row by row with "
                            + sparsity.inference().id());
        }
        if (sparsity.isTied() && !(subtractsDecoderBias && mapping instanceof Mapping.Identity)) {
            throw new IllegalArgumentException(
                    sparsity.id() + " begins with what the decoder bias leaves, and encodes with the decoder");
        }
        this.device = device;
        this.weights = weights;
        this.sparsity = sparsity;
        this.subtractsDecoderBias = subtractsDecoderBias;
        this.normalization = normalization;
        this.mapping = mapping;
        // Not Map.copyOf: other projects' files hold nulls, and their order is worth keeping.
        this.configuration = Collections.unmodifiableMap(new LinkedHashMap<>(configuration));
    }

    private static void requireFitting(Mapping mapping, SaeWeights weights, boolean subtractsDecoderBias) {
        boolean fits =
                switch (mapping) {
                    case Mapping.Identity ignored -> weights.skip() == null;
                    case Mapping.Transcoder transcoder ->
                        transcoder.skip() == (weights.skip() != null) && !subtractsDecoderBias;
                    case Mapping.Crosscoder crosscoder ->
                        weights.skip() == null && crosscoder.width() == weights.width();
                };
        if (!fits || weights.outputWidth() != mapping.outputWidth(weights.width())) {
            throw new IllegalArgumentException(
                    "weights from " + weights.encoder().shape() + " to "
                            + weights.decoder().shape() + (weights.skip() == null ? "" : " with a skip connection")
                            + " don't fit a " + mapping
                            + (subtractsDecoderBias ? ", whose encoder is to see x - b_dec" : ""));
        }
    }

    /** The same weights with another rule. They are shared: close only one of the two. */
    public Sae with(Sparsity rule) {
        return new Sae(device, weights, rule, subtractsDecoderBias, normalization, mapping, configuration);
    }

    /**
     * Reads an SAE from a folder in SAELens's format. {@code dev.darien.interop.SaeFile} reads that of other projects.
     *
     * @throws dev.darien.data.DataException if the folder holds no SAE that Darien can read; says why
     */
    public static Sae load(Path folder, Device device) {
        return SaeFolder.load(folder, device);
    }

    /**
     * Writes {@code cfg.json} and {@code sae_weights.safetensors} as SAELens reads them. Each file is written aside and
     * renamed.
     *
     * @throws dev.darien.data.DataException if it can't be written
     */
    public void save(Path folder) {
        SaeFolder.save(this, folder);
    }

    /** The codes of {@code x}, one row each, in memory that Java can read; the caller closes them. */
    public SparseCodes encode(Matrix x) {
        try (SaeInference inference = new SaeInference(this, x.intRows())) {
            return inference.encodeAll(x);
        }
    }

    /** The codes of {@code activations}, rows of length {@link #width()}; the caller closes them. */
    public SparseCodes encode(float[][] activations) {
        try (Matrix x = device.staging("activations", DType.F32, activations.length, width())) {
            for (int row = 0; row < activations.length; row++) {
                x.setRow(row, activations[row]);
            }
            return encode(x);
        }
    }

    /**
     * The reconstructions of {@code codes}, F32[rows, d'], in memory that Java can read; the caller closes the matrix.
     *
     * @param codes in the host's memory, as {@link #encode} returns them
     * @throws IllegalStateException if the SAE normalises each activation vector or has a skip connection: codes alone don't
     *     say what it was. {@link #inference} remembers it.
     */
    @Override
    public Matrix decode(SparseCodes codes) {
        if (normalization != RowNormalization.NONE) {
            throw new IllegalStateException("the SAE normalises each activation vector (" + normalization.id()
                    + "), so that codes alone don't say what they were made of; encode and decode with inference()");
        }
        if (weights.skip() != null) {
            throw new IllegalStateException(
                    "the transcoder has a skip connection, so that codes alone don't say all that"
                            + " it decodes; encode and decode with inference()");
        }
        return Autoencoder.super.decode(codes);
    }

    @Override
    public Inference inference(int maxRows) {
        return new SaeInference(this, maxRows);
    }

    @Override
    public List<Sae> members() {
        return List.of(this);
    }

    @Override
    public Device device() {
        return device;
    }

    public SaeWeights weights() {
        return weights;
    }

    public Sparsity sparsity() {
        return sparsity;
    }

    /** The threshold with which a TopK SAE can encode as {@link JumpRelu} too, if it has one: {@code with(new JumpRelu(0))}. */
    public OptionalDouble spareThreshold() {
        @Nullable Matrix thresholds = weights.thresholds();
        if (thresholds == null || !(sparsity instanceof TopK)) {
            return OptionalDouble.empty();
        }
        try (Matrix host = device.staging("threshold", DType.F32, 1, latents())) {
            device.download(thresholds, host);
            return OptionalDouble.of(host.get(0, 0));
        }
    }

    /** Whether the encoder sees {@code x - b_dec}. */
    public boolean subtractsDecoderBias() {
        return subtractsDecoderBias;
    }

    @Override
    public Mapping mapping() {
        return mapping;
    }

    @Override
    public RowNormalization normalization() {
        return normalization;
    }

    /** The rest of the configuration, as in {@code cfg.json}. */
    public Map<String, Object> configuration() {
        return configuration;
    }

    @Override
    public int latents() {
        return weights.latents();
    }

    @Override
    public Matrix decoder() {
        return weights.decoder();
    }

    @Override
    public Matrix decoderBias() {
        return weights.decoderBias();
    }

    @Override
    public int width() {
        return weights.width();
    }

    @Override
    public void close() {
        weights.close();
    }
}
