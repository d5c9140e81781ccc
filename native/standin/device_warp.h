// SPDX-License-Identifier: Apache-2.0
//
// What threads of a warp or of a block do together. Each function hands its part to the scheduler (block.h), which
// answers when every thread that takes part has come.
#pragma once

#pragma GCC visibility push(hidden)
namespace standin {

enum class Exchange : unsigned char { SYNC, SHUFFLE, SHUFFLE_XOR, SHUFFLE_UP, SHUFFLE_DOWN, BALLOT, ANY, ALL, MATCH };
enum class Barrier : unsigned char { PLAIN, OR, AND, COUNT };

// One lane's part in an exchange of the lanes in `mask`: `source` is the lane that a shuffle reads.
unsigned long long exchange(Exchange kind, unsigned mask, unsigned source, unsigned long long value);
// `file` and `line` say where the thread waits, because all threads of a block must wait at the same place.
int barrier(Barrier kind, int predicate, const char* file, int line);
// Ends the launch with CUDA_ERROR_LAUNCH_FAILED.
[[noreturn]] void trap();

extern unsigned lane;

// All lanes from the first to the last of this lane's segment of `width` lanes.
struct Segment {
    unsigned first, last;
    explicit Segment(int width) : first(lane & ~unsigned(width - 1)), last(first + unsigned(width) - 1) {}
};

template <typename T>
__forceinline__ T shuffle(Exchange kind, unsigned mask, T value, unsigned source) {
    unsigned long long bits = 0;
    __builtin_memcpy(&bits, &value, sizeof(T));
    bits = exchange(kind, mask, source, bits);
    __builtin_memcpy(&value, &bits, sizeof(T));
    return value;
}

template <typename T>
__forceinline__ unsigned match(unsigned mask, T value) {
    unsigned long long bits = 0;
    __builtin_memcpy(&bits, &value, sizeof(T));
    return unsigned(exchange(Exchange::MATCH, mask, 0, bits));
}

}  // namespace standin
#pragma GCC visibility pop

// Overloads, not a template, so that a short or a bool is promoted as nvcc promotes it.
#define STANDIN_EXCHANGES(T)                                                                                     \
    __device__ __forceinline__ T __shfl_sync(unsigned mask, T value, int source, int width = warpSize) {         \
        const standin::Segment segment(width);                                                                   \
        const unsigned from = segment.first | (unsigned(source) & unsigned(width - 1));                          \
        return standin::shuffle(standin::Exchange::SHUFFLE, mask, value, from);                                  \
    }                                                                                                            \
    __device__ __forceinline__ T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = warpSize) {      \
        const unsigned from = standin::lane ^ unsigned(lanes);                                                   \
        const bool inside = from <= standin::Segment(width).last;                                                \
        return standin::shuffle(standin::Exchange::SHUFFLE_XOR, mask, value, inside ? from : standin::lane);     \
    }                                                                                                            \
    __device__ __forceinline__ T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = warpSize) {  \
        const bool inside = standin::lane - standin::Segment(width).first >= delta;                              \
        const unsigned from = inside ? standin::lane - delta : standin::lane;                                    \
        return standin::shuffle(standin::Exchange::SHUFFLE_UP, mask, value, from);                               \
    }                                                                                                            \
    __device__ __forceinline__ T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = warpSize) { \
        const bool inside = standin::Segment(width).last - standin::lane >= delta;                               \
        const unsigned from = inside ? standin::lane + delta : standin::lane;                                    \
        return standin::shuffle(standin::Exchange::SHUFFLE_DOWN, mask, value, from);                             \
    }                                                                                                            \
    __device__ __forceinline__ unsigned __match_any_sync(unsigned mask, T value) {                               \
        return standin::match(mask, value);                                                                      \
    }
STANDIN_EXCHANGES(int)
STANDIN_EXCHANGES(unsigned)
STANDIN_EXCHANGES(long)
STANDIN_EXCHANGES(unsigned long)
STANDIN_EXCHANGES(long long)
STANDIN_EXCHANGES(unsigned long long)
STANDIN_EXCHANGES(float)
STANDIN_EXCHANGES(double)
#undef STANDIN_EXCHANGES

__device__ __forceinline__ void __syncwarp(unsigned mask = 0xffffffffu) {
    standin::exchange(standin::Exchange::SYNC, mask, 0, 0);
}
__device__ __forceinline__ unsigned __ballot_sync(unsigned mask, int predicate) {
    return unsigned(standin::exchange(standin::Exchange::BALLOT, mask, 0, predicate != 0));
}
__device__ __forceinline__ int __any_sync(unsigned mask, int predicate) {
    return standin::exchange(standin::Exchange::ANY, mask, 0, predicate != 0) != 0;
}
__device__ __forceinline__ int __all_sync(unsigned mask, int predicate) {
    return standin::exchange(standin::Exchange::ALL, mask, 0, predicate == 0) == 0;
}

__device__ __forceinline__ void __syncthreads(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    standin::barrier(standin::Barrier::PLAIN, 0, file, line);
}
__device__ __forceinline__ int __syncthreads_or(int predicate, const char* file = __builtin_FILE(),
                                                int line = __builtin_LINE()) {
    return standin::barrier(standin::Barrier::OR, predicate, file, line);
}
__device__ __forceinline__ int __syncthreads_and(int predicate, const char* file = __builtin_FILE(),
                                                 int line = __builtin_LINE()) {
    return standin::barrier(standin::Barrier::AND, predicate, file, line);
}
__device__ __forceinline__ int __syncthreads_count(int predicate, const char* file = __builtin_FILE(),
                                                   int line = __builtin_LINE()) {
    return standin::barrier(standin::Barrier::COUNT, predicate, file, line);
}

__device__ __forceinline__ void __trap() { standin::trap(); }
