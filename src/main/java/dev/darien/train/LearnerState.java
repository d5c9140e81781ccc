// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import dev.darien.device.Device;
import dev.darien.device.Kernels;
import dev.darien.device.LatentRows;
import dev.darien.memory.Allocator;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.sae.Gated;
import dev.darien.sae.GradientTopK;
import dev.darien.sae.JumpRelu;
import dev.darien.sae.RowNormalization;
import dev.darien.sae.Sae;
import dev.darien.sae.SaeWeights;
import dev.darien.sae.Sparsity;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What a run has learnt so far, on the device: all of it goes into a checkpoint, and nothing else does. */
final class LearnerState implements AutoCloseable {
    /** Whether the decoder's rows are the encoder's too, whose own then mean nothing. */
    final boolean tied;

    final SaeWeights weights;
    final LatentRows rows;
    final LatentRows firstMoments;
    final LatentRows secondMoments;
    final Parameter encoderBias;
    final Parameter decoderBias;
    final @Nullable Parameter thresholds;
    /** -W_skip of a skip connection, F32[d', d]: what is left of a target is then {@code y + x·(-W_skip)ᵀ}. */
    final @Nullable Parameter negatedSkip;

    final @Nullable Gate gate;
    /** F32[1, F]: which latents the loss on pre-activations takes for dead. */
    final @Nullable Matrix deadMask;
    /** I32[1, F]: the step at which each latent last fired. */
    final Matrix lastFired;
    /** F32[1, 1]: running mean of the smallest value that a batch-wide selection kept. */
    final Matrix thresholdAverage;

    /**
     * What a gated encoder has beside its gate, whose bias is the encoder's.
     *
     * @param logScale r
     * @param magnitudeBias b_mag
     */
    record Gate(Parameter logScale, Parameter magnitudeBias) implements AutoCloseable {
        static Gate allocate(Allocator memory, int latents) {
            return new Gate(
                    Parameter.of(memory, "magnitude scale", memory.vector("magnitude scale", latents)),
                    Parameter.of(memory, "magnitude bias", memory.vector("magnitude bias", latents)));
        }

        @Override
        public void close() {
            for (Parameter parameter : List.of(magnitudeBias, logScale)) {
                parameter.close();
                parameter.value().close();
            }
        }
    }

    LearnerState(Allocator memory, TrainingOptions options, int width) {
        int latents = options.latents();
        tied = options.sparsity().isTied();
        weights =
                SaeWeights.allocate(memory, latents, width, options.mapping(), options.sparsity() instanceof JumpRelu);
        int outputWidth = weights.outputWidth();
        rows = new LatentRows(weights.encoder(), weights.decoder());
        firstMoments = new LatentRows(
                memory.matrix("encoder first moment", latents, width),
                memory.matrix("decoder first moment", latents, outputWidth));
        secondMoments = new LatentRows(
                memory.matrix("encoder second moment", latents, width),
                memory.matrix("decoder second moment", latents, outputWidth));
        encoderBias = Parameter.of(memory, "encoder bias", weights.encoderBias());
        decoderBias = Parameter.of(memory, "decoder bias", weights.decoderBias());
        Matrix thresholdValues = weights.thresholds();
        thresholds = thresholdValues == null ? null : Parameter.of(memory, "thresholds", thresholdValues);
        Matrix skip = weights.skip();
        negatedSkip = skip == null ? null : Parameter.of(memory, "skip connection", skip);
        gate = options.sparsity() instanceof Gated ? Gate.allocate(memory, latents) : null;
        deadMask = options.preActivationLoss() > 0 ? memory.vector("dead latents", latents) : null;
        lastFired = memory.matrix("last fired", DType.I32, 1, latents);
        thresholdAverage = memory.vector("threshold average", 1);
    }

    /** Every matrix by the name that it has in a checkpoint. */
    Map<String, Matrix> named() {
        Map<String, Matrix> all = new LinkedHashMap<>();
        all.put("encoder", rows.encoder());
        all.put("encoder.m", firstMoments.encoder());
        all.put("encoder.v", secondMoments.encoder());
        all.put("decoder", rows.decoder());
        all.put("decoder.m", firstMoments.decoder());
        all.put("decoder.v", secondMoments.decoder());
        put(all, "encoder_bias", encoderBias);
        put(all, "decoder_bias", decoderBias);
        if (thresholds != null) {
            put(all, "thresholds", thresholds);
        }
        if (negatedSkip != null) {
            put(all, "negated_skip", negatedSkip);
        }
        if (gate != null) {
            put(all, "magnitude_scale", gate.logScale());
            put(all, "magnitude_bias", gate.magnitudeBias());
        }
        if (deadMask != null) {
            all.put("dead_latents", deadMask);
        }
        all.put("last_fired", lastFired);
        all.put("threshold_average", thresholdAverage);
        return all;
    }

