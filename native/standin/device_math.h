// SPDX-License-Identifier: Apache-2.0
//
// Arithmetic and bit functions of device code. The approximate ones (__expf, rsqrtf, …) are exact here.
#pragma once

#define STANDIN_REINTERPRET(name, From, To)                          \
    __device__ __forceinline__ To name(From value) {                 \
        static_assert(sizeof(From) == sizeof(To), "the same bits");  \
        To bits;                                                     \
        __builtin_memcpy(&bits, &value, sizeof(To));                 \
        return bits;                                                 \
    }
STANDIN_REINTERPRET(__float_as_uint, float, unsigned)
STANDIN_REINTERPRET(__float_as_int, float, int)
STANDIN_REINTERPRET(__uint_as_float, unsigned, float)
STANDIN_REINTERPRET(__int_as_float, int, float)
STANDIN_REINTERPRET(__double_as_longlong, double, long long)
STANDIN_REINTERPRET(__longlong_as_double, long long, double)
#undef STANDIN_REINTERPRET

__device__ __forceinline__ int __popc(unsigned value) { return __builtin_popcount(value); }
__device__ __forceinline__ int __popcll(unsigned long long value) { return __builtin_popcountll(value); }
__device__ __forceinline__ int __clz(int value) { return value == 0 ? 32 : __builtin_clz(unsigned(value)); }
__device__ __forceinline__ int __clzll(long long value) {
    return value == 0 ? 64 : __builtin_clzll((unsigned long long)(value));
}
__device__ __forceinline__ int __ffs(int value) { return __builtin_ffs(value); }
__device__ __forceinline__ int __ffsll(long long value) { return __builtin_ffsll(value); }
__device__ __forceinline__ unsigned __brev(unsigned value) {
    value = (value >> 1 & 0x55555555u) | (value & 0x55555555u) << 1;
    value = (value >> 2 & 0x33333333u) | (value & 0x33333333u) << 2;
    value = (value >> 4 & 0x0f0f0f0fu) | (value & 0x0f0f0f0fu) << 4;
    return __builtin_bswap32(value);
}
__device__ __forceinline__ unsigned long long __brevll(unsigned long long value) {
    return (unsigned long long)(__brev(unsigned(value))) << 32 | __brev(unsigned(value >> 32));
}
__device__ __forceinline__ unsigned __umulhi(unsigned a, unsigned b) {
    return unsigned((unsigned long long)(a)*b >> 32);
}
__device__ __forceinline__ int __mulhi(int a, int b) { return int((long long)(a)*b >> 32); }
__device__ __forceinline__ unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
    return (unsigned long long)((unsigned __int128)(a)*b >> 64);
}
__device__ __forceinline__ unsigned __funnelshift_l(unsigned low, unsigned high, unsigned shift) {
    return unsigned(((unsigned long long)(high) << 32 | low) << (shift & 31) >> 32);
}
__device__ __forceinline__ unsigned __funnelshift_r(unsigned low, unsigned high, unsigned shift) {
    return unsigned(((unsigned long long)(high) << 32 | low) >> (shift & 31));
}

// Under names of our own, because newer C libraries declare rsqrt too.
#define rsqrtf __standin_rsqrtf
#define rsqrt __standin_rsqrt
__device__ __forceinline__ float rsqrtf(float value) { return 1.0f / sqrtf(value); }
__device__ __forceinline__ double rsqrt(double value) { return 1.0 / sqrt(value); }
__device__ __forceinline__ float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
__device__ __forceinline__ double __fma_rn(double a, double b, double c) { return fma(a, b, c); }
__device__ __forceinline__ float __fadd_rn(float a, float b) { return a + b; }
__device__ __forceinline__ float __fsub_rn(float a, float b) { return a - b; }
__device__ __forceinline__ float __fmul_rn(float a, float b) { return a * b; }
__device__ __forceinline__ float __fdiv_rn(float a, float b) { return a / b; }
__device__ __forceinline__ float __fsqrt_rn(float value) { return sqrtf(value); }
__device__ __forceinline__ float __frcp_rn(float value) { return 1.0f / value; }
__device__ __forceinline__ float __frsqrt_rn(float value) { return float(1.0 / sqrt(double(value))); }
__device__ __forceinline__ double __dadd_rn(double a, double b) { return a + b; }
__device__ __forceinline__ double __dmul_rn(double a, double b) { return a * b; }
__device__ __forceinline__ float __fdividef(float a, float b) { return a / b; }
__device__ __forceinline__ float __expf(float value) { return expf(value); }
__device__ __forceinline__ float __logf(float value) { return logf(value); }
__device__ __forceinline__ float __saturatef(float value) { return fminf(fmaxf(value, 0.0f), 1.0f); }

