// SPDX-License-Identifier: Apache-2.0
//
// Matching pursuit: the product of a tile's residuals with the dictionary has just been written, and each row takes the
// latent that fits best. And sparse codes added to dense rows, of which its backward pass is made.
#include "select.cuh"

#define PURSUIT_THREADS 256

// One block for each row: its residual is the input, and nothing has been taken.
extern "C" __global__ void encode_matching_pursuit_start(
    const float* x, int64 x_stride, int columns, float* residuals, int64 residual_stride, int* counts, int* done) {
    const int64 row = blockIdx.x;
    for (int column = threadIdx.x; column < columns; column += blockDim.x) {
        residuals[row * residual_stride + column] = x[row * x_stride + column];
    }
    if (threadIdx.x == 0) {
        counts[row] = 0;
        done[row] = 0;
    }
}
DARIEN_EXPORT(encode_matching_pursuit_start)

// The larger key, of equal ones that of the lower latent, as one number.
__device__ __forceinline__ uint64 pursuit_rank(float value, int latent) {
    const uint32 key = key_of(value);
    return key == 0u ? 0u : ((uint64)key << 32) | (uint64)(0xffffffffu - (uint32)latent);
}

// Adds a value to a row's list, which ascends by latent; whether the latent was there already.
__device__ bool pursuit_add(int* latents, float* values, int* count, int latent, float value) {
    const int size = *count;
    int at = size;
    while (at > 0 && latents[at - 1] >= latent) {
        at--;
    }
    if (at < size && latents[at] == latent) {
        values[at] += value;
        return true;
    }
    for (int move = size; move > at; move--) {
        latents[move] = latents[move - 1];
        values[move] = values[move - 1];
    }
    latents[at] = latent;
    values[at] = value;
    *count = size + 1;
    return false;
}

// One block of PURSUIT_THREADS for each row of a tile: one step. The tile only ranks the latents; the value is the product
// in single precision, summed in double, whatever the tile's was rounded to. `step_latents` may be null.
extern "C" __global__ void __launch_bounds__(PURSUIT_THREADS) encode_matching_pursuit(
    const float* tile, int64 stride, const float* bias, int latents, const float* w, int64 w_stride, int columns,
    float* residuals, int64 residual_stride, int room, float threshold, int stop_on_repeat, int* chosen_latents,
    float* chosen_values, int* counts, int* done, int* step_latents, float* step_values) {
    __shared__ uint64 best[PURSUIT_THREADS];
    __shared__ double partial[32];
    __shared__ int ended;
    const int64 row = blockIdx.x;
    if (done[row] != 0) {
        if (threadIdx.x == 0 && step_latents != nullptr) {
            step_latents[row] = 0;
            step_values[row] = 0.0f;
        }
        return;
    }
    uint64 rank = 0;
    for (int latent = threadIdx.x; latent < latents; latent += blockDim.x) {
        const uint64 other = pursuit_rank(tile[row * stride + latent] + bias[latent], latent);
        rank = other > rank ? other : rank;
    }
    best[threadIdx.x] = rank;
    __syncthreads();
    for (int half = blockDim.x / 2; half > 0; half /= 2) {
        if (threadIdx.x < half && best[threadIdx.x + half] > best[threadIdx.x]) {
            best[threadIdx.x] = best[threadIdx.x + half];
        }
        __syncthreads();
    }
    rank = best[0];
    const int latent = rank == 0 ? 0 : (int)(0xffffffffu - (uint32)rank);
    const float* atom = w + latent * w_stride;
    float* residual = residuals + row * residual_stride;
    double sum = 0.0;
    for (int column = threadIdx.x; rank != 0 && column < columns; column += blockDim.x) {
        sum += (double)atom[column] * residual[column];
    }
    const float value = (float)block_sum(sum, partial);
    if (value > 0.0f) {
        double squares = 0.0;
        for (int column = threadIdx.x; column < columns; column += blockDim.x) {
            const float rest = fmaf(-value, atom[column], residual[column]);
            residual[column] = rest;
            squares += (double)rest * rest;
        }
        squares = block_sum(squares, partial);
        if (threadIdx.x == 0) {
            const bool repeats =
                pursuit_add(chosen_latents + row * room, chosen_values + row * room, counts + row, latent, value);
            ended = (repeats && stop_on_repeat != 0) || (threshold > 0.0f && sqrt(squares) < threshold);
        }
    } else if (threadIdx.x == 0) {
        ended = 1;
    }
    if (threadIdx.x == 0) {
        done[row] = ended;
        if (step_latents != nullptr) {
            step_latents[row] = value > 0.0f ? latent : 0;
            step_values[row] = value > 0.0f ? value : 0.0f;
        }
    }
}
DARIEN_EXPORT(encode_matching_pursuit)

// One block for each row: rows[r] += scale · Σ factor · w[j] over its active entries.
extern "C" __global__ void add_decoded(
    const int64* offsets, const int* indices, const float* values, const float* factors, float scale, const float* w,
    int64 stride, int columns, float* rows, int64 rows_stride) {
    const int64 row = blockIdx.x;
    const int64 first = offsets[row];
    const int64 last = offsets[row + 1];
    for (int column = threadIdx.x; column < columns; column += blockDim.x) {
        float sum = rows[row * rows_stride + column];
        for (int64 entry = first; entry < last; entry++) {
            if (values[entry] != 0.0f) {
                sum = fmaf(scale * factors[entry], w[indices[entry] * stride + column], sum);
            }
        }
        rows[row * rows_stride + column] = sum;
    }
}
DARIEN_EXPORT(add_decoded)
