// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import org.jspecify.annotations.Nullable;

/**
 * The argument checks of every kernel, one method for each, which {@link CheckedKernels} makes, and some more for those
 * who write a device: {@link IllegalArgumentException} with what was expected and what was given. They allocate nothing
 * when all is well, and never read what a matrix holds: it may be out of Java's reach, or not computed yet. That latent
 * numbers of codes are within range is the business of whoever fills the codes.
 */
public final class Shapes {
    private final Reach reach;

    Shapes(Reach reach) {
        this.reach = reach;
    }

    // ------------------------------------------------------------------------------- for those who write a device

    /** Fails unless an encoder of this size makes sense. */
    public static void encoderSize(int latents, int width) {
        if (latents < 1 || width < 1) {
            throw new IllegalArgumentException(
                    "an encoder needs at least 1 latent and 1 input, not " + latents + " and " + width);
        }
    }

    /** The encoder as a device's own kind; fails for that of another. */
    public static <E extends PackedEncoder> E encoder(PackedEncoder encoder, Class<E> kind) {
        if (!kind.isInstance(encoder)) {
            throw new IllegalArgumentException("the encoder was made by another kind of device ("
                    + encoder.getClass().getSimpleName() + " instead of " + kind.getSimpleName() + ")");
        }
        return kind.cast(encoder);
    }

    /** Says that the codes are too small for a selection; {@code row} is the first that doesn't fit. */
    public static IllegalArgumentException overflow(SparseCodes codes, int row) {
        return new IllegalArgumentException("the codes have room for " + codes.capacity() + " entries, which row " + row
                + " of " + codes.rows() + " exceeds; allocate more room, or use a smaller batch or a higher threshold");
    }

    // ------------------------------------------------------------------------------------------------ dense

    void convert(Matrix source, @Nullable Matrix offset, Matrix out) {
        if (source.dtype() != DType.F32 && source.dtype() != DType.F16 && source.dtype() != DType.BF16) {
            throw new IllegalArgumentException("only F32, F16 and BF16 can be converted, not " + source.shape());
        }
        shape("source", source, source.dtype(), out.rows(), out.columns());
        if (!source.isHost()) {
            reachable("source", source);
        } else if (source.isConfined()) {
            // Some devices could read it, but a program should mean the same on all.
            throw outOfReach("source", source, Reach.CONFINED);
        }
        matrix("out", out, DType.F32, out.rows(), out.columns());
        vector("offset", offset, out.columns());
    }

    void multiply(Product product, Matrix a, Matrix b, Matrix out) {
        boolean transposedA = product == Product.TN;
        boolean transposedB = product == Product.NT;
        long inner = transposedA ? a.rows() : a.columns();
        matrix("a", a, DType.F32, transposedA ? inner : out.rows(), transposedA ? out.rows() : inner);
        matrix("b", b, DType.F32, transposedB ? out.columns() : inner, transposedB ? inner : out.columns());
        matrix("out", out, DType.F32, out.rows(), out.columns());
    }

    void fill(Matrix x) {
        reachable("x", x);
    }

    void anyShape(Matrix x) {
        matrix("x", x, DType.F32, x.rows(), x.columns());
    }

    void exponentialAverage(Matrix value, Matrix average) {
        matrix("average", average, DType.F32, average.rows(), average.columns());
        matrix("value", value, DType.F32, average.rows(), average.columns());
    }

    void rowNorms(Matrix x, Matrix norms) {
        anyShape(x);
        vector("norms", norms, x.rows());
    }

    void weightedRowSum(@Nullable Matrix weights, Matrix rows, Matrix out) {
        matrix("rows", rows, DType.F32, rows.rows(), rows.columns());
        vector("weights", weights, rows.rows());
        vector("out", out, rows.columns());
    }

    void geometricMedian(Matrix x, int iterations, Matrix median) {
        anyShape(x);
        vector("median", median, x.columns());
        if (x.rows() == 0 || iterations < 0) {
            throw new IllegalArgumentException(
                    "a geometric median needs at least one row and no fewer than 0 iterations, not " + x.shape()
                            + " and " + iterations);
        }
    }

    // --------------------------------------------------------------------------------------------- encoding

    void pack(Matrix wEnc, Matrix bEnc, PackedEncoder encoder) {
        matrix("wEnc", wEnc, DType.F32, encoder.latents(), encoder.width());
        vector("bEnc", bEnc, encoder.latents());
    }

    void encodeTopK(Matrix x, PackedEncoder encoder, int k, @Nullable DeadSelection dead, SparseCodes codes) {
        if (k < 1) {
            throw new IllegalArgumentException("k of a selection must be at least 1, not " + k);
        }
        encode(x, encoder, codes);
        room(codes, x.rows() * Math.min(k, encoder.latents()));
        deadSelection(x, encoder, dead);
    }

