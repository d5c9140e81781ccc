// SPDX-License-Identifier: Apache-2.0
//
// Atomics and fences. One fiber runs at a time and is never interrupted, so plain operations are atomic.
#pragma once

namespace standin {
// Lets the other threads of the block run: without it, a thread that waits for a lock would never see it released.
__attribute__((visibility("hidden"))) void yield();
}  // namespace standin

#define STANDIN_ATOMIC(name, T, expression)                      \
    __device__ __forceinline__ T name(T* at, T value) {          \
        const T old = *at;                                       \
        *at = (expression);                                      \
        return old;                                              \
    }
#define STANDIN_ATOMICS(name, expression)            \
    STANDIN_ATOMIC(name, int, expression)            \
    STANDIN_ATOMIC(name, unsigned, expression)       \
    STANDIN_ATOMIC(name, unsigned long long, expression)

// Through unsigned, because a sum of ints wraps on the hardware.
__device__ __forceinline__ int atomicAdd(int* at, int value) {
    const int old = *at;
    *at = int(unsigned(old) + unsigned(value));
    return old;
}
STANDIN_ATOMIC(atomicAdd, unsigned, old + value)
STANDIN_ATOMIC(atomicAdd, unsigned long long, old + value)
STANDIN_ATOMIC(atomicAdd, float, old + value)
STANDIN_ATOMIC(atomicAdd, double, old + value)
STANDIN_ATOMIC(atomicSub, unsigned, old - value)
STANDIN_ATOMIC(atomicInc, unsigned, old >= value ? 0 : old + 1)
STANDIN_ATOMIC(atomicExch, float, value)
STANDIN_ATOMICS(atomicExch, value)
STANDIN_ATOMICS(atomicMax, old > value ? old : value)
STANDIN_ATOMICS(atomicMin, old < value ? old : value)
STANDIN_ATOMICS(atomicOr, old | value)
STANDIN_ATOMICS(atomicAnd, old & value)
STANDIN_ATOMICS(atomicXor, old ^ value)
STANDIN_ATOMIC(atomicMax, long long, old > value ? old : value)
STANDIN_ATOMIC(atomicMin, long long, old < value ? old : value)
#undef STANDIN_ATOMIC
#undef STANDIN_ATOMICS

#define STANDIN_CAS(T)                                                  \
    __device__ __forceinline__ T atomicCAS(T* at, T expected, T value) { \
        const T old = *at;                                              \
        if (old == expected) {                                          \
            *at = value;                                                \
        } else {                                                        \
            standin::yield();                                           \
        }                                                               \
        return old;                                                     \
    }
STANDIN_CAS(int)
STANDIN_CAS(unsigned)
STANDIN_CAS(unsigned long long)
#undef STANDIN_CAS

__device__ __forceinline__ void __threadfence() { __asm__ volatile("" ::: "memory"); }
__device__ __forceinline__ void __threadfence_block() { __asm__ volatile("" ::: "memory"); }
__device__ __forceinline__ void __threadfence_system() { __asm__ volatile("" ::: "memory"); }
__device__ __forceinline__ void __nanosleep(unsigned) { standin::yield(); }
