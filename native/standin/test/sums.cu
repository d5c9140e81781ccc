// SPDX-License-Identifier: Apache-2.0
//
// Well-behaved kernels in the manner of Darien's, and, by macros, what a mistake makes of them.
#include "darien.cuh"

#ifdef MUTANT_NO_BARRIER
#define BARRIER() (void)0
#else
#define BARRIER() __syncthreads()
#endif

#ifdef MUTANT_TYPE
typedef long long count_t;
#else
typedef int count_t;
#endif

// One block for a row: its sum, by shuffles within a warp and static shared memory between warps.
extern "C" __global__ void __launch_bounds__(256) row_sum(const float* __restrict__ x, float* __restrict__ sums,
                                                          count_t columns) {
    __shared__ float partial[8];
    float sum = 0.0f;
    for (int at = threadIdx.x; at < columns; at += blockDim.x) {
        sum += x[(size_t)blockIdx.x * columns + at];
    }
    sum = warp_sum(sum);
    if (threadIdx.x % DARIEN_WARP == 0) {
        partial[threadIdx.x / DARIEN_WARP] = sum;
    }
    BARRIER();
    if (threadIdx.x == 0) {
        float total = 0.0f;
        for (int warp = 0; warp < blockDim.x / DARIEN_WARP; warp++) {
            total += partial[warp];
        }
        sums[blockIdx.x] = total;
    }
}
DARIEN_EXPORT(row_sum)

// Reverses each row of at most blockDim.x floats in dynamic shared memory.
extern "C" __global__ void reverse_rows(float* x, int columns) {
    DARIEN_SHARED(float, row);
    const int at = threadIdx.x;
    if (at < columns) {
        row[at] = x[blockIdx.x * columns + at];
    }
    BARRIER();
    if (at < columns) {
        x[blockIdx.x * columns + at] = row[columns - 1 - at];
    }
}
DARIEN_EXPORT(reverse_rows)

// y = a·x + y, a grid-stride loop without any synchronisation.
extern "C" __global__ void axpy(float a, const float* __restrict__ x, float* __restrict__ y, long long count) {
    const long long stride = (long long)gridDim.x * blockDim.x;
    for (long long at = (long long)blockIdx.x * blockDim.x + threadIdx.x; at < count; at += stride) {
        y[at] = fmaf(a, x[at], y[at]);
    }
}
DARIEN_EXPORT(axpy)

// Counts the values in each of `bins` ranges of width 1, and the largest count.
extern "C" __global__ void histogram(const float* __restrict__ x, int count, unsigned* bins, int bin_count,
                                     unsigned* largest) {
    for (int at = blockIdx.x * blockDim.x + threadIdx.x; at < count; at += gridDim.x * blockDim.x) {
        const int bin = min(max((int)floorf(x[at]), 0), bin_count - 1);
        const unsigned now = atomicAdd(&bins[bin], 1u) + 1u;
        atomicMax(largest, now);
    }
}
DARIEN_EXPORT(histogram)

// The rank of each key among equal keys before it, as a counting sort needs it: one warp, tile after tile.
extern "C" __global__ void rank_keys(const int* __restrict__ keys, int count, int* ranks, int* counts) {
    const unsigned lane = threadIdx.x;
    for (int start = 0; start < count; start += DARIEN_WARP) {
        const int at = start + lane;
        const unsigned present = __ballot_sync(DARIEN_ALL, at < count);
        if (at < count) {
            const unsigned peers = __match_any_sync(present, keys[at]);
            const int before = __popc(peers & ((1u << lane) - 1));
            const int leader = __ffs(peers) - 1;
            int base = 0;
            if ((int)lane == leader) {
                base = counts[keys[at]];
                counts[keys[at]] = base + __popc(peers);
            }
            base = __shfl_sync(peers, base, leader);
            ranks[at] = base + before;
        }
        __syncwarp();
    }
}
DARIEN_EXPORT(rank_keys)

// For timing: ten shuffles and a barrier per thread.
extern "C" __global__ void exchange_much(float* sums) {
    __shared__ float partial[32];
    float value = float(threadIdx.x);
    for (int round = 0; round < 2; round++) {
        value = warp_sum(value) * 0.03125f;
    }
    if (threadIdx.x % DARIEN_WARP == 0) {
        partial[threadIdx.x / DARIEN_WARP] = value;
    }
    __syncthreads();
    sums[blockIdx.x * blockDim.x + threadIdx.x] = value + partial[0];
}
DARIEN_EXPORT(exchange_much)
