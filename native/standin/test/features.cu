// SPDX-License-Identifier: Apache-2.0
//
// Uses each function and type of the shim, so that nvcc says whether it is CUDA, and each leaves a number to compare.
#include "darien.cuh"

struct Pair {
    float value;
    int index;
};

struct Shape {
    const float* data;
    int rows;
    int columns;
};

__constant__ float weights[4] = {1.0f, 2.0f, 4.0f, 8.0f};

// Static shared memory within a template: one array for each type.
template <typename T>
__device__ __forceinline__ T first_of_block(T value) {
    __shared__ T kept[1];
    if (threadIdx.x == 0) {
        kept[0] = value;
    }
    __syncthreads();
    const T first = kept[0];
    __syncthreads();
    return first;
}

__host__ __device__ static inline int twice(int value) { return 2 * value; }

// One block of one warp and 13 lanes; out has 64 ints for each thread.
extern "C" __global__ void exchanges(int* out) {
    __shared__ Pair pairs[45];
    const int lane = threadIdx.x % warpSize;
    int* mine = out + threadIdx.x * 64;
    int at = 0;
    mine[at++] = __shfl_sync(DARIEN_ALL, lane, 5);
    mine[at++] = __shfl_sync(DARIEN_ALL, lane, 3, 8);
    mine[at++] = __shfl_xor_sync(DARIEN_ALL, lane, 1);
    mine[at++] = __shfl_xor_sync(DARIEN_ALL, lane, 9, 8);
    mine[at++] = __shfl_up_sync(DARIEN_ALL, lane, 2);
    mine[at++] = __shfl_up_sync(DARIEN_ALL, lane, 2, 4);
    mine[at++] = __shfl_down_sync(DARIEN_ALL, lane, 3, 4);
    mine[at++] = (int)__shfl_sync(DARIEN_ALL, 10000000000LL + lane, 7, 8);
    mine[at++] = (int)__shfl_sync(DARIEN_ALL, 0.5f + lane, 2);
    mine[at++] = (int)__shfl_sync(DARIEN_ALL, 0.5 + lane, 4);
    mine[at++] = (int)__shfl_sync(DARIEN_ALL, (unsigned)lane, 6);
    mine[at++] = (int)__shfl_sync(DARIEN_ALL, (unsigned long long)lane, 1);
    mine[at++] = (int)__ballot_sync(DARIEN_ALL, lane % 3 == 0);
    mine[at++] = __any_sync(DARIEN_ALL, lane == 12);
    mine[at++] = __any_sync(DARIEN_ALL, lane > 40);
    mine[at++] = __all_sync(DARIEN_ALL, lane < 32);
    mine[at++] = __all_sync(DARIEN_ALL, lane < 12);
    mine[at++] = (int)__match_any_sync(DARIEN_ALL, lane / 4);
    mine[at++] = (int)__match_any_sync(DARIEN_ALL, (unsigned long long)(lane % 2) << 40);
    mine[at++] = __syncthreads_or(threadIdx.x == 44);
    mine[at++] = __syncthreads_and(threadIdx.x < 45);
    mine[at++] = __syncthreads_count(threadIdx.x % 2 == 0);
    pairs[threadIdx.x].value = 1.5f * threadIdx.x;
    pairs[threadIdx.x].index = threadIdx.x;
    __syncthreads();
    const Pair other = pairs[blockDim.x - 1 - threadIdx.x];
    mine[at++] = other.index + (int)(2 * other.value);
    mine[at++] = first_of_block((int)threadIdx.x + 77);
    mine[at++] = (int)first_of_block(threadIdx.x + 0.25f);
    // Halves of a warp go their own ways, lanes leave early.
    if (lane >= 8) {
        mine[at++] = lane >= 16 ? (int)__ballot_sync(0xffff0000u, 1) : (int)__ballot_sync(0x0000ff00u, lane != 9);
        return;
    }
    __syncwarp(0xffu);
    mine[at++] = (int)__ballot_sync(0xffu, 1);
    __syncthreads();
    mine[at++] = (int)__ballot_sync(DARIEN_ALL, 1);
}
DARIEN_EXPORT(exchanges)

