// SPDX-License-Identifier: Apache-2.0
//
// What every kernel file includes first. The same sources are compiled by nvcc to the PTX in the jar, by NVRTC on
// machines whose driver is older than that PTX, and by g++ (DARIEN_STANDIN) for the host stand-in of the tests.
//
// Names: B rows of a batch, F latents, d inputs. Strides are in elements. Blocks have a multiple of 32 threads. Sums
// have a fixed order, so that the same input gives the same bits; nothing here adds floating-point numbers atomically.
#pragma once

#ifdef DARIEN_STANDIN
#include "device.h"
#else
// The stand-in registers each kernel here, with the sizes of its parameters.
#define DARIEN_EXPORT(name)
// Dynamic shared memory, one array for each kernel.
#define DARIEN_SHARED(type, name)                                  \
    extern __shared__ __align__(16) unsigned char darien_shared[]; \
    type* name = reinterpret_cast<type*>(darien_shared)
#endif

#define DARIEN_WARP 32
#define DARIEN_ALL 0xffffffffu

typedef long long int64;
typedef unsigned long long uint64;
typedef unsigned int uint32;
typedef unsigned short uint16;

// A row of weights that is shorter counts as one of zeros where its norm is penalised.
#define SHORTEST 1e-18

// Sum over the lanes of a warp, the same in every lane: a butterfly, so that the order is fixed.
template <typename T>
__device__ __forceinline__ T warp_sum(T value) {
#pragma unroll
    for (int distance = DARIEN_WARP / 2; distance > 0; distance /= 2) {
        value += __shfl_xor_sync(DARIEN_ALL, value, distance);
    }
    return value;
}

// Sum over a block, the same in every thread. `partial` is shared memory for one T per warp (at most 32); the block may
// use it again right after. All threads must call.
template <typename T>
__device__ __forceinline__ T block_sum(T value, T* partial) {
    value = warp_sum(value);
    const int warp = threadIdx.x / DARIEN_WARP;
    if (threadIdx.x % DARIEN_WARP == 0) {
        partial[warp] = value;
    }
    __syncthreads();
    T sum = T(0);
    const int warps = blockDim.x / DARIEN_WARP;
    for (int at = 0; at < warps; at++) {
        sum += partial[at];
    }
    __syncthreads();
    return sum;
}

// Sum of `value` over the threads before this one; `total`, in every thread, over all. As block_sum otherwise.
template <typename T>
__device__ __forceinline__ T block_exclusive_sum(T value, T* partial, T* total) {
    const int lane = threadIdx.x % DARIEN_WARP;
    const int warp = threadIdx.x / DARIEN_WARP;
    T inclusive = value;
#pragma unroll
    for (int distance = 1; distance < DARIEN_WARP; distance *= 2) {
        const T below = __shfl_up_sync(DARIEN_ALL, inclusive, distance);
        if (lane >= distance) {
            inclusive += below;
        }
    }
    if (lane == DARIEN_WARP - 1) {
        partial[warp] = inclusive;
    }
    __syncthreads();
    T before = T(0);
    T sum = T(0);
    const int warps = blockDim.x / DARIEN_WARP;
    for (int at = 0; at < warps; at++) {
        before += at < warp ? partial[at] : T(0);
        sum += partial[at];
    }
    __syncthreads();
    *total = sum;
    return before + inclusive - value;
}

// How many threads before this one have the flag; `total`, in every thread, how many have. `partial` as in block_sum.
__device__ __forceinline__ int block_rank(bool flag, int* partial, int* total) {
    const unsigned votes = __ballot_sync(DARIEN_ALL, flag);
    const int lane = threadIdx.x % DARIEN_WARP;
    const int warp = threadIdx.x / DARIEN_WARP;
    if (lane == 0) {
        partial[warp] = __popc(votes);
    }
    __syncthreads();
    int before = 0;
    int sum = 0;
    const int warps = blockDim.x / DARIEN_WARP;
    for (int at = 0; at < warps; at++) {
        before += at < warp ? partial[at] : 0;
        sum += partial[at];
    }
    __syncthreads();
    *total = sum;
    return before + __popc(votes & ((1u << lane) - 1));
}
