// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import dev.darien.device.Kernels;
import dev.darien.device.LatentTerms;
import dev.darien.memory.Allocator;
import dev.darien.memory.Closing;
import dev.darien.memory.Matrix;
import dev.darien.memory.Owned;
import dev.darien.memory.SparseCodes;
import dev.darien.train.StepWorkspace.Chunk;
import java.util.IdentityHashMap;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The loss of a gated SAE (Rajamanoharan et al. 2024, "Gated SAEs", equation 8): the error of the magnitudes' reconstruction,
 * {@code λ·Σ relu(π_gate)}, and the error of the reconstruction from {@code relu(π_gate)} with the decoder held constant,
 * which trains gates and, through the encoder's centring, the decoder's bias. Magnitudes and gates share their entries.
 */
final class GatedBackward implements Backward {
    /** The two selections of a chunk: what is reconstructed from, and the gates. */
    private record Parts(LatentTerms magnitudes, LatentTerms gates, Matrix gateResidual, Matrix gateErrors) {}

    private final StepContext context;
    private final LearnerState.Gate gate;
    private final Owned owned = new Owned();
    private final IdentityHashMap<Chunk, Parts> parts = new IdentityHashMap<>();
    /** F32[1, F]: gradients of what the shared product adds to magnitudes. */
    private final Matrix productGradient;

    GatedBackward(StepContext context) {
        this.context = context;
        this.gate = Objects.requireNonNull(context.state().gate);
        Allocator memory = context.memory();
        int width = context.state().weights.width();
        int latents = context.state().weights.latents();
        Chunk largest = context.workspace().chunks.getFirst();
        int capacity = largest.terms().codeGradients().columns();
        int rows = largest.rowErrors().columns();
        try {
            productGradient = owned.add(memory.vector("product gradient", latents));
            Matrix magnitudes = owned.add(memory.vector("magnitudes", capacity));
            Matrix gateGradients = owned.add(memory.vector("gate gradients", capacity));
            Matrix gateResidual = owned.add(memory.matrix("gate residual", rows, width));
            Matrix gateErrors = owned.add(memory.vector("gate errors", rows));
            // The decoder is constant there: no error reaches its rows.
            Matrix nothing = owned.add(memory.matrix("no residual", rows, width));
            for (Chunk chunk : context.workspace().chunks) {
                LatentTerms terms = chunk.terms();
                SparseCodes gates = terms.codes();
                SparseCodes active = new SparseCodes(gates.offsets(), gates.indices(), magnitudes, latents);
                parts.put(
                        chunk,
                        new Parts(
                                new LatentTerms(
                                        active,
                                        terms.groups(),
                                        terms.codeGradients(),
                                        terms.input(),
                                        terms.residual(),
                                        terms.scale()),
                                new LatentTerms(
                                        gates,
                                        terms.groups(),
                                        gateGradients,
                                        terms.input(),
                                        nothing.slice(0, gates.rows()),
                                        terms.scale()),
                                gateResidual.slice(0, gates.rows()),
                                gateErrors.prefix(gates.rows())));
            }
        } catch (RuntimeException | Error e) {
            Closing.after(e, this);
            throw e;
        }
    }

    @Override
    public SparseCodes run(Chunk chunk, @Nullable Matrix decodeBias, double penalty, boolean first) {
        Parts part = Objects.requireNonNull(parts.get(chunk));
        Kernels kernels = context.kernels();
        LearnerState state = context.state();
        LatentTerms magnitudes = part.magnitudes();
        LatentTerms gates = part.gates();
        Matrix decoder = state.weights.decoder();
        kernels.gatedMagnitudes(
                gates.codes(),
                state.encoderBias.value(),
                gate.logScale().value(),
                gate.magnitudeBias().value(),
                magnitudes.codes().values());
        kernels.reconstruct(
                magnitudes.codes(),
                decoder,
                decodeBias,
                chunk.target(),
                1,
                chunk.residual(),
                chunk.rowErrors(),
                magnitudes.codeGradients());
        kernels.reconstruct(
                gates.codes(),
                decoder,
                decodeBias,
                chunk.target(),
                1,
                part.gateResidual(),
                part.gateErrors(),
                gates.codeGradients());
        kernels.addStatistics(part.gateErrors(), gates.codes(), context.workspace().further);
        // Code gradients are scaled by 2/B later: half of λ here is λ/B there.
        kernels.addL1(gates.codes(), null, (float) (penalty / 2), gates.codeGradients(), context.workspace().penalty);
        kernels.groupByLatent(gates.codes(), gates.groups());
        kernels.gatedGradient(
                magnitudes,
                gate.logScale().value(),
                gate.magnitudeBias().value(),
                !first,
                gate.logScale().gradient(),
                gate.magnitudeBias().gradient());
        kernels.encoderBiasGradient(gates, !first, state.encoderBias.gradient());
        kernels.encoderBiasGradient(magnitudes, !first, productGradient);
        context.latentGradients(magnitudes, 0);
        context.latentGradients(gates, 0);
        return magnitudes.codes();
    }

    @Override
    public void skipGradient(Matrix gradient) {
        throw new IllegalStateException("gated has no transcoder");
    }

    @Override
    public void decoderBiasGradient(boolean centred, Matrix gradient) {
        context.kernels()
                .weightedRowSum(
                        null,
                        context.workspace().residual,
                        2f / context.options().batch(),
                        false,
                        gradient);
        if (centred) {
            context.throughTheEncoder(context.state().encoderBias.gradient(), gradient);
            context.throughTheEncoder(productGradient, gradient);
        }
    }

    @Override
    public double loss(double squaredError, double further) {
        return squaredError + further;
    }

    @Override
    public void close() {
        owned.close();
    }
}
