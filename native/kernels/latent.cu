// SPDX-License-Identifier: Apache-2.0
//
// The backward pass by latent: each latent's sums have one owner and one order, so nothing is added atomically. A latent
// that fires in more than SEGMENT rows is summed up by several blocks, each a segment, whose partial sums are then added
// in order; which blocks these are is decided on the device, by a plan.
#include "rows.cuh"

// What one selection adds to the gradients of its latents, see device.LatentTerms. All pointers are null for none.
struct LatentTerms {
    const float* values;
    const int* offsets;
    const int* rows;
    const int* entries;
    const float* gradients;
    const float* input;
    int64 input_stride;
    const float* residual;
    int64 residual_stride;
    const float* scale;

    __device__ __forceinline__ int count(int latent) const {
        return values == nullptr ? 0 : offsets[latent + 1] - offsets[latent];
    }
};

// The two sides of a latent.
enum Side { ENCODER, DECODER };

#define STAGED 256

struct StagedTerms {
    float factors[STAGED];
    const float* rows[STAGED];
    int active[STAGED];
};

// How many blocks share a latent with that many entries; 0 if its own block does all.
__device__ __forceinline__ int segments_of(int count, int segment) {
    return count > segment ? (count + segment - 1) / segment : 0;
}

// Each block takes a part of the latents: how many segments they have.
extern "C" __global__ void latent_step_plan_count(
    LatentTerms terms, LatentTerms more, int latents, int segment, int part, int* counts) {
    __shared__ int sums[32];
    const int first = blockIdx.x * part;
    const int last = min(latents, first + part);
    int count = 0;
    for (int latent = first + threadIdx.x; latent < last; latent += blockDim.x) {
        count += segments_of(terms.count(latent) + more.count(latent), segment);
    }
    count = block_sum(count, sums);
    if (threadIdx.x == 0) {
        counts[blockIdx.x] = count;
    }
}
DARIEN_EXPORT(latent_step_plan_count)

// As above: starts[latent] = the first segment of each latent; starts[latents] = their number.
extern "C" __global__ void latent_step_plan(
    LatentTerms terms, LatentTerms more, int latents, int segment, int part, const int* counts, int* starts) {
    __shared__ int sums[32];
    int before = 0;
    for (int at = threadIdx.x; at < (int)blockIdx.x; at += blockDim.x) {
        before += counts[at];
    }
    before = block_sum(before, sums);
    const int first = blockIdx.x * part;
    const int last = min(latents, first + part);
    for (int base = first; base < last; base += blockDim.x) {
        const int latent = base + threadIdx.x;
        const int count = latent < last ? segments_of(terms.count(latent) + more.count(latent), segment) : 0;
        int total;
        const int start = before + block_exclusive_sum(count, sums, &total);
        if (latent < last) {
            starts[latent] = start;
        }
        before += total;
    }
    if (blockIdx.x == gridDim.x - 1 && threadIdx.x == 0) {
        starts[latents] = before;
    }
}
DARIEN_EXPORT(latent_step_plan)

// sum[c] += Σ factor · row[c] over the grouped entries first … last-1 that are active: the code's gradient and the input
// for the encoder, the code and the residual for the decoder. Each thread reads and writes its own columns of sum.
template <int V>
__device__ __forceinline__ void add_entries(
    const LatentTerms& terms, int first, int last, Side side, int columns, StagedTerms* staged, float* sum) {
    const float scale = *terms.scale;
    for (int base = first; base < last; base += STAGED) {
        const int here = min(STAGED, last - base);
        for (int at = threadIdx.x; at < here; at += blockDim.x) {
            const int entry = terms.entries[base + at];
            const int64 row = terms.rows[base + at];
            const float value = terms.values[entry];
            staged->active[at] = value != 0.0f;
            staged->factors[at] = scale * (side == ENCODER ? terms.gradients[entry] : value);
            staged->rows[at] =
                side == ENCODER ? terms.input + row * terms.input_stride : terms.residual + row * terms.residual_stride;
        }
        __syncthreads();
        for (int column = threadIdx.x * V; column < columns; column += blockDim.x * V) {
            Vec<V> total = Vec<V>::load(sum + column);
#pragma unroll 4
            for (int at = 0; at < here; at++) {
                if (staged->active[at]) {
                    total.add(staged->factors[at], Vec<V>::load(staged->rows[at] + column));
                }
            }
            total.store(sum + column);
        }
        __syncthreads();
    }
}

