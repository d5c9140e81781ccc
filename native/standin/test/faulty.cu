// SPDX-License-Identifier: Apache-2.0
//
// Kernels that are wrong, one mistake each.
#include "darien.cuh"

extern "C" __global__ void write_at(float* x, long long index) { x[index] = 1.0f; }
DARIEN_EXPORT(write_at)

extern "C" __global__ void read_at(const float* x, long long index, float* out) { out[0] = x[index]; }
DARIEN_EXPORT(read_at)

// The address comes as a number, so that the check of pointer arguments doesn't see it.
extern "C" __global__ void read_address(unsigned long long address, float* out) {
    out[0] = *reinterpret_cast<const float*>(address);
}
DARIEN_EXPORT(read_address)

extern "C" __global__ void read_vector(const float* x, int index, float4* out) {
    out[0] = *reinterpret_cast<const float4*>(x + index);
}
DARIEN_EXPORT(read_vector)

// Warp 1 skips the barrier and waits for another.
extern "C" __global__ void skip_barrier(float* x) {
    if (threadIdx.x / DARIEN_WARP != 1) {
        __syncthreads();
    }
    x[threadIdx.x] = 1.0f;
    __syncthreads();
}
DARIEN_EXPORT(skip_barrier)

// Half the lanes wait for the whole warp, the others for the block.
extern "C" __global__ void deadlock(float* x) {
    if (threadIdx.x < 16) {
        __syncwarp();
    } else {
        __syncthreads();
    }
    x[threadIdx.x] = 1.0f;
}
DARIEN_EXPORT(deadlock)

extern "C" __global__ void wrong_mask(float* x) { x[threadIdx.x] = __shfl_sync(0xffu, x[threadIdx.x], 0); }
DARIEN_EXPORT(wrong_mask)

// Thread 0 writes what all read, and nobody waits: right only where thread 0 happens to come first.
extern "C" __global__ void forgotten_barrier(float* out) {
    __shared__ float value;
    if (threadIdx.x == 0) {
        value = 3.0f;
    }
    out[blockIdx.x * blockDim.x + threadIdx.x] = value;
}
DARIEN_EXPORT(forgotten_barrier)

extern "C" __global__ void unwritten_shared(float* out) {
    __shared__ float value[4];
    DARIEN_SHARED(float, dynamic);
    if (out == nullptr) {
        value[1] = 0.0f;
    }
    out[0] = value[1];
    out[1] = dynamic[0];
}
DARIEN_EXPORT(unwritten_shared)

extern "C" __global__ void past_array(float* out, int index) {
    __shared__ float values[8];
    values[threadIdx.x % 8] = 1.0f;
    __syncthreads();
    out[threadIdx.x] = values[threadIdx.x % 8 + index];
}
DARIEN_EXPORT(past_array)

extern "C" __global__ void past_dynamic(int index) {
    DARIEN_SHARED(float, values);
    values[index] = 1.0f;
}
DARIEN_EXPORT(past_dynamic)

extern "C" __global__ void divide(int* x, int divisor) { x[0] = x[0] / divisor; }
DARIEN_EXPORT(divide)

extern "C" __global__ void recurse(int* x, int depth) {
    int kept[4096];
    for (int at = 0; at < 4096; at++) {
        kept[at] = x[0] + at;
    }
    for (int round = 0; round < depth; round++) {
        for (int at = 1; at < 4096; at++) {
            kept[at] += kept[(at * 7 + x[0]) & 4095];
        }
    }
    x[1] = kept[depth];
}
DARIEN_EXPORT(recurse)

extern "C" __global__ void lock_for_ever(int* lock) {
    while (atomicCAS(lock, 1, 2) != 1) {
    }
}
DARIEN_EXPORT(lock_for_ever)

// Passes a struct's pointer on, which the check of pointer arguments doesn't see.
extern "C" __global__ void shift_by(int* x, int distance) { x[0] = 1 << distance; }
DARIEN_EXPORT(shift_by)