    void encodeBatchTopK(
            Matrix x,
            PackedEncoder encoder,
            long budget,
            @Nullable DeadSelection dead,
            SparseCodes codes,
            Matrix smallestKept) {
        if (budget < 0) {
            throw new IllegalArgumentException("the budget of a selection can't be negative: " + budget);
        }
        encode(x, encoder, codes);
        room(codes, Math.min(budget, x.rows() * encoder.latents()));
        deadSelection(x, encoder, dead);
        vector("smallestKept", smallestKept, 1);
    }

    void encodeThreshold(
            Matrix x, PackedEncoder encoder, @Nullable Matrix thresholds, float bandwidth, SparseCodes codes) {
        encode(x, encoder, codes);
        vector("thresholds", thresholds, encoder.latents());
        if (!(bandwidth >= 0)) {
            throw new IllegalArgumentException("the bandwidth of a window can't be negative: " + bandwidth);
        }
    }

    void encode(Matrix x, PackedEncoder encoder, SparseCodes codes) {
        matrix("x", x, DType.F32, x.rows(), encoder.width());
        codes("codes", codes, x.rows(), encoder.latents());
    }

    void deadSelection(Matrix x, PackedEncoder encoder, @Nullable DeadSelection dead) {
        if (dead != null) {
            matrix("dead.latents", dead.latents(), DType.I32, 1, encoder.latents());
            matrix("dead.count", dead.count(), DType.I32, 1, 1);
            codes("dead.codes", dead.codes(), x.rows(), encoder.latents());
            room(dead.codes(), x.rows() * Math.min(dead.k(), encoder.latents()));
        }
    }

    private static void room(SparseCodes codes, long entries) {
        if (codes.capacity() < entries) {
            throw new IllegalArgumentException(
                    "this selection may keep " + entries + " entries, but the codes have room for " + codes.capacity());
        }
    }

    // ------------------------------------------------------------------------------- decoding and gradients

    void decode(SparseCodes codes, Matrix wDec, @Nullable Matrix bias, Matrix out) {
        codes("codes", codes, out.rows(), codes.latents());
        matrix("wDec", wDec, DType.F32, codes.latents(), out.columns());
        vector("bias", bias, out.columns());
        matrix("out", out, DType.F32, out.rows(), out.columns());
    }

    void reconstruct(
            SparseCodes codes,
            Matrix wDec,
            @Nullable Matrix bias,
            Matrix target,
            Matrix residual,
            Matrix rowErrors,
            Matrix codeGradients) {
        decode(codes, wDec, bias, residual);
        matrix("target", target, DType.F32, residual.rows(), residual.columns());
        vector("rowErrors", rowErrors, residual.rows());
        perEntry("codeGradients", codeGradients, DType.F32, codes.capacity());
    }

    void addL1(SparseCodes codes, @Nullable Matrix norms, Matrix codeGradients, Matrix penalty) {
        codes("codes", codes, codes.rows(), codes.latents());
        vector("norms", norms, codes.latents());
        perEntry("codeGradients", codeGradients, DType.F32, codes.capacity());
        matrix("penalty", penalty, DType.F64, 1, 1);
    }

    void auxiliaryScale(Matrix residual, Matrix auxErrors, Matrix scale, Matrix loss) {
        matrix("residual", residual, DType.F32, residual.rows(), residual.columns());
        vector("auxErrors", auxErrors, residual.rows());
        vector("scale", scale, 1);
        matrix("loss", loss, DType.F64, 1, 1);
    }

    void groupByLatent(SparseCodes codes, LatentGroups groups) {
        codes("codes", codes, codes.rows(), codes.latents());
        matrix("groups.offsets", groups.offsets(), DType.I32, 1, codes.latents() + 1L);
        perEntry("groups.rows", groups.rows(), DType.I32, codes.capacity());
        perEntry("groups.entries", groups.entries(), DType.I32, codes.capacity());
    }

    void encoderBiasGradient(LatentTerms terms, Matrix gradient) {
        terms(terms);
        vector("gradient", gradient, terms.codes().latents());
    }

    void thresholdGradient(LatentTerms terms, Matrix thresholds, float bandwidth, Matrix gradient) {
        terms(terms);
        vector("thresholds", thresholds, terms.codes().latents());
        vector("gradient", gradient, terms.codes().latents());
        if (!(bandwidth > 0)) {
            throw new IllegalArgumentException(
                    "the gradient of a threshold needs a bandwidth above 0, not " + bandwidth);
        }
    }

    void latentGradients(
            LatentTerms terms, float normPenalty, @Nullable Matrix wDec, LatentRows gradients, Matrix touched) {
        terms(terms);
        latentRows(gradients, terms);
        matrix("touched", touched, DType.I32, 1, terms.codes().latents());
        if (wDec != null) {
            matrix(
                    "wDec",
                    wDec,
                    DType.F32,
                    terms.codes().latents(),
                    terms.residual().columns());
        } else if (normPenalty != 0) {
            throw new IllegalArgumentException("a norm penalty needs the decoder's weights");
        }
    }

    void terms(LatentTerms terms) {
        SparseCodes codes = terms.codes();
        groupByLatent(codes, terms.groups());
        perEntry("codeGradients", terms.codeGradients(), DType.F32, codes.capacity());
        matrix("input", terms.input(), DType.F32, codes.rows(), terms.input().columns());
        matrix(
                "residual",
                terms.residual(),
                DType.F32,
                codes.rows(),
                terms.residual().columns());
        vector("scale", terms.scale(), 1);
    }

