// SPDX-License-Identifier: Apache-2.0
//
// The `budget` largest positive values of a whole batch, which arrives tile by tile and is never held. A list keeps the
// best so far in the order of the batch (row, then latent). Each tile appends what may still make it; if the list is
// then longer than the budget, the smallest value that stays is found digit by digit and the list is cut to it. So the
// list never holds more than the budget and one tile, and what is left at the end is exact.
#include "select.cuh"

// The state between kernels, which the host never reads.
struct BatchTopK {
    int64 length;     // entries in the list
    int64 remaining;  // of the entries that agree with the prefix, how many stay
    uint32 prefix;    // digits of the cut that are known
    uint32 bound;     // a later entry must be larger; 0 until the list was full once
    int cutting;      // whether the list is too long
    uint32 smallest;  // smallest key kept, at the end
};

// Digits of 11, 11 and 10 bits.
#define BATCH_BINS 2048

extern "C" __global__ void encode_batch_top_k_begin(BatchTopK* state) {
    state->length = 0;
    state->remaining = 0;
    state->prefix = 0;
    state->bound = 0;
    state->cutting = 0;
    state->smallest = 0xffffffffu;
}
DARIEN_EXPORT(encode_batch_top_k_begin)

// Grid: x is the row of the tile, y a part of `part` latents. counts[row, part] = number of values that may make it.
extern "C" __global__ void encode_batch_top_k_count(
    const float* tile, int64 stride, const float* bias, int latents, const BatchTopK* state, int part, int* counts) {
    __shared__ int partial[32];
    const int64 row = blockIdx.x;
    const uint32 bound = state->bound;
    const int last = min(latents, ((int)blockIdx.y + 1) * part);
    int count = 0;
    for (int latent = blockIdx.y * part + threadIdx.x; latent < last; latent += blockDim.x) {
        count += key_of(tile[row * stride + latent] + bias[latent]) > bound ? 1 : 0;
    }
    count = block_sum(count, partial);
    if (threadIdx.x == 0) {
        counts[row * gridDim.y + blockIdx.y] = count;
    }
}
DARIEN_EXPORT(encode_batch_top_k_count)

// One block: where each part's values begin in the list, and the list's new length.
extern "C" __global__ void encode_batch_top_k_starts(
    const int* counts, int parts, int64 budget, BatchTopK* state, int64* starts) {
    __shared__ int64 partial[32];
    int64 before = state->length;
    for (int base = 0; base < parts; base += blockDim.x) {
        const int at = base + threadIdx.x;
        const int64 count = at < parts ? counts[at] : 0;
        int64 total;
        const int64 start = before + block_exclusive_sum(count, partial, &total);
        if (at < parts) {
            starts[at] = start;
        }
        before += total;
    }
    // Everybody has read the length above before it changes: block_exclusive_sum ends with a barrier.
    __syncthreads();
    if (threadIdx.x == 0) {
        state->length = before;
        state->cutting = before > budget ? 1 : 0;
        state->remaining = budget;
        state->prefix = 0;
    }
}
DARIEN_EXPORT(encode_batch_top_k_starts)

// As encode_batch_top_k_count; appends the values. `first_row` is the number of the tile's first row in the batch.
extern "C" __global__ void encode_batch_top_k_append(
    const float* tile, int64 stride, const float* bias, int latents, const BatchTopK* state, int part,
    const int64* starts, int first_row, uint32* keys, int* rows, int* list_latents) {
    __shared__ int partial[32];
    const int64 row = blockIdx.x;
    const uint32 bound = state->bound;
    const int first = blockIdx.y * part;
    const int last = min(latents, first + part);
    int64 place = starts[row * gridDim.y + blockIdx.y];
    for (int base = first; base < last; base += blockDim.x) {
        const int latent = base + threadIdx.x;
        const uint32 key = latent < last ? key_of(tile[row * stride + latent] + bias[latent]) : 0u;
        int total;
        const int64 at = place + block_rank(key > bound, partial, &total);
        if (key > bound) {
            keys[at] = key;
            rows[at] = first_row + (int)row;
            list_latents[at] = latent;
        }
        place += total;
    }
}
DARIEN_EXPORT(encode_batch_top_k_append)