    /** What the encoder is packed from. */
    Matrix encoding() {
        return tied ? weights.decoder() : weights.encoder();
    }

    /** Everything that is trained and isn't a row for each latent. */
    List<Parameter> parameters() {
        List<Parameter> all = new ArrayList<>(List.of(encoderBias, decoderBias));
        if (thresholds != null) {
            all.add(thresholds);
        }
        if (negatedSkip != null) {
            all.add(negatedSkip);
        }
        if (gate != null) {
            all.add(gate.logScale());
            all.add(gate.magnitudeBias());
        }
        return all;
    }

    /** Puts Σ w² over all weights into {@code sum}, F64[1, 1]. */
    void squaredNorm(Kernels kernels, Matrix sum) {
        kernels.squaredNorm(encoding(), null, null, false, sum);
        kernels.squaredNorm(rows.decoder(), null, null, true, sum);
        for (Parameter parameter : parameters()) {
            kernels.squaredNorm(parameter.value(), null, null, true, sum);
        }
    }

    private static void put(Map<String, Matrix> all, String name, Parameter parameter) {
        all.put(name, parameter.value());
        all.put(name + ".m", parameter.firstMoment());
        all.put(name + ".v", parameter.secondMoment());
    }

    /**
     * A copy of the weights as an SAE for unscaled activations; the caller closes it.
     *
     * @param latentThresholds those of a run that selected by latent, scaled, or null
     * @param layout what activations were multiplied by in training
     */
    Sae toSae(
            Device device,
            TrainingOptions options,
            BatchLayout layout,
            @Nullable Matrix latentThresholds,
            Map<String, Object> configuration) {
        Sparsity inference = options.sparsity().inference();
        SaeWeights out = SaeWeights.allocate(
                device.memory(),
                weights.latents(),
                weights.width(),
                options.mapping(),
                inference.hasThresholds() || options.sparsity() instanceof GradientTopK);
        Unscaling unscaling = new Unscaling(options.mapping(), layout);
        try {
            unscaling.convert(device.kernels(), weights, out);
            convertTo(out, device, unscaling.ofCodes(), latentThresholds);
        } catch (RuntimeException | Error e) {
            out.close();
            throw e;
        }
        return new Sae(
                device,
                out,
                inference,
                options.subtractDecoderBias(),
                RowNormalization.NONE,
                unscaling.scaled(),
                configuration);
    }

    private void convertTo(SaeWeights out, Device device, float unscale, @Nullable Matrix latentThresholds) {
        Kernels kernels = device.kernels();
        kernels.convert(weights.encoderBias(), unscale, null, out.encoderBias());
        if (tied) {
            kernels.convert(out.decoder(), 1, null, out.encoder());
        }
        if (gate != null) {
            GateFolding.fold(device, weights, gate, unscale, out);
        } else if (out.thresholds() != null) {
            if (latentThresholds != null) {
                kernels.convert(latentThresholds, unscale, null, out.thresholds());
                kernels.clampBelow(out.thresholds(), 0);
            } else if (thresholds != null) {
                kernels.convert(thresholds.value(), unscale, null, out.thresholds());
            } else {
                try (Matrix average = device.staging("threshold", DType.F32, 1, 1)) {
                    device.download(thresholdAverage, average);
                    kernels.fill(out.thresholds(), average.get(0, 0) * unscale);
                }
            }
        }
    }

    @Override
    public void close() {
        thresholdAverage.close();
        lastFired.close();
        if (deadMask != null) {
            deadMask.close();
        }
        if (gate != null) {
            gate.close();
        }
        if (negatedSkip != null) {
            negatedSkip.close();
        }
        if (thresholds != null) {
            thresholds.close();
        }
        decoderBias.close();
        encoderBias.close();
        secondMoments.close();
        firstMoments.close();
        weights.close();
    }
}
