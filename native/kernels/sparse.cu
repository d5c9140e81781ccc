// SPDX-License-Identifier: Apache-2.0
//
// Sparse codes to dense rows and back: decoding, the residual, the gradient of each code; and the losses. Codes are
// compressed rows: offsets[B + 1], indices and values for each entry; an entry of value 0 is inactive. With a flag that
// is set the codes are dense, and dense_codes.cu does the work.
#include "rows.cuh"

// How many entries of a row are at hand in shared memory at a time.
#define STAGED 256

struct StagedEntries {
    float values[STAGED];
    const float* rows[STAGED];
};

// sum[c] = Σ z_j · w[j, c] over the entries of a row that are active, c owned by one thread each. Ends with a barrier.
template <int V>
__device__ __forceinline__ void decode_row(
    const int64* offsets, const int* indices, const float* values, int64 row, const float* w, int64 stride, int columns,
    StagedEntries* staged, float* sum) {
    const int64 first = offsets[row];
    const int count = (int)(offsets[row + 1] - first);
    for (int column = threadIdx.x * V; column < columns; column += blockDim.x * V) {
        Vec<V>::zero().store(sum + column);
    }
    for (int base = 0; base < count; base += STAGED) {
        const int here = min(STAGED, count - base);
        for (int at = threadIdx.x; at < here; at += blockDim.x) {
            staged->values[at] = values[first + base + at];
            staged->rows[at] = w + indices[first + base + at] * stride;
        }
        __syncthreads();
        for (int column = threadIdx.x * V; column < columns; column += blockDim.x * V) {
            Vec<V> total = Vec<V>::load(sum + column);
#pragma unroll 4
            for (int at = 0; at < here; at++) {
                const float value = staged->values[at];
                if (value != 0.0f) {
                    total.add(value, Vec<V>::load(staged->rows[at] + column));
                }
            }
            total.store(sum + column);
        }
        __syncthreads();
    }
    __syncthreads();
}

// One block for each row: out = Σ z_j · w[j] + bias. Dynamic shared memory: a row.
template <int V>
__device__ __forceinline__ void decode(
    const int64* offsets, const int* indices, const float* values, const float* w, int64 stride, int columns,
    const float* bias, float* out, int64 out_stride, float* sum) {
    __shared__ StagedEntries staged;
    const int64 row = blockIdx.x;
    decode_row<V>(offsets, indices, values, row, w, stride, columns, &staged, sum);
    for (int column = threadIdx.x; column < columns; column += blockDim.x) {
        out[row * out_stride + column] = sum[column] + (bias == nullptr ? 0.0f : bias[column]);
    }
}

extern "C" __global__ void decode_v1(
    const int* dense, const int64* offsets, const int* indices, const float* values, const float* w, int64 stride, int columns,
    const float* bias, float* out, int64 out_stride) {
    DARIEN_SHARED(float, sum);
    if (dense != nullptr && *dense != 0) {
        return;
    }
    decode<1>(offsets, indices, values, w, stride, columns, bias, out, out_stride, sum);
}
DARIEN_EXPORT(decode_v1)

extern "C" __global__ void decode_v4(
    const int* dense, const int64* offsets, const int* indices, const float* values, const float* w, int64 stride, int columns,
    const float* bias, float* out, int64 out_stride) {
    DARIEN_SHARED(float, sum);
    if (dense != nullptr && *dense != 0) {
        return;
    }
    decode<4>(offsets, indices, values, w, stride, columns, bias, out, out_stride, sum);
}
DARIEN_EXPORT(decode_v4)

// gradient[entry] = residual · w[j] for each entry of a row, inactive ones included; a warp for each.
template <int V>
__device__ __forceinline__ void code_gradients(
    const int64* offsets, const int* indices, int64 row, const float* w, int64 stride, int columns,
    const float* residual, float* gradients) {
    const int64 first = offsets[row];
    const int64 end = offsets[row + 1];
    const int lane = threadIdx.x % DARIEN_WARP;
    for (int64 entry = first + threadIdx.x / DARIEN_WARP; entry < end; entry += blockDim.x / DARIEN_WARP) {
        const float* other = w + indices[entry] * stride;
        float sum = 0.0f;
#pragma unroll 4
        for (int column = lane * V; column < columns; column += DARIEN_WARP * V) {
            sum += Vec<V>::load(residual + column).dot(Vec<V>::load(other + column));
        }
        sum = warp_sum(sum);
        if (lane == 0) {
            gradients[entry] = sum;
        }
    }
}

// One block for each row, see Kernels.reconstruct. Dynamic shared memory: a row. The decoder's rows are read twice, the
// second time while they are still in the cache.
template <int V>
__device__ __forceinline__ void reconstruct(
    const int64* offsets, const int* indices, const float* values, const float* w, int64 stride, int columns,
    const float* bias, const float* target, int64 target_stride, float target_sign, float* residual,
    int64 residual_stride, float* row_errors, float* gradients, float* sum) {
    __shared__ StagedEntries staged;
    __shared__ float partial[32];
    const int64 row = blockIdx.x;
    decode_row<V>(offsets, indices, values, row, w, stride, columns, &staged, sum);
    float error = 0.0f;
    for (int column = threadIdx.x; column < columns; column += blockDim.x) {
        const float decoded = sum[column] + (bias == nullptr ? 0.0f : bias[column]);
        const float difference = fmaf(-target_sign, target[row * target_stride + column], decoded);
        residual[row * residual_stride + column] = difference;
        sum[column] = difference;
        error = fmaf(difference, difference, error);
    }
    error = block_sum(error, partial);
    if (threadIdx.x == 0) {
        row_errors[row] = error;
    }
    code_gradients<V>(offsets, indices, row, w, stride, columns, sum, gradients);
}

extern "C" __global__ void reconstruct_v1(
    const int* dense, const int64* offsets, const int* indices, const float* values, const float* w, int64 stride, int columns,
    const float* bias, const float* target, int64 target_stride, float target_sign, float* residual,
    int64 residual_stride, float* row_errors, float* gradients) {
    DARIEN_SHARED(float, sum);
    if (dense != nullptr && *dense != 0) {
        return;
    }
    reconstruct<1>(
        offsets, indices, values, w, stride, columns, bias, target, target_stride, target_sign, residual,
        residual_stride, row_errors, gradients, sum);
}
DARIEN_EXPORT(reconstruct_v1)

extern "C" __global__ void reconstruct_v4(
    const int* dense, const int64* offsets, const int* indices, const float* values, const float* w, int64 stride, int columns,
    const float* bias, const float* target, int64 target_stride, float target_sign, float* residual,
    int64 residual_stride, float* row_errors, float* gradients) {
    DARIEN_SHARED(float, sum);
    if (dense != nullptr && *dense != 0) {
        return;
    }
    reconstruct<4>(
        offsets, indices, values, w, stride, columns, bias, target, target_stride, target_sign, residual,
        residual_stride, row_errors, gradients, sum);
}
DARIEN_EXPORT(reconstruct_v4)
