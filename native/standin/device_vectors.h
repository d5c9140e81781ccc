// SPDX-License-Identifier: Apache-2.0
//
// CUDA's vector types, with CUDA's alignments, and the built-in variables of a kernel.
#pragma once

#define STANDIN_VECTOR2(type, name, alignment)            \
    struct __attribute__((aligned(alignment))) name {     \
        type x, y;                                        \
    };                                                    \
    __device__ __forceinline__ name make_##name(type x, type y) { return name{x, y}; }

#define STANDIN_VECTOR3(type, name) \
    struct name {                   \
        type x, y, z;               \
    };                              \
    __device__ __forceinline__ name make_##name(type x, type y, type z) { return name{x, y, z}; }

#define STANDIN_VECTOR4(type, name, alignment)        \
    struct __attribute__((aligned(alignment))) name { \
        type x, y, z, w;                              \
    };                                                \
    __device__ __forceinline__ name make_##name(type x, type y, type z, type w) { return name{x, y, z, w}; }

STANDIN_VECTOR2(signed char, char2, 2)
STANDIN_VECTOR2(unsigned char, uchar2, 2)
STANDIN_VECTOR2(short, short2, 4)
STANDIN_VECTOR2(unsigned short, ushort2, 4)
STANDIN_VECTOR2(int, int2, 8)
STANDIN_VECTOR2(unsigned, uint2, 8)
STANDIN_VECTOR2(long long, longlong2, 16)
STANDIN_VECTOR2(unsigned long long, ulonglong2, 16)
STANDIN_VECTOR2(float, float2, 8)
STANDIN_VECTOR2(double, double2, 16)

STANDIN_VECTOR3(int, int3)
STANDIN_VECTOR3(unsigned, uint3)
STANDIN_VECTOR3(float, float3)

STANDIN_VECTOR4(signed char, char4, 4)
STANDIN_VECTOR4(unsigned char, uchar4, 4)
STANDIN_VECTOR4(short, short4, 8)
STANDIN_VECTOR4(unsigned short, ushort4, 8)
STANDIN_VECTOR4(int, int4, 16)
STANDIN_VECTOR4(unsigned, uint4, 16)
STANDIN_VECTOR4(float, float4, 16)

#undef STANDIN_VECTOR2
#undef STANDIN_VECTOR3
#undef STANDIN_VECTOR4

struct dim3 {
    unsigned x, y, z;
    constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};

// The scheduler sets threadIdx whenever it switches. Hidden, so that reading one costs no more than a global.
extern __attribute__((visibility("hidden"))) uint3 threadIdx;
extern __attribute__((visibility("hidden"))) uint3 blockIdx;
extern __attribute__((visibility("hidden"))) dim3 blockDim;
extern __attribute__((visibility("hidden"))) dim3 gridDim;
static constexpr int warpSize = 32;
