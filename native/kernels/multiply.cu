// SPDX-License-Identifier: Apache-2.0
//
// Dense products that only the device knows to be worth doing, see dense_codes.cu; all others are cuBLAS's. They look at
// a flag, if they are given one, and do nothing unless it is set.
#include "darien.cuh"

#define TILE 128
#define TILE_K 8
#define PER_THREAD 8
#define MULTIPLY_THREADS 256

// out[m, n] = (or +=) A·B, with A[m, k] or, transposed, A[k, m]; B[k, n] or, transposed, B[n, k]. Grid: x is a tile of n,
// y one of m. Each thread owns 8 × 8 elements, in rows and columns 16 apart so that neighbours write neighbours; each
// element is one chain over ascending k.
template <bool TA, bool TB>
__device__ __forceinline__ void multiply(
    const int* enabled, const float* a, int64 a_stride, const float* b, int64 b_stride, float* out, int64 out_stride,
    int m, int n, int k, int accumulate) {
    __shared__ float a_tile[TILE_K][TILE + 4];
    __shared__ float b_tile[TILE_K][TILE + 4];
    if (enabled != nullptr && *enabled == 0) {
        return;
    }
    const int row0 = blockIdx.y * TILE;
    const int column0 = blockIdx.x * TILE;
    const int thread_row = threadIdx.x / 16;
    const int thread_column = threadIdx.x % 16;
    float sums[PER_THREAD][PER_THREAD] = {};
    for (int k0 = 0; k0 < k; k0 += TILE_K) {
        for (int at = threadIdx.x; at < TILE * TILE_K; at += MULTIPLY_THREADS) {
            // Neighbouring threads read what lies side by side.
            const int a_k = TA ? at / TILE : at % TILE_K;
            const int a_row = TA ? at % TILE : at / TILE_K;
            const int b_k = TB ? at % TILE_K : at / TILE;
            const int b_column = TB ? at / TILE_K : at % TILE;
            const bool a_in = row0 + a_row < m && k0 + a_k < k;
            const bool b_in = column0 + b_column < n && k0 + b_k < k;
            const int64 a_at =
                TA ? (int64)(k0 + a_k) * a_stride + row0 + a_row : (int64)(row0 + a_row) * a_stride + k0 + a_k;
            const int64 b_at = TB ? (int64)(column0 + b_column) * b_stride + k0 + b_k
                                  : (int64)(k0 + b_k) * b_stride + column0 + b_column;
            a_tile[a_k][a_row] = a_in ? a[a_at] : 0.0f;
            b_tile[b_k][b_column] = b_in ? b[b_at] : 0.0f;
        }
        __syncthreads();
        const int depth = min(TILE_K, k - k0);
        for (int at = 0; at < depth; at++) {
            float left[PER_THREAD];
            float right[PER_THREAD];
#pragma unroll
            for (int i = 0; i < PER_THREAD; i++) {
                left[i] = a_tile[at][thread_row + 16 * i];
                right[i] = b_tile[at][thread_column + 16 * i];
            }
#pragma unroll
            for (int i = 0; i < PER_THREAD; i++) {
#pragma unroll
                for (int j = 0; j < PER_THREAD; j++) {
                    sums[i][j] = fmaf(left[i], right[j], sums[i][j]);
                }
            }
        }
        __syncthreads();
    }
#pragma unroll
    for (int i = 0; i < PER_THREAD; i++) {
        const int row = row0 + thread_row + 16 * i;
#pragma unroll
        for (int j = 0; j < PER_THREAD; j++) {
            const int column = column0 + thread_column + 16 * j;
            if (row < m && column < n) {
                float* at = out + row * out_stride + column;
                *at = accumulate != 0 ? *at + sums[i][j] : sums[i][j];
            }
        }
    }
}

#define MULTIPLY_KERNEL(name, TA, TB)                                                                               \
    extern "C" __global__ void __launch_bounds__(MULTIPLY_THREADS) name(                                            \
        const int* enabled, const float* a, int64 a_stride, const float* b, int64 b_stride, float* out,             \
        int64 out_stride, int m, int n, int k, int accumulate) {                                                    \
        multiply<TA, TB>(enabled, a, a_stride, b, b_stride, out, out_stride, m, n, k, accumulate);                  \
    }                                                                                                               \
    DARIEN_EXPORT(name)

MULTIPLY_KERNEL(multiply_nn, false, false)
MULTIPLY_KERNEL(multiply_nt, false, true)
MULTIPLY_KERNEL(multiply_tn, true, false)
