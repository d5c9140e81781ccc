// SPDX-License-Identifier: Apache-2.0
//
// What single methods need: gated encoders, nested dictionaries, concave penalties, latents that fire too seldom.
#include "darien.cuh"

// One block: where the list of each latent begins, from its budget; no list goes beyond the capacity, which `total`
// receives the sum of. Sizes, and the counts of rows + 1 rows, become 0.
extern "C" __global__ void encode_feature_choice_starts(
    const int* budgets, int latents, int rows, int64 capacity, int* starts, int* sizes, int* counts, int64* total) {
    __shared__ int64 partial[32];
    int64 before = 0;
    for (int base = 0; base < latents; base += blockDim.x) {
        const int latent = base + threadIdx.x;
        const int budget = latent < latents ? max(0, min(budgets[latent], rows)) : 0;
        int64 sum;
        const int64 start = before + block_exclusive_sum((int64)budget, partial, &sum);
        if (latent < latents) {
            starts[latent] = (int)min(start, capacity);
            sizes[latent] = 0;
        }
        before += sum;
    }
    for (int row = threadIdx.x; row <= rows; row += blockDim.x) {
        counts[row] = 0;
    }
    if (threadIdx.x == 0) {
        starts[latents] = (int)min(before, capacity);
        *total = min(before, capacity);
    }
}
DARIEN_EXPORT(encode_feature_choice_starts)

// Whether an entry of a latent's heap is worse than another: smaller, or as large and of a higher row.
__device__ __forceinline__ bool feature_choice_worse(float value, int row, float other_value, int other_row) {
    return value < other_value || (value == other_value && row > other_row);
}

// One thread for each latent: a heap of its largest values, the worst on top, is offered the rows of a tile in order.
extern "C" __global__ void encode_feature_choice_offer(
    const float* tile, int64 stride, const float* bias, int latents, int first_row, int rows, int keep_non_positive,
    const int* starts, int* sizes, float* values, int* value_rows) {
    const int latent = blockIdx.x * blockDim.x + threadIdx.x;
    if (latent >= latents) {
        return;
    }
    const int start = starts[latent];
    const int room = starts[latent + 1] - start;
    float* heap = values + start;
    int* heap_rows = value_rows + start;
    int size = sizes[latent];
    const float offset = bias[latent];
    for (int at = 0; at < rows; at++) {
        const float value = tile[at * stride + latent] + offset;
        const int row = first_row + at;
        const bool wanted = keep_non_positive != 0 ? value == value : value > 0.0f;
        if (wanted && size < room) {
            int place = size++;
            while (place > 0) {
                const int parent = (place - 1) / 2;
                if (feature_choice_worse(heap[parent], heap_rows[parent], value, row)) {
                    break;
                }
                heap[place] = heap[parent];
                heap_rows[place] = heap_rows[parent];
                place = parent;
            }
            heap[place] = value;
            heap_rows[place] = row;
        } else if (size > 0 && value > heap[0]) {
            int place = 0;
            while (2 * place + 1 < size) {
                int child = 2 * place + 1;
                if (child + 1 < size &&
                    feature_choice_worse(heap[child + 1], heap_rows[child + 1], heap[child], heap_rows[child])) {
                    child++;
                }
                if (!feature_choice_worse(heap[child], heap_rows[child], value, row)) {
                    break;
                }
                heap[place] = heap[child];
                heap_rows[place] = heap_rows[child];
                place = child;
            }
            heap[place] = value;
            heap_rows[place] = row;
        }
    }
    sizes[latent] = size;
}
DARIEN_EXPORT(encode_feature_choice_offer)

// One thread for each latent: its entries are counted by row, what its list is short of goes to the row after the last,
// and the smallest value is at the heap's top.
extern "C" __global__ void encode_feature_choice_count(
    const float* values, int* value_rows, const int* starts, const int* sizes, int latents, int rows, int* entry_latents,
    int* counts, float* smallest_kept) {
    const int latent = blockIdx.x * blockDim.x + threadIdx.x;
    if (latent >= latents) {
        return;
    }
    const int start = starts[latent];
    const int size = sizes[latent];
    for (int at = start; at < starts[latent + 1]; at++) {
        if (at - start < size) {
            atomicAdd(&counts[value_rows[at]], 1);
        } else {
            value_rows[at] = rows;
        }
        entry_latents[at] = latent;
    }
    if (size > 0) {
        smallest_kept[latent] = values[start];
    }
}
DARIEN_EXPORT(encode_feature_choice_count)

