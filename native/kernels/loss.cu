// SPDX-License-Identifier: Apache-2.0
//
// Sums over entries and rows that make losses and statistics, and what is tracked of the latents. Partial sums in one
// kernel, their sum in the next, both in a fixed order.
#include "darien.cuh"

// The number of entries of codes whose last offset this is, but never more than there is room for.
__device__ __forceinline__ int64 entries_of(const int64* last_offset, int64 capacity) {
    return min(*last_offset, capacity);
}

// Adds coefficient · n_j to the gradient of each active entry; partial[block] = Σ z_j · n_j.
extern "C" __global__ void add_l1_partial(
    const int64* last_offset, int64 capacity, const int* indices, const float* values, const float* norms,
    float coefficient, float* gradients, double* partial) {
    __shared__ double sums[32];
    const int64 entries = entries_of(last_offset, capacity);
    double sum = 0;
    for (int64 at = (int64)blockIdx.x * blockDim.x + threadIdx.x; at < entries; at += (int64)gridDim.x * blockDim.x) {
        const float value = values[at];
        if (value != 0.0f) {
            const float norm = norms == nullptr ? 1.0f : norms[indices[at]];
            sum += (double)value * norm;
            gradients[at] = fmaf(coefficient, norm, gradients[at]);
        }
    }
    sum = block_sum(sum, sums);
    if (threadIdx.x == 0) {
        partial[blockIdx.x] = sum;
    }
}
DARIEN_EXPORT(add_l1_partial)

// One block: penalty += coefficient · Σ partial.
extern "C" __global__ void add_l1(const double* partial, int count, double coefficient, double* penalty) {
    __shared__ double sums[32];
    double sum = 0;
    for (int at = threadIdx.x; at < count; at += blockDim.x) {
        sum += partial[at];
    }
    sum = block_sum(sum, sums);
    if (threadIdx.x == 0) {
        *penalty += coefficient * sum;
    }
}
DARIEN_EXPORT(add_l1)

// Column means from the partial sums of weighted_row_sum_partial. Divided once, so that rows which are all the same have
// exactly themselves as their mean.
extern "C" __global__ void auxiliary_scale_means(const double* partial, int segments, int columns, double rows, double* means) {
    const int column = blockIdx.x * blockDim.x + threadIdx.x;
    if (column >= columns) {
        return;
    }
    double sum = 0;
    for (int segment = 0; segment < segments; segment++) {
        sum += partial[(int64)segment * columns + column];
    }
    means[column] = sum / rows;
}
DARIEN_EXPORT(auxiliary_scale_means)

// One block for each row: distances[row] = ‖x[row] - means‖², squares[row] = ‖x[row]‖².
extern "C" __global__ void auxiliary_scale_rows(
    const float* x, int64 stride, int columns, const double* means, double* distances, double* squares) {
    __shared__ double sums[32];
    const int64 row = blockIdx.x;
    double distance = 0;
    double square = 0;
    for (int column = threadIdx.x; column < columns; column += blockDim.x) {
        const double value = x[row * stride + column];
        const double difference = value - means[column];
        distance += difference * difference;
        square += value * value;
    }
    distance = block_sum(distance, sums);
    square = block_sum(square, sums);
    if (threadIdx.x == 0) {
        distances[row] = distance;
        squares[row] = square;
    }
}
DARIEN_EXPORT(auxiliary_scale_rows)

// One block. What is left of equal rows after rounding is no distance: anything divided by it would be noise. Nor is what
// single precision can't divide by.
extern "C" __global__ void auxiliary_scale(
    const double* distances, const double* squares, const float* errors, int rows, double coefficient, float* scale,
    double* loss) {
    __shared__ double sums[32];
    double distance = 0;
    double square = 0;
    double error = 0;
    for (int row = threadIdx.x; row < rows; row += blockDim.x) {
        distance += distances[row];
        square += squares[row];
        error += errors[row];
    }
    distance = block_sum(distance, sums);
    square = block_sum(square, sums);
    error = block_sum(error, sums);
    if (threadIdx.x == 0) {
        const bool none = distance <= 1e-10 * square || distance < 1.17549435e-38;
        *scale = none ? 0.0f : (float)(2.0 * coefficient / distance);
        *loss = none ? 0.0 : error / distance;
    }
}
DARIEN_EXPORT(auxiliary_scale)

// active[block] = number of active entries.
extern "C" __global__ void add_statistics_partial(
    const int64* last_offset, int64 capacity, const float* values, int* active) {
    __shared__ int sums[32];
    const int64 entries = entries_of(last_offset, capacity);
    int count = 0;
    for (int64 at = (int64)blockIdx.x * blockDim.x + threadIdx.x; at < entries; at += (int64)gridDim.x * blockDim.x) {
        count += values[at] != 0.0f ? 1 : 0;
    }
    count = block_sum(count, sums);
    if (threadIdx.x == 0) {
        active[blockIdx.x] = count;
    }
}
DARIEN_EXPORT(add_statistics_partial)

// One block: statistics += (Σ row errors, Σ active).
extern "C" __global__ void add_statistics(
    const float* row_errors, int rows, const int* active, int count, double* statistics) {
    __shared__ double sums[32];
    double errors = 0;
    double entries = 0;
    for (int row = threadIdx.x; row < rows; row += blockDim.x) {
        errors += row_errors[row];
    }
    for (int at = threadIdx.x; at < count; at += blockDim.x) {
        entries += active[at];
    }
    errors = block_sum(errors, sums);
    entries = block_sum(entries, sums);
    if (threadIdx.x == 0) {
        statistics[0] += errors;
        statistics[1] += entries;
    }
}
DARIEN_EXPORT(add_statistics)

// Entries of one latent all write the same number, so that their order doesn't matter.
extern "C" __global__ void mark_fired(
    const int64* last_offset, int64 capacity, const int* indices, const float* values, int step, int* last_fired) {
    const int64 entries = entries_of(last_offset, capacity);
    for (int64 at = (int64)blockIdx.x * blockDim.x + threadIdx.x; at < entries; at += (int64)gridDim.x * blockDim.x) {
        if (values[at] != 0.0f) {
            last_fired[indices[at]] = step;
        }
    }
}
DARIEN_EXPORT(mark_fired)

// Each block takes a part of the latents: how many of them are dead.
extern "C" __global__ void list_dead_count(const int* last_fired, int latents, int horizon, int part, int* counts) {
    __shared__ int sums[32];
    const int first = blockIdx.x * part;
    const int last = min(latents, first + part);
    int count = 0;
    for (int latent = first + threadIdx.x; latent < last; latent += blockDim.x) {
        count += last_fired[latent] < horizon ? 1 : 0;
    }
    count = block_sum(count, sums);
    if (threadIdx.x == 0) {
        counts[blockIdx.x] = count;
    }
}
DARIEN_EXPORT(list_dead_count)

// As above: lists them after those of the parts before, in ascending order. The last block knows the total.
extern "C" __global__ void list_dead(
    const int* last_fired, int latents, int horizon, int part, const int* counts, int* dead, int* number) {
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
        const bool take = latent < last && last_fired[latent] < horizon;
        int total;
        const int place = before + block_rank(take, sums, &total);
        if (take) {
            dead[place] = latent;
        }
        before += total;
    }
    if (blockIdx.x == gridDim.x - 1 && threadIdx.x == 0) {
        *number = before;
    }
}
DARIEN_EXPORT(list_dead)
