// SPDX-License-Identifier: Apache-2.0
//
// Entries grouped by latent, in ascending order of row within a group: a stable radix sort of the entries by latent, 8
// bits in each pass, least significant first. Each pass: counts of each digit in each part of the entries, where each
// begins, and the entries to their places.
#include "darien.cuh"

#define GROUP_DIGITS 256
#define GROUP_THREADS 256
#define GROUP_WARPS (GROUP_THREADS / DARIEN_WARP)
#define GROUP_PART 4096
#define GROUP_PER_WARP (GROUP_PART / GROUP_WARPS)

// counts[digit, part] = entries of the part with that digit.
extern "C" __global__ void __launch_bounds__(GROUP_THREADS) group_by_latent_count(
    const int* keys, const int64* last_offset, int64 capacity, int shift, int* counts) {
    __shared__ int histogram[GROUP_DIGITS];
    const int64 entries = min(*last_offset, capacity);
    const int64 first = (int64)blockIdx.x * GROUP_PART;
    const int64 last = min(entries, first + GROUP_PART);
    histogram[threadIdx.x] = 0;
    __syncthreads();
    for (int64 at = first + threadIdx.x; at < last; at += GROUP_THREADS) {
        atomicAdd(&histogram[(keys[at] >> shift) & (GROUP_DIGITS - 1)], 1);
    }
    __syncthreads();
    counts[(int64)threadIdx.x * gridDim.x + blockIdx.x] = histogram[threadIdx.x];
}
DARIEN_EXPORT(group_by_latent_count)

// One block for each digit: its counts become how many come before in earlier parts; totals[digit].
extern "C" __global__ void group_by_latent_starts(int* counts, int parts, int* totals) {
    __shared__ int partial[32];
    int* own = counts + (int64)blockIdx.x * parts;
    int before = 0;
    for (int base = 0; base < parts; base += blockDim.x) {
        const int at = base + threadIdx.x;
        const int count = at < parts ? own[at] : 0;
        int total;
        const int start = before + block_exclusive_sum(count, partial, &total);
        if (at < parts) {
            own[at] = start;
        }
        before += total;
    }
    if (threadIdx.x == 0) {
        totals[blockIdx.x] = before;
    }
}
DARIEN_EXPORT(group_by_latent_starts)

// Each block places a part, each of its warps a stretch of the part in order. Without `payload` an entry's own number
// goes along.
extern "C" __global__ void __launch_bounds__(GROUP_THREADS) group_by_latent_place(
    const int* keys, const int* payload, const int64* last_offset, int64 capacity, int shift, const int* counts,
    const int* totals, int* placed_keys, int* placed_payload) {
    __shared__ int starts[GROUP_WARPS][GROUP_DIGITS];
    __shared__ int partial[32];
    const int64 entries = min(*last_offset, capacity);
    const int64 first = (int64)blockIdx.x * GROUP_PART;
    if (first >= entries) {
        return;
    }
    const int warp = threadIdx.x / DARIEN_WARP;
    const int lane = threadIdx.x % DARIEN_WARP;
    for (int other = 0; other < GROUP_WARPS; other++) {
        starts[other][threadIdx.x] = 0;
    }
    __syncthreads();
    const int64 warp_first = first + warp * GROUP_PER_WARP;
    const int64 warp_last = min(entries, warp_first + GROUP_PER_WARP);
    for (int64 at = warp_first + lane; at < warp_last; at += DARIEN_WARP) {
        atomicAdd(&starts[warp][(keys[at] >> shift) & (GROUP_DIGITS - 1)], 1);
    }
    // Each thread takes a digit: those of lower digits come first, then earlier parts, then earlier warps.
    int total;
    int start = block_exclusive_sum(totals[threadIdx.x], partial, &total);
    start += counts[(int64)threadIdx.x * gridDim.x + blockIdx.x];
    __syncthreads();
    for (int other = 0; other < GROUP_WARPS; other++) {
        const int count = starts[other][threadIdx.x];
        starts[other][threadIdx.x] = start;
        start += count;
    }
    __syncthreads();
    for (int64 base = warp_first; base < warp_last; base += DARIEN_WARP) {
        const int64 at = base + lane;
        const bool here = at < warp_last;
        const unsigned active = __ballot_sync(DARIEN_ALL, here);
        if (here) {
            const int key = keys[at];
            const int digit = (key >> shift) & (GROUP_DIGITS - 1);
            const unsigned peers = __match_any_sync(active, digit);
            const int rank = __popc(peers & ((1u << lane) - 1));
            const int place = starts[warp][digit] + rank;
            placed_keys[place] = key;
            placed_payload[place] = payload == nullptr ? (int)at : payload[at];
            __syncwarp(active);
            if (rank == 0) {
                starts[warp][digit] += __popc(peers);
            }
        }
        __syncwarp(DARIEN_ALL);
    }
}
DARIEN_EXPORT(group_by_latent_place)

// The first grouped entry of each latent (and of the one after the last), by halving the sorted keys; one thread each.
extern "C" __global__ void group_by_latent_offsets(
    const int* sorted_keys, const int64* last_offset, int64 capacity, int latents, int* group_offsets) {
    const int latent = blockIdx.x * blockDim.x + threadIdx.x;
    if (latent > latents) {
        return;
    }
    int64 low = 0;
    int64 high = min(*last_offset, capacity);
    while (low < high) {
        const int64 middle = (low + high) / 2;
        if (sorted_keys[middle] < latent) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    group_offsets[latent] = (int)low;
}
DARIEN_EXPORT(group_by_latent_offsets)

// The row of each grouped entry: the last one that doesn't begin after it; one thread each.
extern "C" __global__ void group_by_latent(
    const int* entries, const int64* offsets, int rows, int64 capacity, int* entry_rows) {
    const int64 count = min(offsets[rows], capacity);
    for (int64 at = (int64)blockIdx.x * blockDim.x + threadIdx.x; at < count; at += (int64)gridDim.x * blockDim.x) {
        const int entry = entries[at];
        int low = 0;
        int high = rows;
        while (low < high) {
            const int middle = (low + high) / 2;
            if (offsets[middle + 1] <= entry) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        entry_rows[at] = low;
    }
}
DARIEN_EXPORT(group_by_latent)
