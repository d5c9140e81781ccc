// SPDX-License-Identifier: Apache-2.0
//
// Selection from a tile of pre-activations [rows, F], which the product has just written, without the encoder's bias.
// Row by row: the k largest (top-k, by magnitude or score too, and dead latents), and all above a threshold. The batch-wide one is in
// batch_top_k.cu.
#include "select.cuh"

// One row of a tile with the bias added; with a list, only the latents that it names (ascending) are there.
struct RowValues {
    const float* tile;
    const float* bias;
    const int* list;

    __device__ __forceinline__ int latent(int at) const { return list == nullptr ? at : list[at]; }
    __device__ __forceinline__ float value(int at) const {
        const int j = latent(at);
        return tile[j] + bias[j];
    }
    // What a selected latent gets.
    __device__ __forceinline__ float code(int latent) const { return tile[latent] + bias[latent]; }
};

// As RowValues, by magnitude.
struct RowMagnitudes {
    const float* tile;
    const float* bias;
    const int* list;

    __device__ __forceinline__ int latent(int at) const { return list == nullptr ? at : list[at]; }
    __device__ __forceinline__ float value(int at) const {
        const int j = latent(at);
        return fabsf(tile[j] + bias[j]);
    }
    __device__ __forceinline__ float code(int latent) const { return tile[latent] + bias[latent]; }
};

// As RowValues, by the score of Gradient TopK: `products` are those of the row's gradient with each latent's direction.
struct RowScores {
    const float* tile;
    const float* bias;
    const float* products;
    float strength;

    __device__ __forceinline__ int latent(int at) const { return at; }
    __device__ __forceinline__ float value(int at) const {
        return (tile[at] + bias[at]) * fmaf(strength, fabsf(products[at]), 1.0f);
    }
    __device__ __forceinline__ float code(int latent) const { return tile[latent] + bias[latent]; }
};

template <typename Row>
struct RowKeys {
    Row row;
    __device__ __forceinline__ uint32 operator()(int at) const { return key_of(row.value(at)); }
};

struct SharedKeys {
    const uint32* keys;
    __device__ __forceinline__ uint32 operator()(int at) const { return keys[at]; }
};

#define TOP_K_THREADS 256
// Each thread keeps four maxima, so that a row has 1,024 groups of which it knows the largest value.
#define TOP_K_PER_THREAD 4
#define TOP_K_GROUPS (TOP_K_THREADS * TOP_K_PER_THREAD)
// The most that the fast way selects: with half as many groups as that, the bound that they give stays tight.
#define TOP_K_FAST 512
#define TOP_K_CANDIDATES 2048

struct TopKScratch {
    SelectScratch select;
    uint32 keys[TOP_K_CANDIDATES];
    int latents[TOP_K_CANDIDATES];
    int chosen_latents[TOP_K_FAST];
    uint32 maxima[TOP_K_GROUPS];
    int partial[32];
    int candidates;
    int chosen;
};

// A lower bound of the k-th largest key, by the k-th largest of the groups' maxima: k groups hold at least k values that
// large. 1, the least key of all, if fewer groups hold anything.
template <typename Row>
__device__ uint32 lower_bound_of_top_k(const Row& row, int n, int k, TopKScratch* scratch) {
    uint32 largest[TOP_K_PER_THREAD] = {0u, 0u, 0u, 0u};
    for (int base = threadIdx.x; base < n; base += TOP_K_GROUPS) {
#pragma unroll
        for (int group = 0; group < TOP_K_PER_THREAD; group++) {
            const int at = base + group * TOP_K_THREADS;
            if (at < n) {
                largest[group] = max(largest[group], key_of(row.value(at)));
            }
        }
    }
#pragma unroll
    for (int group = 0; group < TOP_K_PER_THREAD; group++) {
        scratch->maxima[group * TOP_K_THREADS + threadIdx.x] = largest[group];
    }
    __syncthreads();
    int above;
    return max(1u, block_select(SharedKeys{scratch->maxima}, TOP_K_GROUPS, k, &scratch->select, &above));
}