// The histogram of the digit at `shift` over the keys of the list that agree with the prefix above it. `bits` of the
// digit; histogram[BATCH_BINS] is 0 before.
extern "C" __global__ void encode_batch_top_k_histogram(
    const uint32* keys, const BatchTopK* state, int shift, int bits, uint32* histogram) {
    __shared__ uint32 bins[BATCH_BINS];
    if (state->cutting == 0) {
        return;
    }
    for (int at = threadIdx.x; at < BATCH_BINS; at += blockDim.x) {
        bins[at] = 0;
    }
    __syncthreads();
    const uint32 prefix = state->prefix;
    const uint32 mask = (1u << bits) - 1u;
    const int64 length = state->length;
    for (int64 at = (int64)blockIdx.x * blockDim.x + threadIdx.x; at < length; at += (int64)gridDim.x * blockDim.x) {
        const uint32 key = keys[at];
        if (shift + bits == 32 || key >> (shift + bits) == prefix) {
            atomicAdd(&bins[(key >> shift) & mask], 1u);
        }
    }
    __syncthreads();
    for (int at = threadIdx.x; at < BATCH_BINS; at += blockDim.x) {
        if (bins[at] != 0) {
            atomicAdd(&histogram[at], bins[at]);
        }
    }
}
DARIEN_EXPORT(encode_batch_top_k_histogram)

// One block of BATCH_BINS / 2 threads: the digit in which the cut lies. Leaves the histogram at 0 for the next one.
extern "C" __global__ void __launch_bounds__(BATCH_BINS / 2) encode_batch_top_k_digit(
    uint32* histogram, int bits, BatchTopK* state) {
    __shared__ int64 partial[32];
    if (state->cutting == 0) {
        return;
    }
    const int64 remaining = state->remaining;
    const uint32 prefix = state->prefix;
    // From the largest digit down; each thread takes two neighbours.
    const int high = BATCH_BINS - 1 - 2 * (int)threadIdx.x;
    const int64 count_high = histogram[high];
    const int64 count_low = histogram[high - 1];
    int64 total;
    const int64 before = block_exclusive_sum(count_high + count_low, partial, &total);
    histogram[high] = 0;
    histogram[high - 1] = 0;
    if (before < remaining && remaining <= before + count_high) {
        state->prefix = prefix << bits | (uint32)high;
        state->remaining = remaining - before;
    } else if (before + count_high < remaining && remaining <= before + count_high + count_low) {
        state->prefix = prefix << bits | (uint32)(high - 1);
        state->remaining = remaining - before - count_high;
    }
}
DARIEN_EXPORT(encode_batch_top_k_digit)

// Each block takes a part of `part` entries of the list: how many are larger than the cut, and how many equal.
extern "C" __global__ void encode_batch_top_k_cut_count(
    const uint32* keys, const BatchTopK* state, int part, int* larger, int* equal) {
    __shared__ int partial[32];
    if (state->cutting == 0) {
        return;
    }
    const uint32 cut = state->prefix;
    const int64 first = (int64)blockIdx.x * part;
    const int64 last = min(state->length, first + part);
    int count_larger = 0;
    int count_equal = 0;
    for (int64 at = first + threadIdx.x; at < last; at += blockDim.x) {
        count_larger += keys[at] > cut ? 1 : 0;
        count_equal += keys[at] == cut ? 1 : 0;
    }
    count_larger = block_sum(count_larger, partial);
    count_equal = block_sum(count_equal, partial);
    if (threadIdx.x == 0) {
        larger[blockIdx.x] = count_larger;
        equal[blockIdx.x] = count_equal;
    }
}
DARIEN_EXPORT(encode_batch_top_k_cut_count)

// One block: turns the counts of the parts into how many came before each.
extern "C" __global__ void encode_batch_top_k_cut_starts(
    const BatchTopK* state, int parts, int* larger, int* equal) {
    __shared__ int partial[32];
    if (state->cutting == 0) {
        return;
    }
    int before_larger = 0;
    int before_equal = 0;
    for (int base = 0; base < parts; base += blockDim.x) {
        const int at = base + threadIdx.x;
        int total;
        const int larger_here = at < parts ? larger[at] : 0;
        const int larger_start = before_larger + block_exclusive_sum(larger_here, partial, &total);
        before_larger += total;
        const int equal_here = at < parts ? equal[at] : 0;
        const int equal_start = before_equal + block_exclusive_sum(equal_here, partial, &total);
        before_equal += total;
        if (at < parts) {
            larger[at] = larger_start;
            equal[at] = equal_start;
        }
    }
}
DARIEN_EXPORT(encode_batch_top_k_cut_starts)

