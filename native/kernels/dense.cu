// SPDX-License-Identifier: Apache-2.0
//
// Element by element, and sums over rows or columns of dense matrices. Grids: x is the row, y and the threads are the
// columns, unless said otherwise.
#include "darien.cuh"

// Half precision by its bits, since NVRTC has no header of it: a subnormal half is a small multiple of 2^-24.
__device__ __forceinline__ float from_f16(uint16 half) {
    const uint32 sign = (half & 0x8000u) << 16;
    const uint32 exponent = (half >> 10) & 0x1fu;
    const uint32 fraction = half & 0x3ffu;
    if (exponent == 0) {
        const float magnitude = (float)fraction * 5.9604644775390625e-8f;
        return __uint_as_float(__float_as_uint(magnitude) | sign);
    }
    const uint32 bits = exponent == 0x1fu ? 0x7f800000u | fraction << 13 : (exponent + 112u) << 23 | fraction << 13;
    return __uint_as_float(bits | sign);
}

__device__ __forceinline__ float from_bf16(uint16 half) {
    return __uint_as_float((uint32)half << 16);
}

__device__ __forceinline__ float as_float(float value) { return value; }

struct F16 {
    uint16 bits;
};
struct Bf16 {
    uint16 bits;
};
__device__ __forceinline__ float as_float(F16 value) { return from_f16(value.bits); }
__device__ __forceinline__ float as_float(Bf16 value) { return from_bf16(value.bits); }

// out = scale · source - offset
template <typename T>
__device__ __forceinline__ void convert(
    const T* source, int64 source_stride, float scale, const float* offset, float* out, int64 out_stride, int columns) {
    const int64 row = blockIdx.x;
    for (int column = blockIdx.y * blockDim.x + threadIdx.x; column < columns; column += gridDim.y * blockDim.x) {
        const float shift = offset == nullptr ? 0.0f : offset[column];
        out[row * out_stride + column] = fmaf(scale, as_float(source[row * source_stride + column]), -shift);
    }
}

extern "C" __global__ void convert_f32(
    const float* source, int64 source_stride, float scale, const float* offset, float* out, int64 out_stride, int columns) {
    convert(source, source_stride, scale, offset, out, out_stride, columns);
}
DARIEN_EXPORT(convert_f32)

extern "C" __global__ void convert_f16(
    const F16* source, int64 source_stride, float scale, const float* offset, float* out, int64 out_stride, int columns) {
    convert(source, source_stride, scale, offset, out, out_stride, columns);
}
DARIEN_EXPORT(convert_f16)

extern "C" __global__ void convert_bf16(
    const Bf16* source, int64 source_stride, float scale, const float* offset, float* out, int64 out_stride, int columns) {
    convert(source, source_stride, scale, offset, out, out_stride, columns);
}
DARIEN_EXPORT(convert_bf16)

// The operands of a bf16 product, rounded to nearest, ties to even; NaN stays NaN.
extern "C" __global__ void pack_bf16(
    const float* source, int64 source_stride, uint16* out, int64 out_stride, int columns) {
    const int64 row = blockIdx.x;
    for (int column = blockIdx.y * blockDim.x + threadIdx.x; column < columns; column += gridDim.y * blockDim.x) {
        const uint32 bits = __float_as_uint(source[row * source_stride + column]);
        const bool nan = (bits & 0x7fffffffu) > 0x7f800000u;
        const uint32 rounded = nan ? bits | 0x400000u : bits + 0x7fffu + ((bits >> 16) & 1u);
        out[row * out_stride + column] = (uint16)(rounded >> 16);
    }
}
DARIEN_EXPORT(pack_bf16)

template <typename T>
__device__ __forceinline__ void fill(T* x, int64 stride, int columns, T bits) {
    for (int column = blockIdx.y * blockDim.x + threadIdx.x; column < columns; column += gridDim.y * blockDim.x) {
        x[(int64)blockIdx.x * stride + column] = bits;
    }
}

extern "C" __global__ void fill_16(uint16* x, int64 stride, int columns, uint32 bits) {
    fill(x, stride, columns, (uint16)bits);
}
DARIEN_EXPORT(fill_16)

extern "C" __global__ void fill_32(uint32* x, int64 stride, int columns, uint32 bits) {
    fill(x, stride, columns, bits);
}
DARIEN_EXPORT(fill_32)

extern "C" __global__ void fill_64(uint64* x, int64 stride, int columns, uint64 bits) {
    fill(x, stride, columns, bits);
}
DARIEN_EXPORT(fill_64)

extern "C" __global__ void scale(float* x, int64 stride, int columns, float factor) {
    for (int column = blockIdx.y * blockDim.x + threadIdx.x; column < columns; column += gridDim.y * blockDim.x) {
        x[(int64)blockIdx.x * stride + column] *= factor;
    }
}
DARIEN_EXPORT(scale)

// NaN is not below anything, so it stays.
extern "C" __global__ void clamp_below(float* x, int64 stride, int columns, float minimum) {
    for (int column = blockIdx.y * blockDim.x + threadIdx.x; column < columns; column += gridDim.y * blockDim.x) {
        float* at = x + (int64)blockIdx.x * stride + column;
        *at = *at < minimum ? minimum : *at;
    }
}
DARIEN_EXPORT(clamp_below)