template <int V>
__device__ __forceinline__ void clear(float* sum, int columns) {
    for (int column = threadIdx.x * V; column < columns; column += blockDim.x * V) {
        Vec<V>::zero().store(sum + column);
    }
}

// Entries at … at+count-1 of a latent, those of `more` after those of `terms`.
template <int V>
__device__ __forceinline__ void add_range(
    const LatentTerms& terms, const LatentTerms& more, int latent, int at, int count, Side side, int columns,
    StagedTerms* staged, float* sum) {
    const int own = terms.count(latent);
    const int first = terms.offsets[latent];
    if (at < own) {
        add_entries<V>(terms, first + at, first + min(own, at + count), side, columns, staged, sum);
    }
    if (at + count > own && more.values != nullptr) {
        const int more_first = more.offsets[latent];
        add_entries<V>(
            more, more_first + max(0, at - own), more_first + at + count - own, side, columns, staged, sum);
    }
}

// One block for each segment: partial[segment] = its sums, those of the encoder, then those of the decoder.
template <int V>
__device__ __forceinline__ void partial_sums(
    const LatentTerms& terms, const LatentTerms& more, int latents, int segment, const int* starts,
    int encoder_columns, int decoder_columns, float* partial, float* sum) {
    __shared__ StagedTerms staged;
    __shared__ int owner;
    const int number = blockIdx.x;
    if (number >= starts[latents]) {
        return;
    }
    if (threadIdx.x == 0) {
        // The last latent that doesn't begin after this segment.
        int low = 0;
        int high = latents;
        while (low < high) {
            const int middle = (low + high) / 2;
            if (starts[middle + 1] <= number) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        owner = low;
    }
    __syncthreads();
    const int latent = owner;
    const int at = (number - starts[latent]) * segment;
    const int count = min(segment, terms.count(latent) + more.count(latent) - at);
    float* out = partial + (int64)number * (encoder_columns + decoder_columns);
    for (int side = ENCODER; side <= DECODER; side++) {
        const int columns = side == ENCODER ? encoder_columns : decoder_columns;
        clear<V>(sum, columns);
        add_range<V>(terms, more, latent, at, count, (Side)side, columns, &staged, sum);
        for (int column = threadIdx.x * V; column < columns; column += blockDim.x * V) {
            Vec<V>::load(sum + column).store(out + column);
        }
        out += columns;
    }
}

// sum = the gradient of one side of a latent without the norm's penalty.
template <int V>
__device__ __forceinline__ void latent_gradient(
    const LatentTerms& terms, const LatentTerms& more, int latent, const int* starts, const float* partial, Side side,
    int encoder_columns, int decoder_columns, StagedTerms* staged, float* sum) {
    const int columns = side == ENCODER ? encoder_columns : decoder_columns;
    clear<V>(sum, columns);
    const int first = starts[latent];
    const int last = starts[latent + 1];
    if (first == last) {
        add_range<V>(terms, more, latent, 0, terms.count(latent) + more.count(latent), side, columns, staged, sum);
        return;
    }
    for (int number = first; number < last; number++) {
        const float* part = partial + (int64)number * (encoder_columns + decoder_columns)
            + (side == ENCODER ? 0 : encoder_columns);
        for (int column = threadIdx.x * V; column < columns; column += blockDim.x * V) {
            Vec<V> total = Vec<V>::load(sum + column);
            total.add(1.0f, Vec<V>::load(part + column));
            total.store(sum + column);
        }
    }
}

// Adds penalty · (Σ z) · w/‖w‖ to the decoder's gradient. The norm has no gradient at 0; 0 is a subgradient.
template <int V>
__device__ __forceinline__ void add_norm_penalty(
    const LatentTerms& terms, int latent, float penalty, const float* weights, int columns, double* partial,
    float* sum) {
    const int first = terms.offsets[latent];
    const int last = terms.offsets[latent + 1];
    double activity = 0;
    for (int at = first + threadIdx.x; at < last; at += blockDim.x) {
        activity += terms.values[terms.entries[at]];
    }
    activity = block_sum(activity, partial);
    if (activity == 0.0) {
        return;
    }
    double squares = 0;
    for (int column = threadIdx.x; column < columns; column += blockDim.x) {
        squares += (double)weights[column] * weights[column];
    }
    squares = block_sum(squares, partial);
    const float factor = squares < SHORTEST * SHORTEST ? 0.0f : (float)(penalty * activity / sqrt(squares));
    for (int column = threadIdx.x * V; column < columns; column += blockDim.x * V) {
        Vec<V> total = Vec<V>::load(sum + column);
        total.add(factor, Vec<V>::load(weights + column));
        total.store(sum + column);
    }
}

// One block for each latent with entries: its gradient is stored, or added to what is stored if the latent was touched.
template <int V>
__device__ __forceinline__ void store_gradients(
    const LatentTerms& terms, int encoder_columns, int decoder_columns, const int* starts, const float* partial,
    float penalty, const float* w_dec, int64 w_dec_stride, float* encoder, int64 encoder_stride, float* decoder,
    int64 decoder_stride, int* touched, float* sum) {
    __shared__ StagedTerms staged;
    __shared__ double sums[32];
    const int latent = blockIdx.x;
    if (terms.count(latent) == 0) {
        return;
    }
    const bool accumulate = touched[latent] != 0;
    const LatentTerms none = {};
    for (int side = ENCODER; side <= DECODER; side++) {
        const int columns = side == ENCODER ? encoder_columns : decoder_columns;
        latent_gradient<V>(
            terms, none, latent, starts, partial, (Side)side, encoder_columns, decoder_columns, &staged, sum);
        if (side == DECODER && penalty != 0.0f) {
            add_norm_penalty<V>(terms, latent, penalty, w_dec + latent * w_dec_stride, columns, sums, sum);
        }
        float* out = side == ENCODER ? encoder + latent * encoder_stride : decoder + latent * decoder_stride;
        for (int column = threadIdx.x * V; column < columns; column += blockDim.x * V) {
            Vec<V> total = Vec<V>::load(sum + column);
            if (accumulate) {
                total.add(1.0f, Vec<V>::load(out + column));
            }
            total.store(out + column);
        }
    }
    __syncthreads();
    if (threadIdx.x == 0) {
        touched[latent] = 1;
    }
}

// The two sides of all latents: weights and moments.
struct LatentParameters {
    float* encoder;
    int64 encoder_stride;
    float* encoder_first;
    int64 encoder_first_stride;
    float* encoder_second;
    int64 encoder_second_stride;
    float* decoder;
    int64 decoder_stride;
    float* decoder_first;
    int64 decoder_first_stride;
    float* decoder_second;
    int64 decoder_second_stride;

    __device__ __forceinline__ AdamRow row(int64 latent, Side side) const {
        return side == ENCODER
            ? AdamRow{encoder + latent * encoder_stride, encoder_first + latent * encoder_first_stride,
                      encoder_second + latent * encoder_second_stride}
            : AdamRow{decoder + latent * decoder_stride, decoder_first + latent * decoder_first_stride,
                      decoder_second + latent * decoder_second_stride};
    }
};

// One block for each latent: its gradient, projection, Adam and renormalisation, with nothing of it stored.
template <int V>
__device__ __forceinline__ void step_latent(
    const AdamStep& step, const LatentTerms& terms, const LatentTerms& more, int encoder_columns, int decoder_columns,
    const int* starts, const float* partial, float penalty, const LatentParameters& parameters, bool unit, float* sum) {
    __shared__ StagedTerms staged;
    __shared__ double sums[32];
    __shared__ float small_sums[32];
    const int latent = blockIdx.x;
    for (int side = ENCODER; side <= DECODER; side++) {
        const int columns = side == ENCODER ? encoder_columns : decoder_columns;
        const AdamRow row = parameters.row(latent, (Side)side);
        latent_gradient<V>(
            terms, more, latent, starts, partial, (Side)side, encoder_columns, decoder_columns, &staged, sum);
        if (side == DECODER && penalty != 0.0f) {
            add_norm_penalty<V>(terms, latent, penalty, row.weights, columns, sums, sum);
        }
        adam_row<V>(step, row, columns, sum, side == DECODER && unit, small_sums);
    }
}

// Each kernel for one and for four neighbouring columns. Dynamic shared memory: the wider of the two rows. With a flag
// that is set the codes are dense, and dense_codes.cu does the work.
#define LATENT_KERNELS(V)                                                                                            \
    extern "C" __global__ void latent_partial_v##V(                                                                  \
        const int* dense, LatentTerms terms, LatentTerms more, int latents, int segment, const int* starts,          \
        int encoder_columns, int decoder_columns, float* partial) {                                                  \
        DARIEN_SHARED(float, sum);                                                                                   \
        if (dense != nullptr && *dense != 0) {                                                                       \
            return;                                                                                                  \
        }                                                                                                            \
        partial_sums<V>(terms, more, latents, segment, starts, encoder_columns, decoder_columns, partial, sum);      \
    }                                                                                                                \
    DARIEN_EXPORT(latent_partial_v##V)                                                                               \
    extern "C" __global__ void latent_gradients_v##V(                                                                \
        const int* dense, LatentTerms terms, int encoder_columns, int decoder_columns, const int* starts,            \
        const float* partial, float penalty, const float* w_dec, int64 w_dec_stride, float* encoder,                 \
        int64 encoder_stride, float* decoder, int64 decoder_stride, int* touched) {                                  \
        DARIEN_SHARED(float, sum);                                                                                   \
        if (dense != nullptr && *dense != 0) {                                                                       \
            return;                                                                                                  \
        }                                                                                                            \
        store_gradients<V>(                                                                                          \
            terms, encoder_columns, decoder_columns, starts, partial, penalty, w_dec, w_dec_stride, encoder,         \
            encoder_stride, decoder, decoder_stride, touched, sum);                                                  \
    }                                                                                                                \
    DARIEN_EXPORT(latent_gradients_v##V)                                                                             \
    extern "C" __global__ void latent_step_v##V(                                                                     \
        AdamStep step, LatentTerms terms, LatentTerms more, int encoder_columns, int decoder_columns,                \
        const int* starts, const float* partial, float penalty, LatentParameters parameters, int unit) {             \
        DARIEN_SHARED(float, sum);                                                                                   \
        step_latent<V>(                                                                                              \
            step, terms, more, encoder_columns, decoder_columns, starts, partial, penalty, parameters, unit != 0,    \
            sum);                                                                                                    \
    }                                                                                                                \
    DARIEN_EXPORT(latent_step_v##V)

LATENT_KERNELS(1)
LATENT_KERNELS(4)

// One warp for each latent: gradient = (or +=) scale · Σ g over its active entries.
extern "C" __global__ void encoder_bias_gradient(LatentTerms terms, int latents, int accumulate, float* gradient) {
    const int latent = blockIdx.x * (blockDim.x / DARIEN_WARP) + threadIdx.x / DARIEN_WARP;
    if (latent >= latents) {
        return;
    }
    double sum = 0;
    for (int at = terms.offsets[latent] + threadIdx.x % DARIEN_WARP; at < terms.offsets[latent + 1]; at += DARIEN_WARP) {
        const int entry = terms.entries[at];
        sum += terms.values[entry] != 0.0f ? (double)terms.gradients[entry] : 0.0;
    }
    sum = warp_sum(sum);
    if (threadIdx.x % DARIEN_WARP == 0) {
        gradient[latent] = (float)((accumulate != 0 ? (double)gradient[latent] : 0.0) + *terms.scale * sum);
    }
}
DARIEN_EXPORT(encoder_bias_gradient)

// One warp for each latent: gradient = (or +=) -Σ (scale · g · θ + l0) / bandwidth over its entries in the window, which
// is decided in single precision: those of value 0 are there because they lie in it.
extern "C" __global__ void threshold_gradient(
    LatentTerms terms, int latents, const float* thresholds, float bandwidth, float l0_coefficient, int accumulate,
    float* gradient) {
    const int latent = blockIdx.x * (blockDim.x / DARIEN_WARP) + threadIdx.x / DARIEN_WARP;
    if (latent >= latents) {
        return;
    }
    const float theta = thresholds[latent];
    const double scale = *terms.scale;
    double sum = 0;
    for (int at = terms.offsets[latent] + threadIdx.x % DARIEN_WARP; at < terms.offsets[latent + 1]; at += DARIEN_WARP) {
        const int entry = terms.entries[at];
        const float value = terms.values[entry];
        if (value == 0.0f || value - theta < 0.5f * bandwidth) {
            sum += scale * terms.gradients[entry] * theta + l0_coefficient;
        }
    }
    sum = warp_sum(sum);
    if (threadIdx.x % DARIEN_WARP == 0) {
        gradient[latent] = (float)((accumulate != 0 ? (double)gradient[latent] : 0.0) - sum / bandwidth);
    }
}
DARIEN_EXPORT(threshold_gradient)
