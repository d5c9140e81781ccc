// SPDX-License-Identifier: Apache-2.0
package dev.darien.sae;

import dev.darien.data.DataException;
import dev.darien.data.Tensor;
import dev.darien.data.TensorRows;
import dev.darien.device.Device;
import dev.darien.memory.Closing;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Puts an SAE together from the tensors of a file: weights by role, wherever they lie and in whatever layout. A format
 * says which tensor plays which role and what has to be folded; {@link #load} then converts the two matrices block by
 * block, straight from the file to the device, so that no second copy of them is ever held.
 */
public final class SaeLoader {
    private static final int BLOCK_ELEMENTS = 1 << 20;
    /** Decoder rows of length 0 are treated as if they were this long, as SAELens does. */
    private static final double SHORTEST = 1e-8;

    private final Tensor encoder;
    private final int latents;
    private final int width;
    private @Nullable Tensor decoder;
    private @Nullable Tensor skip;
    private Mapping mapping = new Mapping.Identity();
    private double[] encoderBias;
    private double[] decoderBias;
    private double[] thresholds;
    private final double[] encoderScale;
    private final double[] decoderScale;
    private Sparsity sparsity = new Relu();
    private boolean spareThreshold;
    private boolean subtractsDecoderBias;
    private RowNormalization normalization = RowNormalization.NONE;
    private Map<String, Object> configuration = Map.of();
    private final List<String> notes = new ArrayList<>();

    /**
     * Begins with the encoder.
     *
     * @param encoder [F, d]; {@link Tensor#transposed()} where the file has [d, F]
     * @throws DataException if it isn't a matrix of floating-point numbers
     */
    public SaeLoader(Tensor encoder) {
        List<Long> shape = encoder.shape();
        if (shape.size() != 2 || shape.stream().anyMatch(size -> size < 1 || size > Integer.MAX_VALUE - 8)) {
            throw new DataException(encoder.what() + " has the shape " + shape + ", which isn't that of an encoder");
        }
        requireFloating(encoder);
        this.encoder = encoder;
        this.latents = shape.getFirst().intValue();
        this.width = shape.getLast().intValue();
        this.encoderBias = new double[latents];
        this.decoderBias = new double[width];
        this.thresholds = new double[latents];
        this.encoderScale = filled(latents, 1);
        this.decoderScale = filled(latents, 1);
    }

    private static double[] filled(int length, double value) {
        double[] values = new double[length];
        Arrays.fill(values, value);
        return values;
    }

    private static void requireFloating(Tensor tensor) {
        if (!tensor.isFloating()) {
            throw new DataException(
                    tensor.what() + " is of type " + tensor.dtype() + " where F32, F16, BF16 or F64 was expected");
        }
    }

    /** Number of latents, F. */
    public int latents() {
        return latents;
    }

    /** Width of the activations, d. */
    public int width() {
        return width;
    }

    /** What is mapped to what, so far. */
    public Mapping mapping() {
        return mapping;
    }

    /** Width of what is decoded, d'. */
    public int outputWidth() {
        return mapping.outputWidth(width);
    }

    // ------------------------------------------------------------------------------------------------------ roles

    /** Says what is mapped to what, before the decoder is set; without it, activations to themselves. */
    public SaeLoader mapping(Mapping value) {
        mapping = value;
        decoderBias = new double[outputWidth()];
        return this;
    }

    /**
     * Sets the skip connection of a transcoder, [d', d].
     *
     * @throws DataException if it has another shape
     */
    public SaeLoader skip(Tensor tensor) {
        requireFloating(tensor);
        if (!tensor.shape().equals(List.of((long) outputWidth(), (long) width))) {
            throw new DataException(tensor.what() + " has the shape " + tensor.shape() + " where [" + outputWidth()
                    + ", " + width + "] was expected");
        }
        skip = tensor;
        return this;
    }

    /**
     * Sets the decoder, [F, d'].
     *
     * @throws DataException if it has another shape than the encoder
     */
    public SaeLoader decoder(Tensor tensor) {
        requireFloating(tensor);
        if (!tensor.shape().equals(List.of((long) latents, (long) outputWidth()))) {
            throw new DataException("%s has the shape %s, which doesn't fit the encoder '%s' of %d latents and width %d"
                    .formatted(tensor.what(), tensor.shape(), encoder.name(), latents, outputWidth()));
        }
        decoder = tensor;
        return this;
    }

    /** Sets the encoder's bias, [F]; without one it is 0. */
    public SaeLoader encoderBias(Tensor tensor) {
        encoderBias = perLatent(tensor);
        return this;
    }

    /** Sets the decoder's bias, [d']; without one it is 0. */
    public SaeLoader decoderBias(Tensor tensor) {
        decoderBias = vector(tensor, outputWidth());
        return this;
    }

    /** Sets the rule by which latents are selected, one that works row by row; without one it is ReLU. */
    public SaeLoader sparsity(Sparsity rule) {
        if (rule.k() > latents && !rule.isTied()) {
            throw new DataException(encoder.what() + " has only " + latents + " latents, but k is " + rule.k());
        }
        sparsity = rule;
        return this;
    }

    /** Selects what exceeds a threshold of its own, [F]. */
    public SaeLoader thresholds(double[] perLatent) {
        thresholds = perLatent.clone();
        return sparsity(new JumpRelu(0));
    }

    /** Selects what exceeds a common threshold. */
    public SaeLoader threshold(double value) {
        return thresholds(filled(latents, value));
    }

    /** Gives a rule without thresholds one with which it can be used as JumpReLU, see {@link Sae#spareThreshold()}. */
    public SaeLoader spareThreshold(double value) {
        thresholds = filled(latents, value);
        spareThreshold = true;
        return this;
    }

    /** Says that the encoder sees {@code x - b_dec}; without it, that it sees x. */
    public SaeLoader subtractsDecoderBias(boolean subtracts) {
        subtractsDecoderBias = subtracts;
        return this;
    }

    /** Sets what is done to each activation vector; without it nothing is. */
    public SaeLoader normalization(RowNormalization kind) {
        normalization = kind;
        return this;
    }

    /** Sets what the file says beyond the weights, in the terms of SAELens's {@code cfg.json}. */
    public SaeLoader configuration(Map<String, Object> entries) {
        configuration = entries;
        return this;
    }

    /** The rule, so far. */
    public Sparsity sparsity() {
        return sparsity;
    }

    /** What is done to each activation vector, so far. */
    public RowNormalization normalization() {
        return normalization;
    }

    /** What the file says beyond the weights. */
    public Map<String, Object> configuration() {
        return configuration;
    }

    /** Sentences on what was folded, guessed or left out. */
    public List<String> notes() {
        return notes;
    }

    /** Adds a sentence to {@link #notes()}. */
    public SaeLoader note(String sentence) {
        notes.add(sentence);
        return this;
    }

    /**
     * A tensor of one number for each latent.
     *
     * @throws DataException if it is another
     */
    public double[] perLatent(Tensor tensor) {
        return vector(tensor, latents);
    }

    private static double[] vector(Tensor tensor, int length) {
        requireFloating(tensor);
        if (!tensor.shape().equals(List.of((long) length))) {
            throw new DataException(
                    tensor.what() + " has the shape " + tensor.shape() + " where [" + length + "] was expected");
        }
        return FiniteWeights.requireNumbers(tensor);
    }

    // ---------------------------------------------------------------------------------------------------- folding

    /**
     * The SAE works on {@code in · x} and its output is to be divided by {@code out}: W_enc · in, W_dec / out, b_dec /
     * out. Thresholds compare pre-activations, which stay as they are.
     */
    public SaeLoader foldScale(double in, double out) {
        multiply(encoderScale, in);
        multiply(decoderScale, 1 / out);
        multiply(decoderBias, 1 / out);
        return this;
    }

    /** W_enc · encoder and W_dec · decoder, and nothing else. */
    public SaeLoader scaleMatrices(double encoderFactor, double decoderFactor) {
        multiply(encoderScale, encoderFactor);
        multiply(decoderScale, decoderFactor);
        return this;
    }

    /** Codes are multiplied by {@code perLatent} before they are decoded. */
    public SaeLoader scaleDecoder(double[] perLatent) {
        multiply(decoderScale, perLatent);
        return this;
    }

    /** The length of each latent's decoder row, with what has been folded so far. */
    public double[] decoderNorms() {
        double[] norms = new double[latents];
        try (Arena arena = Arena.ofConfined();
                TensorRows rows = requireDecoder().rows()) {
            int columns = outputWidth();
            int block = blockRows(columns);
            Matrix values =
                    Matrix.of(arena.allocate((long) block * columns * Float.BYTES, 64), DType.F32, block, columns);
            for (int first = 0; first < latents; first += block) {
                Matrix part = values.slice(0, Math.min(block, latents - first));
                rows.read(first, part);
                for (int row = 0; row < part.rows(); row++) {
                    double sum = 0;
                    for (int column = 0; column < columns; column++) {
                        double value = part.get(row, column);
                        sum += value * value;
                    }
                    norms[first + row] = Math.sqrt(sum) * Math.abs(decoderScale[first + row]);
                }
            }
        }
        return norms;
    }

    /**
     * Gives each latent a decoder row of length 1 and codes that are as much larger: W_dec / n, W_enc · n, b_enc · n.
     *
     * @param withThresholds whether thresholds are in units of the codes before ({@code · n}); else they are in units of
     *     those after
     */
    public SaeLoader foldDecoderNorms(boolean withThresholds) {
        double[] norms = decoderNorms();
        for (int latent = 0; latent < latents; latent++) {
            double norm = Math.max(SHORTEST, norms[latent]);
            encoderScale[latent] *= norm;
            encoderBias[latent] *= norm;
            decoderScale[latent] /= norm;
            thresholds[latent] *= withThresholds ? norm : 1;
        }
        return note("the lengths of the decoder rows were folded into the encoder");
    }

    /** Multiplies each latent's threshold. */
    public SaeLoader scaleThresholds(double[] perLatent) {
        multiply(thresholds, perLatent);
        return this;
    }

    /**
     * A gated encoder with shared weights (Rajamanoharan et al. 2024, "Gated SAEs", section 3.2 and appendix): the gate
     * {@code u + b_gate > 0} and the magnitude {@code relu(e^r·u + b_mag)} are JumpReLU with weights {@code e^r·W}, bias
     * {@code b_mag} and threshold {@code b_mag - e^r·b_gate}, since u is the same in both.
     */
    public SaeLoader gated(double[] magnitudeScale, double[] gateBias, double[] magnitudeBias) {
        double[] derived = new double[latents];
        for (int latent = 0; latent < latents; latent++) {
            double factor = Math.exp(magnitudeScale[latent]);
            encoderScale[latent] *= factor;
            encoderBias[latent] = magnitudeBias[latent];
            derived[latent] = magnitudeBias[latent] - factor * gateBias[latent];
        }
        return thresholds(derived).note("the gate was folded into thresholds; gated SAEs are JumpReLU SAEs");
    }

    private static void multiply(double[] values, double factor) {
        for (int i = 0; i < values.length; i++) {
            values[i] *= factor;
        }
    }

    private static void multiply(double[] values, double[] factors) {
        for (int i = 0; i < values.length; i++) {
            values[i] *= factors[i];
        }
    }

    // ---------------------------------------------------------------------------------------------------- loading

    /**
     * The SAE on {@code device}; the caller closes it. The file may be closed then.
     *
     * @throws DataException if a weight is NaN or infinite in single precision; a threshold may be infinite
     */
    public Sae load(Device device) {
        SaeWeights weights = SaeWeights.allocate(
                device.memory(), latents, width, mapping, sparsity.hasThresholds() || spareThreshold);
        try {
            copy(device, encoder, encoderScale, weights.encoder());
            copy(device, requireDecoder(), decoderScale, weights.decoder());
            copy(device, FiniteWeights.require(encoder, "encoder's bias", encoderBias), weights.encoderBias());
            copy(device, FiniteWeights.require(encoder, "decoder's bias", decoderBias), weights.decoderBias());
            if (skip != null && weights.skip() != null) {
                copy(device, skip, filled(outputWidth(), 1), weights.skip());
            }
            @Nullable Matrix target = weights.thresholds();
            if (target != null) {
                copy(device, FiniteWeights.requireThresholds(encoder, thresholds), target);
            }
            return new Sae(device, weights, sparsity, subtractsDecoderBias, normalization, mapping, configuration);
        } catch (RuntimeException | Error e) {
            Closing.after(e, weights);
            throw e;
        }
    }

    private Tensor requireDecoder() {
        if (decoder == null) {
            throw new IllegalStateException("no decoder has been set");
        }
        return decoder;
    }

    private static int blockRows(int columns) {
        return Math.max(16, BLOCK_ELEMENTS / columns);
    }

    private void copy(Device device, Tensor from, double[] scales, Matrix to) {
        int columns = to.columns();
        int all = to.intRows();
        int block = Math.min(all, blockRows(columns));
        try (TensorRows rows = from.rows();
                @Nullable Matrix staging = to.isHost() ? null : device.staging("weights", DType.F32, block, columns)) {
            for (int first = 0; first < all; first += block) {
                int count = Math.min(block, all - first);
                Matrix target = to.slice(first, count);
                Matrix part = staging == null ? target : staging.slice(0, count);
                rows.read(first, part);
                scale(part, scales, first);
                FiniteWeights.require(part, from, first);
                if (staging != null) {
                    device.upload(part, target);
                }
            }
        }
    }

    private static void scale(Matrix rows, double[] scales, int first) {
        for (int row = 0; row < rows.rows(); row++) {
            double scale = scales[first + row];
            if (scale != 1) {
                for (int column = 0; column < rows.columns(); column++) {
                    rows.set(row, column, (float) (rows.get(row, column) * scale));
                }
            }
        }
    }

    private static void copy(Device device, double[] from, Matrix to) {
        try (Matrix staging = device.staging("weights", DType.F32, 1, from.length)) {
            for (int i = 0; i < from.length; i++) {
                staging.set(0, i, (float) from[i]);
            }
            device.upload(staging, to);
        }
    }
}