// As encode_batch_top_k_cut_count: what stays goes to the other list, in order. Of the entries equal to the cut the first
// `remaining` stay, so those of the lower row, then the lower latent.
extern "C" __global__ void encode_batch_top_k_cut_place(
    const uint32* keys, const int* rows, const int* latents, const BatchTopK* state, int part, const int* larger,
    const int* equal, uint32* kept_keys, int* kept_rows, int* kept_latents) {
    __shared__ int partial[32];
    if (state->cutting == 0) {
        return;
    }
    const uint32 cut = state->prefix;
    const int64 stay = state->remaining;
    const int64 first = (int64)blockIdx.x * part;
    const int64 last = min(state->length, first + part);
    int64 before_larger = larger[blockIdx.x];
    int64 before_equal = equal[blockIdx.x];
    for (int64 base = first; base < last; base += blockDim.x) {
        const int64 at = base + threadIdx.x;
        const uint32 key = at < last ? keys[at] : 0u;
        int total_larger;
        int total_equal;
        const int64 rank_larger = before_larger + block_rank(key > cut, partial, &total_larger);
        const int64 rank_equal = before_equal + block_rank(key != 0 && key == cut, partial, &total_equal);
        if (key > cut || (key != 0 && key == cut && rank_equal < stay)) {
            const int64 place = rank_larger + min(rank_equal, stay);
            kept_keys[place] = key;
            kept_rows[place] = rows[at];
            kept_latents[place] = latents[at];
        }
        before_larger += total_larger;
        before_equal += total_equal;
    }
}
DARIEN_EXPORT(encode_batch_top_k_cut_place)

// Copies what stayed back to the list's beginning.
extern "C" __global__ void encode_batch_top_k_cut_copy(
    const uint32* kept_keys, const int* kept_rows, const int* kept_latents, const BatchTopK* state, int64 budget,
    uint32* keys, int* rows, int* latents) {
    if (state->cutting == 0) {
        return;
    }
    for (int64 at = (int64)blockIdx.x * blockDim.x + threadIdx.x; at < budget; at += (int64)gridDim.x * blockDim.x) {
        keys[at] = kept_keys[at];
        rows[at] = kept_rows[at];
        latents[at] = kept_latents[at];
    }
}
DARIEN_EXPORT(encode_batch_top_k_cut_copy)

// One thread. A later value equal to the cut would lose against those that are there, so it must be larger.
extern "C" __global__ void encode_batch_top_k_cut_end(BatchTopK* state, int64 budget) {
    if (state->cutting != 0) {
        state->length = budget;
        state->bound = state->prefix;
        state->cutting = 0;
    }
}
DARIEN_EXPORT(encode_batch_top_k_cut_end)

// The list as codes: one thread for each entry, and for each row.
extern "C" __global__ void encode_batch_top_k_codes(
    const uint32* keys, const int* rows, const int* latents, BatchTopK* state, int batch_rows, int64* offsets,
    int* code_indices, float* code_values) {
    const int64 length = state->length;
    const int64 threads = (int64)gridDim.x * blockDim.x;
    const int64 thread = (int64)blockIdx.x * blockDim.x + threadIdx.x;
    uint32 smallest = 0xffffffffu;
    for (int64 at = thread; at < length; at += threads) {
        code_indices[at] = latents[at];
        code_values[at] = __uint_as_float(keys[at]);
        smallest = min(smallest, keys[at]);
    }
    if (smallest != 0xffffffffu) {
        atomicMin(&state->smallest, smallest);
    }
    for (int64 row = thread; row <= batch_rows; row += threads) {
        // The first entry of a row that isn't before this one.
        int64 low = 0;
        int64 high = length;
        while (low < high) {
            const int64 middle = (low + high) / 2;
            if (rows[middle] < row) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        offsets[row] = low;
    }
}
DARIEN_EXPORT(encode_batch_top_k_codes)

// One thread: the smallest value kept; unchanged if there is none.
extern "C" __global__ void encode_batch_top_k_end(const BatchTopK* state, float* smallest_kept) {
    if (state->length > 0) {
        *smallest_kept = __uint_as_float(state->smallest);
    }
}
DARIEN_EXPORT(encode_batch_top_k_end)