// Entries sorted by row, latents ascending within it, go to the codes.
extern "C" __global__ void encode_feature_choice(
    const int* sorted, const int64* last_offset, int64 capacity, const int* entry_latents, const float* values,
    int* indices, float* code_values) {
    const int64 entries = min(*last_offset, capacity);
    for (int64 at = (int64)blockIdx.x * blockDim.x + threadIdx.x; at < entries; at += (int64)gridDim.x * blockDim.x) {
        const int entry = sorted[at];
        indices[at] = entry_latents[entry];
        code_values[at] = values[entry];
    }
}
DARIEN_EXPORT(encode_feature_choice)

// One block for each row: the largest positive value of each group of neighbouring latents, of equal ones the first, in the
// order of the groups. chosen has room for `groups` entries of each row.
extern "C" __global__ void encode_group_max(
    const float* tile, int64 stride, const float* bias, int latents, int groups, float* chosen_values,
    int* chosen_latents, int* counts) {
    __shared__ int partial[32];
    const int64 row = blockIdx.x;
    int before = 0;
    for (int base = 0; base < groups; base += blockDim.x) {
        const int group = base + threadIdx.x;
        float best = 0.0f;
        int best_latent = -1;
        if (group < groups) {
            const int last = (int)((int64)(group + 1) * latents / groups);
            for (int latent = (int)((int64)group * latents / groups); latent < last; latent++) {
                const float value = tile[row * stride + latent] + bias[latent];
                if (value > best) {
                    best = value;
                    best_latent = latent;
                }
            }
        }
        int total;
        const int place = before + block_rank(best_latent >= 0, partial, &total);
        if (best_latent >= 0) {
            chosen_values[row * groups + place] = best;
            chosen_latents[row * groups + place] = best_latent;
        }
        before += total;
    }
    if (threadIdx.x == 0) {
        counts[row] = before;
    }
}
DARIEN_EXPORT(encode_group_max)

// magnitudes = relu(exp(r_j) · (gate - b_gate_j) + b_mag_j) of each open gate.
extern "C" __global__ void gated_magnitudes(
    const int64* last_offset, int64 capacity, const int* indices, const float* gates, const float* gate_bias,
    const float* log_scale, const float* magnitude_bias, float* magnitudes) {
    const int64 entries = min(*last_offset, capacity);
    for (int64 at = (int64)blockIdx.x * blockDim.x + threadIdx.x; at < entries; at += (int64)gridDim.x * blockDim.x) {
        const float gate = gates[at];
        const int latent = indices[at];
        const double magnitude =
            exp((double)log_scale[latent]) * ((double)gate - gate_bias[latent]) + magnitude_bias[latent];
        magnitudes[at] = gate == 0.0f ? 0.0f : (float)(magnitude <= 0 ? 0.0 : magnitude);
    }
}
DARIEN_EXPORT(gated_magnitudes)

// One warp for each latent: the gradients of r and b_mag; its code gradients become those of the shared product.
extern "C" __global__ void gated_gradient(
    const float* values, const int* offsets, const int* entries, float* gradients, const float* scale, int latents,
    const float* log_scale, const float* magnitude_bias, int accumulate, float* scale_gradient, float* bias_gradient) {
    const int latent = blockIdx.x * (blockDim.x / DARIEN_WARP) + threadIdx.x / DARIEN_WARP;
    if (latent >= latents) {
        return;
    }
    const double factor = exp((double)log_scale[latent]);
    const double bias = magnitude_bias[latent];
    double sum = 0;
    double weighted = 0;
    for (int at = offsets[latent] + threadIdx.x % DARIEN_WARP; at < offsets[latent + 1]; at += DARIEN_WARP) {
        const int entry = entries[at];
        const float value = values[entry];
        const double gradient = gradients[entry];
        if (value != 0.0f) {
            sum += gradient;
            weighted += gradient * (value - bias);
        }
        gradients[entry] = (float)(gradient * factor);
    }
    sum = warp_sum(sum);
    weighted = warp_sum(weighted);
    if (threadIdx.x % DARIEN_WARP == 0) {
        scale_gradient[latent] = (float)((accumulate != 0 ? (double)scale_gradient[latent] : 0.0) + *scale * weighted);
        bias_gradient[latent] = (float)((accumulate != 0 ? (double)bias_gradient[latent] : 0.0) + *scale * sum);
    }
}
DARIEN_EXPORT(gated_gradient)

