// SPDX-License-Identifier: Apache-2.0
//
// What stands around the products of multiply.cu for codes that aren't sparse, as ReLU's are when training starts. Only
// the device knows whether codes are: each kernel looks at a flag and does nothing unless it is set, while the sparse
// ones do nothing where it is.
#include "darien.cuh"

// One thread: whether there are so many entries that products are faster: more than one in `share` places.
extern "C" __global__ void decode_dense_flag(
    const int64* last_offset, int64 capacity, int64 places, int share, int* dense) {
    *dense = min(*last_offset, capacity) * share > places ? 1 : 0;
}
DARIEN_EXPORT(decode_dense_flag)

// One block for each row: the row of a dense matrix [rows, F] with factor · per_entry at each active entry, else 0.
extern "C" __global__ void decode_dense_scatter(
    const int* dense, const int64* offsets, const int* indices, const float* values, const float* per_entry,
    const float* factor, int latents, float* out) {
    if (*dense == 0) {
        return;
    }
    float* row = out + (int64)blockIdx.x * latents;
    for (int latent = threadIdx.x; latent < latents; latent += blockDim.x) {
        row[latent] = 0.0f;
    }
    __syncthreads();
    const float scale = factor == nullptr ? 1.0f : *factor;
    const int64 end = offsets[blockIdx.x + 1];
    for (int64 entry = offsets[blockIdx.x] + threadIdx.x; entry < end; entry += blockDim.x) {
        if (values[entry] != 0.0f) {
            row[indices[entry]] = scale * per_entry[entry];
        }
    }
}
DARIEN_EXPORT(decode_dense_scatter)

// One block for each row: what is left to do for a decoded row, adding the bias and, with a target, taking it off and
// summing up the error.
extern "C" __global__ void reconstruct_dense_rows(
    const int* dense, const float* bias, const float* target, int64 target_stride, float target_sign, float* out,
    int64 out_stride, int columns, float* row_errors) {
    __shared__ float partial[32];
    if (*dense == 0) {
        return;
    }
    const int64 row = blockIdx.x;
    float error = 0.0f;
    for (int column = threadIdx.x; column < columns; column += blockDim.x) {
        const float decoded = out[row * out_stride + column] + (bias == nullptr ? 0.0f : bias[column]);
        const float difference =
            target == nullptr ? decoded : fmaf(-target_sign, target[row * target_stride + column], decoded);
        out[row * out_stride + column] = difference;
        error = fmaf(difference, difference, error);
    }
    error = block_sum(error, partial);
    if (row_errors != nullptr && threadIdx.x == 0) {
        row_errors[row] = error;
    }
}
DARIEN_EXPORT(reconstruct_dense_rows)

// One block for each row: gradients[entry] = products[row, latent].
extern "C" __global__ void reconstruct_dense_gather(
    const int* dense, const int64* offsets, const int* indices, const float* products, int latents, float* gradients) {
    if (*dense == 0) {
        return;
    }
    const float* row = products + (int64)blockIdx.x * latents;
    const int64 end = offsets[blockIdx.x + 1];
    for (int64 entry = offsets[blockIdx.x] + threadIdx.x; entry < end; entry += blockDim.x) {
        gradients[entry] = row[indices[entry]];
    }
}
DARIEN_EXPORT(reconstruct_dense_gather)

// One block for each latent, before the products are added: a row that nothing has been added to yet becomes 0, or what
// the norm's penalty gives; so do rows without entries, which the products write too. The penalty's sum of codes is the
// latent's column of `codes`, which holds scale · z.
extern "C" __global__ void latent_gradients_dense_begin(
    const int* dense, const int* group_offsets, const float* codes, const float* scale, int rows, int latents,
    float penalty, const float* w_dec, int64 w_dec_stride, float* encoder, int64 encoder_stride, int encoder_columns,
    float* decoder, int64 decoder_stride, int decoder_columns, int* touched) {
    __shared__ double sums[32];
    if (*dense == 0) {
        return;
    }
    const int latent = blockIdx.x;
    const bool stored = touched[latent] != 0;
    const bool has_entries = group_offsets[latent] != group_offsets[latent + 1];
    float factor = 0.0f;
    if (penalty != 0.0f) {
        double activity = 0;
        double squares = 0;
        for (int row = threadIdx.x; row < rows; row += blockDim.x) {
            activity += codes[(int64)row * latents + latent];
        }
        for (int column = threadIdx.x; column < decoder_columns; column += blockDim.x) {
            const double weight = w_dec[latent * w_dec_stride + column];
            squares += weight * weight;
        }
        activity = block_sum(activity, sums) / *scale;
        squares = block_sum(squares, sums);
        factor = squares < SHORTEST * SHORTEST ? 0.0f : (float)(penalty * activity / sqrt(squares));
    }
    for (int column = threadIdx.x; column < encoder_columns; column += blockDim.x) {
        float* at = encoder + latent * encoder_stride + column;
        *at = stored ? *at : 0.0f;
    }
    for (int column = threadIdx.x; column < decoder_columns; column += blockDim.x) {
        float* at = decoder + latent * decoder_stride + column;
        const float before = stored ? *at : 0.0f;
        *at = factor == 0.0f ? before : fmaf(factor, w_dec[latent * w_dec_stride + column], before);
    }
    __syncthreads();
    if (threadIdx.x == 0 && has_entries) {
        touched[latent] = 1;
    }
}
DARIEN_EXPORT(latent_gradients_dense_begin)
