// SPDX-License-Identifier: Apache-2.0
//
// Selecting the largest of many numbers. A positive float and its bits, taken as an unsigned integer, have the same
// order: the bits are the key, and 0 is the key of whatever may not be selected (NaN, zero, negative numbers).
#pragma once
#include "darien.cuh"

#define DARIEN_DIGIT_BITS 8
#define DARIEN_DIGITS 256

__device__ __forceinline__ uint32 key_of(float value) {
    return value > 0.0f ? __float_as_uint(value) : 0u;
}

// The shared memory of block_select.
struct SelectScratch {
    uint32 histogram[DARIEN_DIGITS];
    uint32 prefix;
    int remaining;
    int found;
};

// The `k`-th largest of the keys(0 … n-1) that aren't 0, and how many are larger; 0 if there are fewer than k. Fixes the
// key from its highest digit down, each time by a histogram of the next digit of the keys that agree so far. All
// threads of the block must call, with at least 32 of them; keys may be any function of the index.
template <typename Keys>
__device__ uint32 block_select(const Keys& keys, int n, int k, SelectScratch* scratch, int* above) {
    uint32 prefix = 0;
    int remaining = k;
    for (int shift = 32 - DARIEN_DIGIT_BITS; shift >= 0; shift -= DARIEN_DIGIT_BITS) {
        for (int at = threadIdx.x; at < DARIEN_DIGITS; at += blockDim.x) {
            scratch->histogram[at] = 0;
        }
        __syncthreads();
        for (int at = threadIdx.x; at < n; at += blockDim.x) {
            const uint32 key = keys(at);
            // Shifting by 32 is undefined: the first digit has nothing to agree with.
            const bool agrees = shift == 32 - DARIEN_DIGIT_BITS || key >> (shift + DARIEN_DIGIT_BITS) == prefix;
            if (key != 0 && agrees) {
                atomicAdd(&scratch->histogram[(key >> shift) & (DARIEN_DIGITS - 1)], 1u);
            }
        }
        __syncthreads();
        if (threadIdx.x < DARIEN_WARP) {
            // From the largest digit down; each lane takes eight neighbours.
            const int per_lane = DARIEN_DIGITS / DARIEN_WARP;
            const int lane = threadIdx.x;
            int sum = 0;
            for (int at = 0; at < per_lane; at++) {
                sum += (int)scratch->histogram[DARIEN_DIGITS - 1 - lane * per_lane - at];
            }
            int inclusive = sum;
#pragma unroll
            for (int distance = 1; distance < DARIEN_WARP; distance *= 2) {
                const int below = __shfl_up_sync(DARIEN_ALL, inclusive, distance);
                inclusive += lane >= distance ? below : 0;
            }
            int before = inclusive - sum;
            if (lane == DARIEN_WARP - 1) {
                scratch->found = inclusive >= remaining;
            }
            if (before < remaining && remaining <= inclusive) {
                int digit = DARIEN_DIGITS - 1 - lane * per_lane;
                while (before + (int)scratch->histogram[digit] < remaining) {
                    before += (int)scratch->histogram[digit];
                    digit--;
                }
                scratch->prefix = prefix << DARIEN_DIGIT_BITS | (uint32)digit;
                scratch->remaining = remaining - before;
            }
        }
        __syncthreads();
        if (!scratch->found) {
            *above = 0;
            __syncthreads();
            return 0;
        }
        prefix = scratch->prefix;
        remaining = scratch->remaining;
        __syncthreads();
    }
    *above = k - remaining;
    return prefix;
}