// out = the value of entries of latents first to last - 1, else 0.
extern "C" __global__ void keep_latents(
    const int64* last_offset, int64 capacity, const int* indices, const float* values, int first, int last, float* out) {
    const int64 entries = min(*last_offset, capacity);
    for (int64 at = (int64)blockIdx.x * blockDim.x + threadIdx.x; at < entries; at += (int64)gridDim.x * blockDim.x) {
        const int latent = indices[at];
        out[at] = latent >= first && latent < last ? values[at] : 0.0f;
    }
}
DARIEN_EXPORT(keep_latents)

// Adds coefficient · n · φ'(z · n) to the gradient of each entry that counts; partial[block] = Σ φ. Kind 0 is the power
// (a + offset)^p - offset^p over active entries, 1 tanh(p · a) over all.
extern "C" __global__ void add_penalty_partial(
    const int64* last_offset, int64 capacity, const int* indices, const float* values, const float* norms, int kind,
    double parameter, double offset, double coefficient, float* gradients, double* partial) {
    __shared__ double sums[32];
    const int64 entries = min(*last_offset, capacity);
    double sum = 0;
    for (int64 at = (int64)blockIdx.x * blockDim.x + threadIdx.x; at < entries; at += (int64)gridDim.x * blockDim.x) {
        const float value = values[at];
        if (value == 0.0f && kind == 0) {
            continue;
        }
        const double norm = norms == nullptr ? 1.0 : (double)norms[indices[at]];
        const double code = value * norm;
        double slope;
        if (kind == 0) {
            sum += pow(code + offset, parameter) - pow(offset, parameter);
            slope = parameter * pow(code + offset, parameter - 1);
        } else {
            const double height = tanh(parameter * code);
            sum += height;
            slope = parameter * (1 - height * height);
        }
        gradients[at] = (float)(gradients[at] + coefficient * norm * slope);
    }
    sum = block_sum(sum, sums);
    if (threadIdx.x == 0) {
        partial[blockIdx.x] = sum;
    }
}
DARIEN_EXPORT(add_penalty_partial)

// Each block takes a part of the latents: how many of them are dead or fire too seldom.
extern "C" __global__ void list_underused_count(
    const int* last_fired, int latents, int horizon, const float* rates, const float* limits, int part, int* counts) {
    __shared__ int sums[32];
    const int first = blockIdx.x * part;
    const int last = min(latents, first + part);
    int count = 0;
    for (int latent = first + threadIdx.x; latent < last; latent += blockDim.x) {
        count += last_fired[latent] < horizon || rates[latent] < limits[latent] ? 1 : 0;
    }
    count = block_sum(count, sums);
    if (threadIdx.x == 0) {
        counts[blockIdx.x] = count;
    }
}
DARIEN_EXPORT(list_underused_count)

// As above: lists them after those of the parts before, in ascending order. The last block knows the total.
extern "C" __global__ void list_underused(
    const int* last_fired, int latents, int horizon, const float* rates, const float* limits, int part,
    const int* counts, int* listed, int* number) {
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
        const bool take = latent < last && (last_fired[latent] < horizon || rates[latent] < limits[latent]);
        int total;
        const int place = before + block_rank(take, sums, &total);
        if (take) {
            listed[place] = latent;
        }
        before += total;
    }
    if (blockIdx.x == gridDim.x - 1 && threadIdx.x == 0) {
        *number = before;
    }
}
DARIEN_EXPORT(list_underused)
