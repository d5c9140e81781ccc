// SPDX-License-Identifier: Apache-2.0
package dev.darien.ensemble;

import dev.darien.device.Device;
import dev.darien.device.Kernels;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.sae.Gated;
import dev.darien.sae.HostWeights;
import dev.darien.sae.JumpRelu;
import dev.darien.sae.Relu;
import dev.darien.sae.Sae;
import dev.darien.sae.SaeWeights;
import dev.darien.sae.Sparsity;
import java.util.List;
import java.util.Map;

/**
 * An ensemble as one SAE. Of a bagging with J members whose rule compares each latent with a threshold of its own,
 * {@code relu(W·x + b)/J = relu((W/J)·x + b/J)}: encoders, their biases and thresholds are divided by J, and what a member
 * subtracts from its input is folded into its bias.
 */
final class SingleSae {
    private SingleSae() {}

    static Sae of(Ensemble ensemble) {
        List<Sae> members = ensemble.members();
        Sae first = members.getFirst();
        boolean only = members.size() == 1;
        if (!only) {
            refuse(ensemble);
        }
        Sparsity rule = only || members.stream().allMatch(member -> member.sparsity() instanceof Relu)
                ? first.sparsity()
                : new JumpRelu(0);
        Device device = first.device();
        SaeWeights out =
                SaeWeights.allocate(device.memory(), ensemble.latents(), ensemble.width(), rule.hasThresholds());
        try {
            device.kernels().convert(ensemble.decoder(), 1, null, out.decoder());
            device.kernels().convert(ensemble.decoderBias(), 1, null, out.decoderBias());
            int at = 0;
            for (Sae member : members) {
                copy(member, ensemble.kind().weight(members.size()), !only, out, at);
                at += member.latents();
            }
        } catch (RuntimeException | Error e) {
            out.close();
            throw e;
        }
        return new Sae(device, out, rule, only && first.subtractsDecoderBias(), Map.of());
    }

    private static void refuse(Ensemble ensemble) {
        if (ensemble.kind() == EnsembleKind.BOOSTING) {
            throw new IllegalStateException("a boosted ensemble is no single SAE: each member encodes what those before"
                    + " it have left of the activations, which no one encoder can");
        }
        for (Sae member : ensemble.members()) {
            Sparsity rule = member.sparsity();
            if (!(rule instanceof Relu || rule instanceof JumpRelu || rule instanceof Gated)) {
                throw new IllegalStateException("a bagging of " + rule.id() + " SAEs is no single SAE: each member"
                        + " selects among its own latents, where one SAE would select among all of them");
            }
        }
    }

    /** Copies a member to the latents from {@code at} on. */
    private static void copy(Sae member, float weight, boolean fold, SaeWeights out, int at) {
        Device device = member.device();
        Kernels kernels = device.kernels();
        int count = member.latents();
        kernels.convert(member.weights().encoder(), weight, null, out.encoder().slice(at, count));
        Matrix thresholds = member.weights().thresholds();
        if (out.thresholds() != null && thresholds != null) {
            kernels.convert(thresholds, weight, null, out.thresholds().columnSlice(at, count));
        }
        try (HostWeights host = HostWeights.of(member);
                Matrix bias = device.staging("encoder bias", DType.F32, 1, count)) {
            boolean subtracts = fold && member.subtractsDecoderBias();
            float[] centre = host.weights().decoderBias().toArray(0);
            for (int latent = 0; latent < count; latent++) {
                double sum = host.weights().encoderBias().get(0, latent);
                if (subtracts) {
                    float[] row = host.weights().encoder().toArray(latent);
                    for (int i = 0; i < row.length; i++) {
                        sum -= (double) row[i] * centre[i];
                    }
                }
                bias.set(0, latent, (float) (weight * sum));
            }
            kernels.convert(bias, 1, null, out.encoderBias().columnSlice(at, count));
        }
    }
}
