// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import org.jspecify.annotations.Nullable;

/**
 * Everything that a device computes. One meaning, several implementations: the scalar one is written to be read beside
 * the formula and is what the others are tested against.
 *
 * <p>B rows in a batch, F latents, d inputs, k active latents. All matrices are on the device and, unless said
 * otherwise, {@code F32} with any stride; vectors are matrices of one row. Sums have a fixed order, so that results don't
 * depend on the number of threads.
 *
 * <p>Work is shared among threads, so memory of a confined arena, which one thread may use, is refused.
 *
 * <p>NaN and infinities aren't looked for: what is computed with them is what IEEE 754 says, never a number where the formula
 * has none, and no selection keeps NaN. Some devices multiply by zero what the formula leaves out (codes that aren't there,
 * in dense products; a projection that isn't asked for), so that in {@link #decode}, {@link #reconstruct}, {@link
 * #latentGradients}, {@link #adam} and {@link #latentStep} results which have no part in an infinity may become NaN too.
 * Denormal numbers count as what they are; results that are denormal themselves have few digits.
 *
 * <p>Calls are enqueued and take effect in the order in which they are made: nothing here returns a number to the host.
 * Wrong shapes are an {@link IllegalArgumentException} at once, see {@link CheckedKernels}. What depends on numbers, as
 * codes that turn out too small for a selection, a CPU says at once too; a device that works asynchronously says it in
 * the next call that waits for it, {@link Device#download} or {@link Device#synchronize}.
 *
 * <p>Each method has a row in {@link KernelId}, by which tests and benchmarks find it.
 */
public interface Kernels {

    // ------------------------------------------------------------------------------------------------ dense

    /**
     * {@code out = scale · source - offset}, converted from F32, F16 or BF16; without {@code offset}, nothing is
     * subtracted. An F32 source may be {@code out} itself.
     *
     * @param source on the device, or in the host's memory on any device: it may be overwritten then when the call
     *     returns, unless it is {@link Device#pin pinned} and so read in place
     */
    void convert(Matrix source, float scale, @Nullable Matrix offset, Matrix out);

    /** {@code out = A·B} by {@code product}, or {@code out += A·B}. */
    void multiply(Product product, Matrix a, Matrix b, Matrix out, boolean accumulate);

    /** {@code x = value}, for any element type. */
    void fill(Matrix x, float value);

    /** {@code x *= factor}. */
    void scale(Matrix x, float factor);

    /** {@code x = max(x, minimum)}. */
    void clampBelow(Matrix x, float minimum);

    /** {@code average += rate · (value - average)}, element by element. */
    void exponentialAverage(Matrix value, float rate, Matrix average);

    /** {@code norms[0, r] = ‖x[r]‖₂}; norms is F32[1, rows]. */
    void rowNorms(Matrix x, Matrix norms);

    /**
     * {@code out = (or +=) factor · Σ_r weights[0, r] · rows[r]}; without {@code weights} each weighs 1. Column means
     * are this with factor 1/rows.
     */
    void weightedRowSum(@Nullable Matrix weights, Matrix rows, float factor, boolean accumulate, Matrix out);

    /** The point with the least sum of distances to the rows of {@code x} (Weiszfeld's iteration, from the mean). */
    void geometricMedian(Matrix x, int iterations, float tolerance, Matrix median);

    // ---------------------------------------------------------------------------------------------- encoding

    /** Puts {@code wEnc} F32[F, d] and {@code bEnc} F32[1, F] into the encoder's own layout. */
    void pack(Matrix wEnc, Matrix bEnc, PackedEncoder encoder);

    /**
     * {@code x·W_encᵀ + b_enc}, then for each row its {@code k} largest positive values; of equal values those of the
     * lower latent (Gao et al. 2024, section 2.3). Fewer if fewer are positive; NaN is never selected.
     *
     * @param dead a second selection among dead latents, from the same values
     */
    void encodeTopK(Matrix x, PackedEncoder encoder, int k, @Nullable DeadSelection dead, SparseCodes codes);

    /**
     * As {@link #encodeTopK}, but the {@code budget} largest positive values of the whole batch (Bussmann et al. 2024;
     * Mutual Choice of Ayonrinde 2024); of equal values those of the lower row, then the lower latent.
     *
     * @param smallestKept F32[1, 1], receives the smallest value kept; unchanged if there is none
     */
    void encodeBatchTopK(
            Matrix x,
            PackedEncoder encoder,
            long budget,
            @Nullable DeadSelection dead,
            SparseCodes codes,
            Matrix smallestKept);