// The fast way: values from the bound up are collected in shared memory, in any order, and selected there; their order
// is restored at the end. False if there are too many of them (ties), with nothing written.
template <typename Row>
__device__ bool top_k_of_candidates(
    const Row& row, int n, int k, TopKScratch* scratch, float* values, int* latents, int* count) {
    const uint32 bound = lower_bound_of_top_k(row, n, k, scratch);
    if (threadIdx.x == 0) {
        scratch->candidates = 0;
        scratch->chosen = 0;
    }
    __syncthreads();
    for (int at = threadIdx.x; at < n; at += blockDim.x) {
        const uint32 key = key_of(row.value(at));
        if (key >= bound) {
            const int slot = atomicAdd(&scratch->candidates, 1);
            if (slot < TOP_K_CANDIDATES) {
                scratch->keys[slot] = key;
                scratch->latents[slot] = row.latent(at);
            }
        }
    }
    __syncthreads();
    const int candidates = scratch->candidates;
    if (candidates > TOP_K_CANDIDATES) {
        __syncthreads();
        return false;
    }
    int above = 0;
    const uint32 smallest =
        candidates > k ? block_select(SharedKeys{scratch->keys}, candidates, k, &scratch->select, &above) : 0u;
    for (int at = threadIdx.x; at < candidates; at += blockDim.x) {
        const uint32 key = scratch->keys[at];
        bool take = key > smallest;
        if (key == smallest) {
            // Of equal values those of the lower latent.
            int before = above;
            for (int other = 0; other < candidates && before < k; other++) {
                before += scratch->keys[other] == key && scratch->latents[other] < scratch->latents[at] ? 1 : 0;
            }
            take = before < k;
        }
        if (take) {
            const int slot = atomicAdd(&scratch->chosen, 1);
            scratch->chosen_latents[slot] = scratch->latents[at];
        }
    }
    __syncthreads();
    const int chosen = scratch->chosen;
    for (int at = threadIdx.x; at < chosen; at += blockDim.x) {
        const int latent = scratch->chosen_latents[at];
        int place = 0;
        for (int other = 0; other < chosen; other++) {
            place += scratch->chosen_latents[other] < latent ? 1 : 0;
        }
        values[place] = row.code(latent);
        latents[place] = latent;
    }
    *count = chosen;
    return true;
}

// The general way, for any k and any ties: the smallest key that is kept, then one ordered pass.
template <typename Row>
__device__ void top_k_of_row(
    const Row& row, int n, int k, TopKScratch* scratch, float* values, int* latents, int* count) {
    int above;
    const uint32 smallest = block_select(RowKeys<Row>{row}, n, k, &scratch->select, &above);
    const int ties = k - above;
    int kept = 0;
    int equal = 0;
    for (int base = 0; base < n; base += blockDim.x) {
        const int at = base + threadIdx.x;
        const float value = at < n ? row.value(at) : 0.0f;
        const uint32 key = key_of(value);
        int total_equal;
        int total_kept;
        const bool tie = key != 0 && key == smallest;
        const int tie_rank = equal + block_rank(tie, scratch->partial, &total_equal);
        const bool take = key > smallest || (tie && tie_rank < ties);
        const int place = kept + block_rank(take, scratch->partial, &total_kept);
        if (take) {
            values[place] = row.code(row.latent(at));
            latents[place] = row.latent(at);
        }
        equal += total_equal;
        kept += total_kept;
    }
    *count = kept;
}

template <typename Row>
__device__ void top_k(const Row& row, int n, int k, TopKScratch* scratch, float* values, int* latents, int* counted) {
    int count = 0;
    if (k > TOP_K_FAST || !top_k_of_candidates(row, n, k, scratch, values, latents, &count)) {
        top_k_of_row(row, n, k, scratch, values, latents, &count);
    }
    if (threadIdx.x == 0) {
        *counted = count;
    }
}

// One block of TOP_K_THREADS for each row of the tile. `list` and `listed`, or null: only these latents. Writes at most
// k values of a row to values[row · k …], in ascending order of latent, and their number to counts[row].
extern "C" __global__ void __launch_bounds__(TOP_K_THREADS) encode_top_k_select(
    const float* tile, int64 stride, const float* bias, int latents, const int* list, const int* listed, int k,
    float* values, int* indices, int* counts) {
    __shared__ TopKScratch scratch;
    const int64 row = blockIdx.x;
    const RowValues source = {tile + row * stride, bias, list};
    const int n = list == nullptr ? latents : min(max(*listed, 0), latents);
    top_k(source, n, k, &scratch, values + row * k, indices + row * k, counts + row);
}
DARIEN_EXPORT(encode_top_k_select)

// As encode_top_k_select, by magnitude.
extern "C" __global__ void __launch_bounds__(TOP_K_THREADS) encode_abs_top_k_select(
    const float* tile, int64 stride, const float* bias, int latents, const int* list, const int* listed, int k,
    float* values, int* indices, int* counts) {
    __shared__ TopKScratch scratch;
    const int64 row = blockIdx.x;
    const RowMagnitudes source = {tile + row * stride, bias, list};
    const int n = list == nullptr ? latents : min(max(*listed, 0), latents);
    top_k(source, n, k, &scratch, values + row * k, indices + row * k, counts + row);
}
DARIEN_EXPORT(encode_abs_top_k_select)

// As encode_top_k_select among all latents, by their scores; `products` is a tile like the other.
extern "C" __global__ void __launch_bounds__(TOP_K_THREADS) encode_gradient_top_k_select(
    const float* tile, int64 stride, const float* bias, const float* products, int64 products_stride,
    const float* strength, int latents, int k, float* values, int* indices, int* counts) {
    __shared__ TopKScratch scratch;
    const int64 row = blockIdx.x;
    const RowScores source = {tile + row * stride, bias, products + row * products_stride, *strength};
    top_k(source, latents, k, &scratch, values + row * k, indices + row * k, counts + row);
}
DARIEN_EXPORT(encode_gradient_top_k_select)

