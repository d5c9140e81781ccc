// SPDX-License-Identifier: Apache-2.0
//
// Clipping by the global norm, and Adam on gradients that are stored.
#include "rows.cuh"

// One block for each row: norms[row] = ‖x[row]‖², or of what is left of it without its component along other[row].
extern "C" __global__ void squared_norm_rows(
    const float* x, int64 stride, int columns, const int* touched, const float* other, int64 other_stride,
    double* norms) {
    __shared__ double sums[32];
    const int64 row = blockIdx.x;
    double square = 0;
    if (touched == nullptr || touched[row] != 0) {
        double along = 0;
        if (other != nullptr) {
            for (int column = threadIdx.x; column < columns; column += blockDim.x) {
                along += (double)x[row * stride + column] * other[row * other_stride + column];
            }
            along = block_sum(along, sums);
        }
        for (int column = threadIdx.x; column < columns; column += blockDim.x) {
            const double parallel = other == nullptr ? 0.0 : along * other[row * other_stride + column];
            const double value = x[row * stride + column] - parallel;
            square += value * value;
        }
        square = block_sum(square, sums);
    }
    if (threadIdx.x == 0) {
        norms[row] = square;
    }
}
DARIEN_EXPORT(squared_norm_rows)

// One block: sum = (or +=) Σ norms.
extern "C" __global__ void squared_norm(const double* norms, int rows, int accumulate, double* sum) {
    __shared__ double sums[32];
    double total = 0;
    for (int row = threadIdx.x; row < rows; row += blockDim.x) {
        total += norms[row];
    }
    total = block_sum(total, sums);
    if (threadIdx.x == 0) {
        *sum = (accumulate != 0 ? *sum : 0.0) + total;
    }
}
DARIEN_EXPORT(squared_norm)

// One thread. As Math.min: NaN if the norm is.
extern "C" __global__ void clip_scale(const double* squared_norm, double maximum, float* scale) {
    const double factor = maximum / (sqrt(*squared_norm) + 1e-6);
    *scale = factor > 1.0 ? 1.0f : (float)factor;
}
DARIEN_EXPORT(clip_scale)

// Element by element. Grid: x is the row, y and the threads are the columns.
extern "C" __global__ void adam_elements(
    AdamStep step, float* weights, int64 weights_stride, const float* gradient, int64 gradient_stride,
    float* first_moment, int64 first_stride, float* second_moment, int64 second_stride, int columns,
    const int* touched, const float* gradient_scale) {
    const int64 row = blockIdx.x;
    const bool zero = touched != nullptr && touched[row] == 0;
    const float scale = gradient_scale == nullptr ? 1.0f : *gradient_scale;
    for (int column = blockIdx.y * blockDim.x + threadIdx.x; column < columns; column += gridDim.y * blockDim.x) {
        Vec<1> g;
        g.e[0] = zero ? 0.0f : scale * gradient[row * gradient_stride + column];
        float* weight = weights + row * weights_stride + column;
        adam<1>(
            step, Vec<1>::load(weight), g, first_moment + row * first_stride + column,
            second_moment + row * second_stride + column)
            .store(weight);
    }
}
DARIEN_EXPORT(adam_elements)

// One block for each row of norm 1. Dynamic shared memory: a row.
extern "C" __global__ void adam_unit_rows(
    AdamStep step, float* weights, int64 weights_stride, const float* gradient, int64 gradient_stride,
    float* first_moment, int64 first_stride, float* second_moment, int64 second_stride, int columns,
    const int* touched, const float* gradient_scale) {
    DARIEN_SHARED(float, sum);
    __shared__ float partial[32];
    const int64 row = blockIdx.x;
    const bool zero = touched != nullptr && touched[row] == 0;
    const float scale = gradient_scale == nullptr ? 1.0f : *gradient_scale;
    for (int column = threadIdx.x; column < columns; column += blockDim.x) {
        sum[column] = zero ? 0.0f : scale * gradient[row * gradient_stride + column];
    }
    const AdamRow own = {
        weights + row * weights_stride, first_moment + row * first_stride, second_moment + row * second_stride};
    adam_row<1>(step, own, columns, sum, true, partial);
}
DARIEN_EXPORT(adam_unit_rows)
