// SPDX-License-Identifier: Apache-2.0
//
// What every kernel file includes first. The same sources are compiled by nvcc to the PTX in the jar, by NVRTC on
// machines whose driver is older than that PTX, and by g++ (DARIEN_STANDIN) for the host stand-in of the tests.
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
