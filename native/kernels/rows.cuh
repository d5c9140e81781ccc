// SPDX-License-Identifier: Apache-2.0
//
// Rows of matrices, one or four numbers at a time. Four need a width and strides that are multiples of 4 and 16-byte
// alignment, which the host checks before it picks the kernel.
#pragma once
#include "darien.cuh"

template <int V>
struct Vec {
    float e[V];

    static __device__ __forceinline__ Vec load(const float* at) {
        Vec value;
        if constexpr (V == 4) {
            const float4 four = *reinterpret_cast<const float4*>(at);
            value.e[0] = four.x;
            value.e[1] = four.y;
            value.e[2] = four.z;
            value.e[3] = four.w;
        } else {
            value.e[0] = *at;
        }
        return value;
    }

    static __device__ __forceinline__ Vec zero() {
        Vec value;
#pragma unroll
        for (int i = 0; i < V; i++) {
            value.e[i] = 0.0f;
        }
        return value;
    }

    __device__ __forceinline__ void store(float* at) const {
        if constexpr (V == 4) {
            *reinterpret_cast<float4*>(at) = make_float4(e[0], e[1], e[2], e[3]);
        } else {
            *at = e[0];
        }
    }

    // this += factor · other
    __device__ __forceinline__ void add(float factor, const Vec& other) {
#pragma unroll
        for (int i = 0; i < V; i++) {
            e[i] = fmaf(factor, other.e[i], e[i]);
        }
    }

    __device__ __forceinline__ void scale(float factor) {
#pragma unroll
        for (int i = 0; i < V; i++) {
            e[i] *= factor;
        }
    }

    __device__ __forceinline__ float dot(const Vec& other) const {
        float sum = 0.0f;
#pragma unroll
        for (int i = 0; i < V; i++) {
            sum = fmaf(e[i], other.e[i], sum);
        }
        return sum;
    }
};

// One step of Adam (Kingma and Ba 2015, algorithm 1) on some neighbours; the new weights are returned, the moments
// stored.
struct AdamStep {
    float learning_rate;
    float beta1;
    float beta2;
    float epsilon;
    float correction1;
    float correction2;
};

template <int V>
__device__ __forceinline__ Vec<V> adam(
    const AdamStep& step, const Vec<V>& weight, const Vec<V>& gradient, float* first_moment, float* second_moment) {
    Vec<V> m = Vec<V>::load(first_moment);
    Vec<V> v = Vec<V>::load(second_moment);
    Vec<V> next;
#pragma unroll
    for (int i = 0; i < V; i++) {
        const float g = gradient.e[i];
        m.e[i] = fmaf(step.beta1, m.e[i], (1.0f - step.beta1) * g);
        v.e[i] = fmaf(step.beta2, v.e[i], (1.0f - step.beta2) * g * g);
        const float update = m.e[i] / step.correction1 / (sqrtf(v.e[i] / step.correction2) + step.epsilon);
        next.e[i] = fmaf(-step.learning_rate, update, weight.e[i]);
    }
    m.store(first_moment);
    v.store(second_moment);
    return next;
}

// A row of weights and its moments.
struct AdamRow {
    float* weights;
    float* first_moment;
    float* second_moment;
};

// weights = row / ‖row‖ where the squares overflow in single precision, or vanish; a row of zeros stays.
template <int V>
__device__ __forceinline__ void normalise_exactly(float* weights, int columns, const float* row) {
    __shared__ double sums[32];
    double squares = 0;
    for (int column = threadIdx.x * V; column < columns; column += blockDim.x * V) {
#pragma unroll
        for (int i = 0; i < V; i++) {
            squares += (double)row[column + i] * row[column + i];
        }
    }
    squares = block_sum(squares, sums);
    const double factor = squares > 0 ? 1 / sqrt(squares) : 1.0;
    for (int column = threadIdx.x * V; column < columns; column += blockDim.x * V) {
#pragma unroll
        for (int i = 0; i < V; i++) {
            weights[column + i] = (float)(row[column + i] * factor);
        }
    }
}

// Steps a whole row by the block, with its gradient in shared memory, which is used up; with `unit` the gradient's
// component along the row is taken out before, and the row's norm is 1 after. Each thread touches the columns that it
// owns, V at every blockDim · V.
template <int V>
__device__ __forceinline__ void adam_row(
    const AdamStep& step, const AdamRow& row, int columns, float* gradient, bool unit, float* partial) {
    const int first = threadIdx.x * V;
    const int next_column = blockDim.x * V;
    float along = 0.0f;
    if (unit) {
        for (int column = first; column < columns; column += next_column) {
            along += Vec<V>::load(gradient + column).dot(Vec<V>::load(row.weights + column));
        }
        along = block_sum(along, partial);
    }
    float squares = 0.0f;
    for (int column = first; column < columns; column += next_column) {
        const Vec<V> weight = Vec<V>::load(row.weights + column);
        Vec<V> g = Vec<V>::load(gradient + column);
        if (unit) {
            g.add(-along, weight);
        }
        const Vec<V> next = adam<V>(step, weight, g, row.first_moment + column, row.second_moment + column);
        if (unit) {
            squares += next.dot(next);
            next.store(gradient + column);
        } else {
            next.store(row.weights + column);
        }
    }
    if (unit) {
        squares = block_sum(squares, partial);
        if (!(squares >= 1.17549435e-38f && squares <= 3.40282347e38f)) {
            normalise_exactly<V>(row.weights, columns, gradient);
            return;
        }
        const float factor = 1.0f / sqrtf(squares);
        for (int column = first; column < columns; column += next_column) {
            Vec<V> next = Vec<V>::load(gradient + column);
            next.scale(factor);
            next.store(row.weights + column);
        }
    }
}