extern "C" __global__ void exponential_average(
    const float* value, int64 value_stride, double rate, float* average, int64 average_stride, int columns) {
    for (int column = blockIdx.y * blockDim.x + threadIdx.x; column < columns; column += gridDim.y * blockDim.x) {
        float* at = average + (int64)blockIdx.x * average_stride + column;
        const double old = *at;
        *at = (float)(old + rate * (value[(int64)blockIdx.x * value_stride + column] - old));
    }
}
DARIEN_EXPORT(exponential_average)

// One warp for each row.
extern "C" __global__ void row_norms(const float* x, int64 stride, int rows, int columns, float* norms) {
    const int row = blockIdx.x * (blockDim.x / DARIEN_WARP) + threadIdx.x / DARIEN_WARP;
    if (row >= rows) {
        return;
    }
    double squares = 0;
    for (int column = threadIdx.x % DARIEN_WARP; column < columns; column += DARIEN_WARP) {
        const double value = x[row * stride + column];
        squares += value * value;
    }
    squares = warp_sum(squares);
    if (threadIdx.x % DARIEN_WARP == 0) {
        norms[row] = (float)sqrt(squares);
    }
}
DARIEN_EXPORT(row_norms)

// Sums over rows in two steps. Grid: x and the threads are the columns, y is a segment of the rows; partial[y, column].
extern "C" __global__ void weighted_row_sum_partial(
    const float* weights, const float* rows, int64 stride, int count, int columns, int segment, double* partial) {
    const int column = blockIdx.x * blockDim.x + threadIdx.x;
    if (column >= columns) {
        return;
    }
    const int first = blockIdx.y * segment;
    const int last = min(count, first + segment);
    double sum = 0;
    for (int row = first; row < last; row++) {
        const double weight = weights == nullptr ? 1.0 : (double)weights[row];
        sum += weight * rows[row * stride + column];
    }
    partial[(int64)blockIdx.y * columns + column] = sum;
}
DARIEN_EXPORT(weighted_row_sum_partial)

extern "C" __global__ void weighted_row_sum(
    const double* partial, int segments, int columns, double factor, int accumulate, float* out) {
    const int column = blockIdx.x * blockDim.x + threadIdx.x;
    if (column >= columns) {
        return;
    }
    double sum = 0;
    for (int segment = 0; segment < segments; segment++) {
        sum += partial[(int64)segment * columns + column];
    }
    out[column] = (float)((accumulate != 0 ? (double)out[column] : 0.0) + factor * sum);
}
DARIEN_EXPORT(weighted_row_sum)

// Weiszfeld's iteration. `moved` is how far the last one went; once that is no more than the tolerance (or NaN), the
// kernels of the iterations that are already enqueued do nothing.

// One warp for each row: its weight, 1 over its distance from the guess.
extern "C" __global__ void geometric_median_weights(
    const float* x, int64 stride, int rows, int columns, const float* median, const double* moved, double tolerance,
    double* weights) {
    const int row = blockIdx.x * (blockDim.x / DARIEN_WARP) + threadIdx.x / DARIEN_WARP;
    if (row >= rows || !(*moved > tolerance)) {
        return;
    }
    double squares = 0;
    for (int column = threadIdx.x % DARIEN_WARP; column < columns; column += DARIEN_WARP) {
        const double difference = (double)x[row * stride + column] - median[column];
        squares += difference * difference;
    }
    squares = warp_sum(squares);
    if (threadIdx.x % DARIEN_WARP == 0) {
        const double distance = sqrt(squares);
        // Written so that a distance of NaN gives a weight of NaN.
        weights[row] = 1.0 / (distance < 1e-10 ? 1e-10 : distance);
    }
}
DARIEN_EXPORT(geometric_median_weights)

// As weighted_row_sum_partial; the last column, one more than x has, holds the sum of the weights.
extern "C" __global__ void geometric_median_partial(
    const double* weights, const float* x, int64 stride, int rows, int columns, int segment, const double* moved,
    double tolerance, double* partial) {
    const int column = blockIdx.x * blockDim.x + threadIdx.x;
    if (column > columns || !(*moved > tolerance)) {
        return;
    }
    const int first = blockIdx.y * segment;
    const int last = min(rows, first + segment);
    double sum = 0;
    for (int row = first; row < last; row++) {
        sum += weights[row] * (column == columns ? 1.0 : (double)x[row * stride + column]);
    }
    partial[(int64)blockIdx.y * (columns + 1) + column] = sum;
}
DARIEN_EXPORT(geometric_median_partial)

// One block: the next guess, and how far it is from the last.
extern "C" __global__ void geometric_median(
    const double* partial, int segments, int columns, float* median, double* moved, double tolerance) {
    __shared__ double sums[32];
    if (!(*moved > tolerance)) {
        return;
    }
    double weight = 0;
    for (int segment = 0; segment < segments; segment++) {
        weight += partial[(int64)segment * (columns + 1) + columns];
    }
    double squares = 0;
    for (int column = threadIdx.x; column < columns; column += blockDim.x) {
        double sum = 0;
        for (int segment = 0; segment < segments; segment++) {
            sum += partial[(int64)segment * (columns + 1) + column];
        }
        const double next = sum / weight;
        const double step = next - median[column];
        squares += step * step;
        median[column] = (float)next;
    }
    squares = block_sum(squares, sums);
    if (threadIdx.x == 0) {
        *moved = sqrt(squares);
    }
}
DARIEN_EXPORT(geometric_median)