// One thread; out has 64 values.
extern "C" __global__ void arithmetic(float* out, int* bits, Shape shape, bool negative, unsigned short half_bits,
                                      double scale, signed char small) {
    int at = 0;
    out[at++] = __fmaf_rn(2.0f, 3.0f, 4.0f) + __fadd_rn(1.0f, 2.0f) * __fmul_rn(2.0f, 3.0f);
    out[at++] = fmaf(1.5f, 2.0f, 0.5f) + (float)fma(1.5, 2.0, scale);
    out[at++] = sqrtf(16.0f) + __fsqrt_rn(9.0f) + rsqrtf(0.25f) + __frcp_rn(4.0f);
    out[at++] = fabsf(-3.0f) + fminf(1.0f, 2.0f) + fmaxf(1.0f, 2.0f) + floorf(2.5f) + expf(0.0f) + logf(1.0f);
    out[at++] = min(1.0f, 2.0f) + max(3, 4) + min(5u, 6u) + max(7LL, 8LL) + (float)min(1.0, 2.0) + max(2, 3u);
    out[at++] = (isnan(__int_as_float(0x7fc00000)) ? 1 : 0) + (isfinite(__uint_as_float(0x7f800000u)) ? 2 : 0) + 4;
    out[at++] = weights[0] + weights[3];
    out[at++] = shape.data[shape.rows * shape.columns - 1] + shape.rows;
    out[at++] = negative ? -1.0f : 1.0f;
    out[at++] = (float)(half_bits + small);
    out[at++] = __ldg(shape.data) + __ldcs(shape.data + 1);
    __stcs(out + at++, 5.0f);
    const float4 four = make_float4(1.0f, 2.0f, 3.0f, 4.0f);
    const float2 two = make_float2(four.x, four.w);
    out[at++] = two.x + two.y + reinterpret_cast<const float4*>(shape.data)->z;
    const int4 ints = make_int4(1, 2, 3, 4);
    const int2 int_two = make_int2(ints.x, ints.w);
    const uint4 unsigneds = make_uint4(1u, 2u, 3u, 4u);
    const uint2 unsigned_two = make_uint2(unsigneds.y, unsigneds.z);
    const double2 doubles = make_double2(1.0, 2.0);
    const ulonglong2 longs = make_ulonglong2(1ull, 2ull);
    const ushort2 shorts = make_ushort2(1, 2);
    out[at++] = (float)(int_two.x + int_two.y + unsigned_two.x + unsigned_two.y + doubles.y + longs.y + shorts.y);
    out[at++] = (float)(sizeof(float4) + 100 * sizeof(ushort2));
    out[at++] = (float)twice(21);
    at = 0;
    bits[at++] = __popc(0xf0f0u) + 100 * __popcll(0xf0f000000000ull);
    bits[at++] = __clz(1) + 100 * __clzll(1) + 10000 * __clz(0);
    bits[at++] = __ffs(8) + 100 * __ffs(0);
    bits[at++] = (int)(__brev(1u) >> 16);
    bits[at++] = __float_as_int(1.0f);
    bits[at++] = (int)__float_as_uint(-2.0f);
    bits[at++] = (int)(__double_as_longlong(1.0) >> 32);
    bits[at++] = (int)__longlong_as_double(0x4008000000000000ll);
    bits[at++] = (int)__umulhi(0x80000000u, 6u);
    bits[at++] = __float2int_rn(2.5f) + 100 * __float2int_rz(-2.5f);
}
DARIEN_EXPORT(arithmetic)

// One block; counters has 32 zeros.
extern "C" __global__ void atomics(int* ints, unsigned* unsigneds, unsigned long long* longs, float* floats,
                                   double* doubles) {
    const int value = threadIdx.x;
    atomicAdd(&ints[0], value);
    atomicMax(&ints[1], value);
    atomicMin(&ints[2], -value);
    atomicExch(&ints[3], 7);
    atomicOr(&ints[4], 1 << (value % 8));
    atomicCAS(&ints[5], 0, value + 1);
    atomicAdd(&unsigneds[0], 1u);
    atomicMax(&unsigneds[1], (unsigned)value);
    atomicMin(&unsigneds[2], 3u + value);
    atomicExch(&unsigneds[3], 9u);
    atomicAnd(&unsigneds[4], 0xffu << (value % 4));
    atomicAdd(&longs[0], 1ull << 33);
    atomicMax(&longs[1], (unsigned long long)value << 40);
    atomicCAS(&longs[2], 0ull, 5ull);
    atomicAdd(&floats[0], 0.5f);
    atomicAdd(&doubles[0], 0.25);
    __threadfence();
    __threadfence_block();
    // A lock that all threads take in turn.
    bool done = false;
    while (!done) {
        if (atomicCAS(&unsigneds[5], 0u, 1u) == 0u) {
            ints[6] = ints[6] + 1;
            __threadfence();
            atomicExch(&unsigneds[5], 0u);
            done = true;
        }
    }
}
DARIEN_EXPORT(atomics)

extern "C" __global__ void indices(uint3* out) {
    const int block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
    const int thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
    const int threads = blockDim.x * blockDim.y * blockDim.z;
    uint3 index;
    index.x = threadIdx.x + 100 * blockIdx.x;
    index.y = threadIdx.y + 100 * blockIdx.y;
    index.z = threadIdx.z + 100 * blockIdx.z;
    out[block * threads + thread] = index;
}
DARIEN_EXPORT(indices)
