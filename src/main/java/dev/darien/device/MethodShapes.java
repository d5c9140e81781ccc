// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import org.jspecify.annotations.Nullable;

/** The argument checks of the kernels that single methods need, as {@link Shapes} makes those of the others. */
final class MethodShapes {
    private final Shapes shapes;

    MethodShapes(Shapes shapes) {
        this.shapes = shapes;
    }

    void encodeGroupMax(Matrix x, PackedEncoder encoder, int groups, @Nullable DeadSelection dead, SparseCodes codes) {
        if (groups < 1 || groups > encoder.latents()) {
            throw new IllegalArgumentException(
                    encoder.latents() + " latents can't be parted into " + groups + " groups");
        }
        shapes.encodeTopK(x, encoder, groups, dead, codes);
    }

    void encodeDead(Matrix x, PackedEncoder encoder, DeadSelection dead) {
        shapes.encode(x, encoder, dead.codes());
        shapes.deadSelection(x, encoder, dead);
    }

    void encodeFeatureChoice(Matrix x, PackedEncoder encoder, Matrix budgets, SparseCodes codes, Matrix smallestKept) {
        shapes.encode(x, encoder, codes);
        shapes.matrix("budgets", budgets, DType.I32, 1, encoder.latents());
        shapes.vector("smallestKept", smallestKept, encoder.latents());
    }

    void encodeMatchingPursuit(
            Matrix x, PackedEncoder dictionary, Pursuit limits, @Nullable PursuitSteps steps, SparseCodes codes) {
        // A row has no more codes than a selection of as many latents.
        shapes.encodeTopK(x, dictionary, limits.steps(), null, codes);
        if (steps != null) {
            shapes.matrix("steps.latents", steps.latents(), DType.I32, limits.steps(), x.intRows());
            shapes.matrix("steps.values", steps.values(), DType.F32, limits.steps(), x.intRows());
        }
    }

    void addDecoded(SparseCodes codes, Matrix factors, Matrix wDec, Matrix rows) {
        shapes.decode(codes, wDec, null, rows);
        shapes.perEntry("factors", factors, DType.F32, codes.capacity());
    }

    void attributionStrength(Matrix gradients, PackedEncoder directions, float beta, Matrix strength) {
        shapes.matrix("gradients", gradients, DType.F32, gradients.rows(), directions.width());
        shapes.vector("strength", strength, 1);
        if (!(beta >= 0) || Float.isInfinite(beta)) {
            throw new IllegalArgumentException("beta must be finite and not negative, not " + beta);
        }
    }

    void encodeGradientTopK(
            Matrix x,
            PackedEncoder encoder,
            Matrix gradients,
            PackedEncoder directions,
            Matrix strength,
            int k,
            @Nullable DeadSelection dead,
            SparseCodes codes) {
        if (directions == encoder || directions.latents() != encoder.latents()) {
            throw new IllegalArgumentException("gradients need the directions of the same " + encoder.latents()
                    + " latents, packed apart from the encoder");
        }
        shapes.encodeTopK(x, encoder, k, dead, codes);
        shapes.matrix("gradients", gradients, DType.F32, x.rows(), directions.width());
        shapes.vector("strength", strength, 1);
    }

    void gatedMagnitudes(SparseCodes gates, Matrix gateBias, Matrix logScale, Matrix magnitudeBias, Matrix magnitudes) {
        shapes.codes("gates", gates, gates.rows(), gates.latents());
        shapes.vector("gateBias", gateBias, gates.latents());
        shapes.vector("logScale", logScale, gates.latents());
        shapes.vector("magnitudeBias", magnitudeBias, gates.latents());
        shapes.perEntry("magnitudes", magnitudes, DType.F32, gates.capacity());
    }

    void gatedGradient(
            LatentTerms terms, Matrix logScale, Matrix magnitudeBias, Matrix scaleGradient, Matrix biasGradient) {
        shapes.terms(terms);
        int latents = terms.codes().latents();
        shapes.vector("logScale", logScale, latents);
        shapes.vector("magnitudeBias", magnitudeBias, latents);
        shapes.vector("scaleGradient", scaleGradient, latents);
        shapes.vector("biasGradient", biasGradient, latents);
    }

    void keepLatents(SparseCodes codes, int first, int last, Matrix values) {
        shapes.codes("codes", codes, codes.rows(), codes.latents());
        shapes.perEntry("values", values, DType.F32, codes.capacity());
        if (first < 0 || last < first || last > codes.latents()) {
            throw new IllegalArgumentException(
                    "latents " + first + " to " + last + " are no part of " + codes.latents() + " latents");
        }
    }

    void listUnderused(Matrix lastFired, Matrix rates, Matrix limits, Matrix latents, Matrix count) {
        shapes.listDead(lastFired, latents, count);
        shapes.vector("rates", rates, lastFired.columns());
        shapes.vector("limits", limits, lastFired.columns());
    }
}