    /**
     * JumpReLU (Rajamanoharan et al. 2024, equation 4): every value strictly above its latent's threshold. With a
     * bandwidth, values not above the threshold but within bandwidth/2 of it get an entry of value 0: inactive, but
     * inside the window through which the threshold learns.
     *
     * @param thresholds F32[1, F]; null for 0, which is ReLU
     * @param bandwidth width of the window, 0 for none; a value v is inside where {@code θ - v < 0.5f · bandwidth}
     */
    void encodeThreshold(
            Matrix x, PackedEncoder encoder, @Nullable Matrix thresholds, float bandwidth, SparseCodes codes);

    /**
     * GroupMax: as {@link #encodeTopK}, but for each row the largest positive value of each of {@code groups} groups of
     * neighbouring latents; group g holds the latents from {@code g·F/groups} to {@code (g + 1)·F/groups - 1}.
     */
    void encodeGroupMax(Matrix x, PackedEncoder encoder, int groups, @Nullable DeadSelection dead, SparseCodes codes);

    /**
     * The selection among dead latents alone, as {@link #encodeTopK} makes it beside its own. Where few latents are dead, few
     * pre-activations have to be computed.
     */
    void encodeDead(Matrix x, PackedEncoder encoder, DeadSelection dead);

    /**
     * Feature Choice (Ayonrinde 2024): as {@link #encodeTopK} with rows and latents exchanged: for each latent j its {@code
     * budgets[0, j]} largest values of the batch; of equal values those of the lower row. NaN is never selected. Budgets
     * beyond the number of rows count as that number, and those beyond the room of {@code codes}, in the order of the
     * latents, are cut.
     *
     * @param budgets I32[1, F]; below 0 counts as 0
     * @param keepNonPositive whether values that aren't positive are selected too; else there may be fewer
     * @param smallestKept F32[1, F], receives the smallest value kept of each latent; unchanged for those without any
     */
    void encodeFeatureChoice(
            Matrix x,
            PackedEncoder encoder,
            Matrix budgets,
            boolean keepNonPositive,
            SparseCodes codes,
            Matrix smallestKept);

    /**
     * AbsTopK (Zhu et al. 2025): as {@link #encodeTopK}, but the {@code k} values of largest magnitude, positive or negative;
     * of equal magnitudes those of the lower latent. Zero is never selected.
     *
     * @param dead a second selection among dead latents by the same rule
     */
    void encodeAbsTopK(Matrix x, PackedEncoder encoder, int k, @Nullable DeadSelection dead, SparseCodes codes);

    /**
     * Matching pursuit (Costa et al. 2025, MP-SAE, section 3; SAELens's {@code matching_pursuit}). From the residual
     * {@code r = x} each step takes the latent j with the largest positive {@code v = d_j·r}, of equal ones the lower, and
     * {@code z_j += v}, {@code r -= v·d_j}. A latent may be taken again. Ends where no product is positive, or as
     * {@code limits} say; what a row's last step leaves is for nobody.
     *
     * @param dictionary the rows d_j, packed with biases of 0
     * @param steps as many as {@code limits} have, of as many rows as x; receive the order of the steps; null for nothing
     * @param codes receives each row's z, with room for as many entries as there are steps, or latents, in each row
     */
    void encodeMatchingPursuit(
            Matrix x, PackedEncoder dictionary, Pursuit limits, @Nullable PursuitSteps steps, SparseCodes codes);

    /**
     * {@code strength = beta / mean |g_r · d_j|} over the rows g_r of {@code gradients} and the latents' directions d_j
     * (Olmo et al. 2024, Gradient SAEs, normalised by the batch); 0 where that mean is 0.
     *
     * @param gradients F32[rows, d], of a loss by the input
     * @param directions the decoder, packed; the biases that were packed with it have no part
     * @param strength F32[1, 1]
     */
    void attributionStrength(Matrix gradients, PackedEncoder directions, float beta, Matrix strength);

    /**
     * Gradient TopK (Olmo et al. 2024): as {@link #encodeTopK}, but by the score {@code z_j · (1 + strength · |g · d_j|)} of
     * each pre-activation z_j, in single precision with one rounding for each operation and {@code 1 + strength · |g · d_j|}
     * fused. The codes are pre-activations as they are; of equal scores that of the lower latent is selected. With a
     * strength of 0 it is {@link #encodeTopK}. Dead latents are selected by their pre-activations.
     *
     * @param gradients F32[rows, d], of a loss by the input
     * @param directions the decoder, packed; the biases that were packed with it have no part
     * @param strength F32[1, 1], not negative
     */
    void encodeGradientTopK(
            Matrix x,
            PackedEncoder encoder,
            Matrix gradients,
            PackedEncoder directions,
            Matrix strength,
            int k,
            @Nullable DeadSelection dead,
            SparseCodes codes);