// A float that doesn't fit becomes the nearest int, and NaN 0, as the hardware does it; in C++ it would be undefined.
__device__ __forceinline__ int __standin_saturate(double value) {
    return value != value ? 0 : value >= 2147483647.0 ? 2147483647 : value <= -2147483648.0 ? -2147483647 - 1 : int(value);
}
__device__ __forceinline__ int __float2int_rz(float value) { return __standin_saturate(value); }
__device__ __forceinline__ int __float2int_rn(float value) { return __standin_saturate(nearbyint(value)); }
__device__ __forceinline__ int __float2int_rd(float value) { return __standin_saturate(floor(value)); }
__device__ __forceinline__ int __float2int_ru(float value) { return __standin_saturate(ceil(value)); }
__device__ __forceinline__ float __int2float_rn(int value) { return float(value); }
__device__ __forceinline__ float __uint2float_rn(unsigned value) { return float(value); }
__device__ __forceinline__ float __double2float_rn(double value) { return float(value); }

// The overloads, mixed ones included, that nvcc has.
#define STANDIN_MINMAX(A, B, R)                      \
    __device__ __forceinline__ R min(A a, B b) {     \
        const R left = a, right = b;                 \
        return left < right ? left : right;          \
    }                                                \
    __device__ __forceinline__ R max(A a, B b) {     \
        const R left = a, right = b;                 \
        return left > right ? left : right;          \
    }
STANDIN_MINMAX(int, int, int)
STANDIN_MINMAX(unsigned, unsigned, unsigned)
STANDIN_MINMAX(int, unsigned, unsigned)
STANDIN_MINMAX(unsigned, int, unsigned)
STANDIN_MINMAX(long, long, long)
STANDIN_MINMAX(unsigned long, unsigned long, unsigned long)
STANDIN_MINMAX(long, unsigned long, unsigned long)
STANDIN_MINMAX(unsigned long, long, unsigned long)
STANDIN_MINMAX(long long, long long, long long)
STANDIN_MINMAX(unsigned long long, unsigned long long, unsigned long long)
STANDIN_MINMAX(long long, unsigned long long, unsigned long long)
STANDIN_MINMAX(unsigned long long, long long, unsigned long long)
#undef STANDIN_MINMAX
// Of a number and a NaN, CUDA's min and max give the number, as fmin and fmax do.
__device__ __forceinline__ float min(float a, float b) { return fminf(a, b); }
__device__ __forceinline__ float max(float a, float b) { return fmaxf(a, b); }
__device__ __forceinline__ double min(double a, double b) { return fmin(a, b); }
__device__ __forceinline__ double max(double a, double b) { return fmax(a, b); }
__device__ __forceinline__ double min(float a, double b) { return fmin(a, b); }
__device__ __forceinline__ double max(float a, double b) { return fmax(a, b); }
__device__ __forceinline__ double min(double a, float b) { return fmin(a, b); }
__device__ __forceinline__ double max(double a, float b) { return fmax(a, b); }

// Loads and stores with a cache hint.
template <typename T>
__device__ __forceinline__ T __ldg(const T* from) {
    return *from;
}
template <typename T>
__device__ __forceinline__ T __ldcs(const T* from) {
    return *from;
}
template <typename T>
__device__ __forceinline__ T __ldcg(const T* from) {
    return *from;
}
template <typename T>
__device__ __forceinline__ void __stcs(T* to, T value) {
    *to = value;
}
template <typename T>
__device__ __forceinline__ void __stcg(T* to, T value) {
    *to = value;
}