// One block for each row of a tile: sums[row] = Σ |products[row]|.
extern "C" __global__ void attribution_strength_rows(const float* products, int64 stride, int latents, double* sums) {
    __shared__ double partial[32];
    const int64 row = blockIdx.x;
    double sum = 0.0;
    for (int at = threadIdx.x; at < latents; at += blockDim.x) {
        sum += (double)fabsf(products[row * stride + at]);
    }
    sum = block_sum(sum, partial);
    if (threadIdx.x == 0) {
        sums[row] = sum;
    }
}
DARIEN_EXPORT(attribution_strength_rows)

// One block: strength = beta over the mean of `count` magnitudes that `sums` of all rows add up to.
extern "C" __global__ void attribution_strength(
    const double* sums, int rows, double count, float beta, float* strength) {
    __shared__ double partial[32];
    double sum = 0.0;
    for (int row = threadIdx.x; row < rows; row += blockDim.x) {
        sum += sums[row];
    }
    sum = block_sum(sum, partial);
    if (threadIdx.x == 0) {
        *strength = sum == 0.0 ? 0.0f : (float)(beta * count / sum);
    }
}
DARIEN_EXPORT(attribution_strength)

// One block: the offsets of the tile's rows from their counts, going on from that of its first row, which is set to 0
// where it begins the batch. Each row has `parts` counts, which become the places at which the parts begin.
extern "C" __global__ void encode_offsets(int* counts, int rows, int parts, int begins, int64* starts, int64* offsets) {
    __shared__ int64 partial[32];
    int64 before = begins != 0 ? 0 : offsets[0];
    __syncthreads();
    if (begins != 0 && threadIdx.x == 0) {
        offsets[0] = 0;
    }
    for (int base = 0; base < rows * parts; base += blockDim.x) {
        const int at = base + threadIdx.x;
        const int count = at < rows * parts ? counts[at] : 0;
        int64 total;
        const int64 start = before + block_exclusive_sum((int64)count, partial, &total);
        if (at < rows * parts) {
            starts[at] = start;
            if (at % parts == parts - 1) {
                offsets[at / parts + 1] = start + count;
            }
        }
        before += total;
    }
}
DARIEN_EXPORT(encode_offsets)

// One block for each row: what encode_top_k_select has chosen goes to its place in the codes.
extern "C" __global__ void encode_top_k_place(
    const float* values, const int* indices, const int* counts, const int64* starts, int k, int* code_indices,
    float* code_values) {
    const int64 row = blockIdx.x;
    const int64 start = starts[row];
    for (int at = threadIdx.x; at < counts[row]; at += blockDim.x) {
        code_indices[start + at] = indices[row * k + at];
        code_values[start + at] = values[row * k + at];
    }
}
DARIEN_EXPORT(encode_top_k_place)

// An entry of JumpReLU: active strictly above the threshold, of value 0 in the window below it. Decided in single
// precision, as on every device.
__device__ __forceinline__ bool threshold_entry(
    float value, const float* thresholds, int latent, float bandwidth, float* entry) {
    const float theta = thresholds == nullptr ? 0.0f : thresholds[latent];
    const bool active = value > theta;
    *entry = active ? value : 0.0f;
    return active || (value <= theta && theta - value < 0.5f * bandwidth);
}

// Grid: x is the row, y a part of `part` latents. counts[row, part] = number of entries.
extern "C" __global__ void encode_threshold_count(
    const float* tile, int64 stride, const float* bias, int latents, const float* thresholds, float bandwidth, int part,
    int* counts) {
    __shared__ int partial[32];
    const int64 row = blockIdx.x;
    const int last = min(latents, ((int)blockIdx.y + 1) * part);
    int count = 0;
    for (int latent = blockIdx.y * part + threadIdx.x; latent < last; latent += blockDim.x) {
        float entry;
        count += threshold_entry(tile[row * stride + latent] + bias[latent], thresholds, latent, bandwidth, &entry) ? 1 : 0;
    }
    count = block_sum(count, partial);
    if (threadIdx.x == 0) {
        counts[row * gridDim.y + blockIdx.y] = count;
    }
}
DARIEN_EXPORT(encode_threshold_count)

// As above; writes the entries, as far as there is room for them.
extern "C" __global__ void encode_threshold_place(
    const float* tile, int64 stride, const float* bias, int latents, const float* thresholds, float bandwidth, int part,
    const int64* starts, int capacity, int* code_indices, float* code_values) {
    __shared__ int partial[32];
    const int64 row = blockIdx.x;
    const int first = blockIdx.y * part;
    const int last = min(latents, first + part);
    int64 place = starts[row * gridDim.y + blockIdx.y];
    for (int base = first; base < last; base += blockDim.x) {
        const int latent = base + threadIdx.x;
        float entry = 0.0f;
        const bool take = latent < last
            && threshold_entry(tile[row * stride + latent] + bias[latent], thresholds, latent, bandwidth, &entry);
        int total;
        const int64 at = place + block_rank(take, partial, &total);
        if (take && at < capacity) {
            code_indices[at] = latent;
            code_values[at] = entry;
        }
        place += total;
    }
}
DARIEN_EXPORT(encode_threshold_place)