    // ------------------------------------------------------------------------------- decoding and gradients

    /** {@code out[r] = Σ z_j · wDec[j] + bias}. */
    void decode(SparseCodes codes, Matrix wDec, @Nullable Matrix bias, Matrix out);

    /**
     * {@code residual[r] = Σ z_j · wDec[j] + bias - targetSign · target[r]}, {@code rowErrors[0, r] = ‖residual[r]‖²},
     * and for each entry of row r, inactive ones included, {@code codeGradients[entry] = residual[r] · wDec[j]}: half
     * of the gradient of the squared error.
     */
    void reconstruct(
            SparseCodes codes,
            Matrix wDec,
            @Nullable Matrix bias,
            Matrix target,
            float targetSign,
            Matrix residual,
            Matrix rowErrors,
            Matrix codeGradients);

    /**
     * The L1 penalty {@code coefficient · Σ z_j · n_j} over all entries: adds {@code coefficient · n_j} to the gradient
     * of each active one, and the sum to {@code penalty}.
     *
     * @param norms F32[1, F], the decoder's row norms (the April-2024 form); null for 1
     * @param penalty F64[1, 1], added to
     */
    void addL1(SparseCodes codes, @Nullable Matrix norms, float coefficient, Matrix codeGradients, Matrix penalty);

    /**
     * The scale of the auxiliary loss (Gao et al. 2024, appendix A.2): with e the main residual and D its total squared
     * distance from its mean over the batch, {@code scale = 2·coefficient/D} and {@code loss = Σ auxErrors / D}; both
     * 0 where D is 0 but for rounding, at most 1e-10 of Σ‖e‖² or below {@link Float#MIN_NORMAL}.
     *
     * @param scale F32[1, 1]
     * @param loss F64[1, 1]
     */
    void auxiliaryScale(Matrix residual, Matrix auxErrors, float coefficient, Matrix scale, Matrix loss);

    /** Groups the entries of {@code codes} by latent; the groups have room for as many as the codes. */
    void groupByLatent(SparseCodes codes, LatentGroups groups);

    /** {@code gradient[0, j] = (or +=) scale · Σ g} over the active entries of latent j. */
    void encoderBiasGradient(LatentTerms terms, boolean accumulate, Matrix gradient);

    /**
     * Pseudo-derivative of JumpReLU and of the L0 penalty by the threshold (Rajamanoharan et al. 2024, equations 11
     * and 12): over the entries of latent j that lie in the window,
     * {@code gradient[0, j] = (or +=) -Σ (scale·g·θ_j + l0Coefficient) / bandwidth}.
     *
     * @param l0Coefficient weight of one active latent of one row, the batch mean included
     */
    void thresholdGradient(
            LatentTerms terms,
            Matrix thresholds,
            float bandwidth,
            float l0Coefficient,
            boolean accumulate,
            Matrix gradient);

    /**
     * Gradients of the weights, see {@link LatentTerms}. A row of a latent with entries, active or not, is overwritten
     * if its {@code touched} is 0, which becomes 1, and added to otherwise. What rows hold whose {@code touched} stays 0
     * is undefined.
     *
     * @param normPenalty adds {@code normPenalty · (Σ z) · wDec[j]/‖wDec[j]‖} to the decoder's gradient, nothing where that
     *     norm is below 1e-18
     * @param wDec needed with a normPenalty
     * @param touched I32[1, F]
     */
    void latentGradients(
            LatentTerms terms, float normPenalty, @Nullable Matrix wDec, LatentRows gradients, Matrix touched);

    // --------------------------------------------------------------------- what single methods need beyond that

    /**
     * The magnitudes of a gated encoder (Rajamanoharan et al. 2024, "Gated SAEs", equation 7) with shared weights: {@code
     * gates} holds {@code π_gate = u + b_gate} of every open gate, and
     * {@code magnitudes[0, entry] = relu(exp(r_j)·(π_gate - b_gate_j) + b_mag_j)}; 0 for entries of value 0.
     *
     * @param gateBias F32[1, F]
     * @param logScale r, F32[1, F]
     * @param magnitudeBias F32[1, F]
     * @param magnitudes F32[1, capacity]
     */
    void gatedMagnitudes(SparseCodes gates, Matrix gateBias, Matrix logScale, Matrix magnitudeBias, Matrix magnitudes);