    private void latentRows(LatentRows rows, LatentTerms terms) {
        int latents = terms.codes().latents();
        matrix("encoder", rows.encoder(), DType.F32, latents, terms.input().columns());
        matrix("decoder", rows.decoder(), DType.F32, latents, terms.residual().columns());
    }

    // ------------------------------------------------------------------------------ optimiser and tracking

    void squaredNorm(Matrix x, @Nullable Matrix touched, @Nullable Matrix orthogonalTo, Matrix sum) {
        anyShape(x);
        touched(touched, x.rows());
        if (orthogonalTo != null) {
            matrix("orthogonalTo", orthogonalTo, DType.F32, x.rows(), x.columns());
        }
        matrix("sum", sum, DType.F64, 1, 1);
    }

    void clipScale(Matrix squaredNorm, Matrix scale) {
        matrix("squaredNorm", squaredNorm, DType.F64, 1, 1);
        vector("scale", scale, 1);
    }

    void adam(
            Matrix weights,
            Matrix gradient,
            Matrix firstMoment,
            Matrix secondMoment,
            @Nullable Matrix touched,
            @Nullable Matrix gradientScale) {
        matrix("weights", weights, DType.F32, weights.rows(), weights.columns());
        matrix("gradient", gradient, DType.F32, weights.rows(), weights.columns());
        matrix("firstMoment", firstMoment, DType.F32, weights.rows(), weights.columns());
        matrix("secondMoment", secondMoment, DType.F32, weights.rows(), weights.columns());
        touched(touched, weights.rows());
        vector("gradientScale", gradientScale, 1);
    }

    void latentStep(
            LatentTerms terms,
            @Nullable LatentTerms more,
            LatentRows weights,
            LatentRows firstMoments,
            LatentRows secondMoments) {
        terms(terms);
        latentRows(weights, terms);
        latentRows(firstMoments, terms);
        latentRows(secondMoments, terms);
        if (more != null) {
            terms(more);
            latentRows(weights, more);
        }
    }

    void markFired(SparseCodes codes, Matrix lastFired) {
        codes("codes", codes, codes.rows(), codes.latents());
        matrix("lastFired", lastFired, DType.I32, 1, codes.latents());
    }

    void listDead(Matrix lastFired, Matrix latents, Matrix count) {
        matrix("lastFired", lastFired, DType.I32, 1, lastFired.columns());
        matrix("latents", latents, DType.I32, 1, lastFired.columns());
        matrix("count", count, DType.I32, 1, 1);
    }

    void addStatistics(Matrix rowErrors, SparseCodes codes, Matrix statistics) {
        codes("codes", codes, codes.rows(), codes.latents());
        vector("rowErrors", rowErrors, codes.rows());
        matrix("statistics", statistics, DType.F64, 1, 2);
    }

    // --------------------------------------------------------------------------------------------- elements

    void matrix(String what, Matrix matrix, DType dtype, long rows, long columns) {
        shape(what, matrix, dtype, rows, columns);
        reachable(what, matrix);
    }

    private static void shape(String what, Matrix matrix, DType dtype, long rows, long columns) {
        if (matrix.dtype() != dtype || matrix.rows() != rows || matrix.columns() != columns) {
            throw new IllegalArgumentException(
                    what + " should be " + dtype + "[" + rows + ", " + columns + "] but is " + matrix.shape());
        }
    }

    void vector(String what, @Nullable Matrix vector, long length) {
        if (vector != null) {
            matrix(what, vector, DType.F32, 1, length);
        }
    }

    private void touched(@Nullable Matrix touched, long rows) {
        if (touched != null) {
            matrix("touched", touched, DType.I32, 1, rows);
        }
    }

    void perEntry(String what, Matrix vector, DType dtype, int entries) {
        if (vector.dtype() != dtype || vector.rows() != 1 || vector.columns() < entries) {
            throw new IllegalArgumentException(
                    what + " should be " + dtype + "[1, " + entries + "] or longer but is " + vector.shape());
        }
        reachable(what, vector);
    }

    void codes(String what, SparseCodes codes, long rows, int latents) {
        if (codes.rows() != rows || codes.latents() != latents) {
            throw new IllegalArgumentException(what + " should be of " + rows + " rows and " + latents
                    + " latents but are of " + codes.rows() + " and " + codes.latents());
        }
        reachable(what, codes.offsets());
        reachable(what, codes.indices());
        reachable(what, codes.values());
    }

    private void reachable(String what, Matrix matrix) {
        matrix.requireAlive();
        String obstacle = reach.obstacle(matrix);
        if (obstacle != null) {
            throw outOfReach(what, matrix, obstacle);
        }
    }

    private static IllegalArgumentException outOfReach(String what, Matrix matrix, String obstacle) {
        return new IllegalArgumentException(what + " " + matrix.shape() + " " + obstacle);
    }
}