    /**
     * The backward pass of {@link #gatedMagnitudes}, whose results {@code terms.codes()} holds: over the active entries of
     * latent j, {@code biasGradient[0, j] = (or +=) scale·Σ g} and
     * {@code scaleGradient[0, j] = (or +=) scale·Σ g·(z - b_mag_j)}; then every code gradient of j becomes
     * {@code g·exp(r_j)}, the gradient of u.
     */
    void gatedGradient(
            LatentTerms terms,
            Matrix logScale,
            Matrix magnitudeBias,
            boolean accumulate,
            Matrix scaleGradient,
            Matrix biasGradient);

    /**
     * {@code rows[r] += scale · Σ factors[0, entry] · wDec[j]} over the active entries of row r.
     *
     * @param factors F32[1, capacity]
     */
    void addDecoded(SparseCodes codes, Matrix factors, float scale, Matrix wDec, Matrix rows);

    /** {@code values[0, entry] = z} for entries of latents from {@code first} to {@code last - 1}, else 0. */
    void keepLatents(SparseCodes codes, int first, int last, Matrix values);

    /**
     * The penalty {@code coefficient · Σ φ(z_j · n_j)} over all entries, where φ is {@code curve}: adds
     * {@code coefficient · n_j · φ'(z_j · n_j)} to the gradient of each entry that the curve counts, and the sum to {@code
     * penalty}.
     *
     * @param norms F32[1, F]; null for 1
     * @param penalty F64[1, 1], added to
     */
    void addPenalty(
            SparseCodes codes,
            @Nullable Matrix norms,
            PenaltyCurve curve,
            float coefficient,
            Matrix codeGradients,
            Matrix penalty);

    // ------------------------------------------------------------------------------------------- optimiser

    /**
     * {@code sum = (or +=) Σ ‖x[r]‖²} over rows that are touched; with {@code orthogonalTo}, whose rows have norm 1,
     * of what is left of x[r] without its component along that row.
     *
     * @param touched I32[1, rows]; null for all
     * @param sum F64[1, 1]
     */
    void squaredNorm(Matrix x, @Nullable Matrix touched, @Nullable Matrix orthogonalTo, boolean accumulate, Matrix sum);

    /** {@code scale = min(1, maximum / (√squaredNorm + 1e-6))}: clipping by the global norm. */
    void clipScale(Matrix squaredNorm, float maximum, Matrix scale);

    /**
     * One step of Adam on every row.
     *
     * @param touched I32[1, rows]: rows at 0 have gradient zero, whatever is stored; null for none
     * @param gradientScale F32[1, 1] by which gradients are multiplied first; null for 1
     * @param unitRows whether rows have norm 1: the gradient's component along the row is removed before, and the row
     *     renormalised after; a row of zeros stays one
     */
    void adam(
            AdamStep step,
            Matrix weights,
            Matrix gradient,
            Matrix firstMoment,
            Matrix secondMoment,
            @Nullable Matrix touched,
            @Nullable Matrix gradientScale,
            boolean unitRows);

    /**
     * {@link #latentGradients} of {@code terms}, then of {@code more}, then {@link #adam} on encoder and decoder, in one
     * pass over each latent, without storing a gradient.
     *
     * @param more a second selection, of which no norm is penalised
     * @param normPenalty as in {@link #latentGradients}, for {@code terms} only
     */
    void latentStep(
            AdamStep step,
            LatentTerms terms,
            @Nullable LatentTerms more,
            float normPenalty,
            LatentRows weights,
            LatentRows firstMoments,
            LatentRows secondMoments,
            boolean unitDecoder);

    // --------------------------------------------------------------------------------------------- tracking

    /** {@code lastFired[0, j] = step} for every latent that is active in {@code codes}; I32[1, F]. */
    void markFired(SparseCodes codes, int step, Matrix lastFired);

    /** The latents with {@code lastFired < horizon}, ascending, into {@code latents} I32[1, F]; their number into {@code count}. */
    void listDead(Matrix lastFired, int horizon, Matrix latents, Matrix count);

    /**
     * As {@link #listDead}, and the latents that fire too seldom: {@code rates < limits}, both F32[1, F].
     */
    void listUnderused(Matrix lastFired, int horizon, Matrix rates, Matrix limits, Matrix latents, Matrix count);

    /**
     * Adds {@code Σ rowErrors} to {@code statistics[0, 0]} and the number of active entries to {@code statistics[0, 1]}.
     *
     * @param statistics F64[1, 2]
     */
    void addStatistics(Matrix rowErrors, SparseCodes codes, Matrix statistics);
}
