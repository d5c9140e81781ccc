// SPDX-License-Identifier: Apache-2.0
//
// CUDA C++ for g++, as far as Darien's kernels use it: darien.cuh includes this instead of nvcc's built-in headers.
// What isn't here doesn't compile, on purpose: a kernel that g++ accepts should be one that nvcc accepts.
#pragma once

#include <float.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __align__(bytes) __attribute__((aligned(bytes)))
// In a section of its own, because what is all zeros would else lie among the shared memory.
#define STANDIN_STRING(text) STANDIN_QUOTE(text)
#define STANDIN_QUOTE(text) #text
#define __constant__ __attribute__((unused, section("darien_constant_" STANDIN_STRING(__COUNTER__))))
// Blocks run one after the other, so one copy serves them all. `used` keeps g++ from folding a read of what no kernel
// writes: such a read must find the poison. The linker puts these between the marks of shared_mark.cpp.
#define __shared__ static __attribute__((used))

#include "device_vectors.h"

#include "device_atomics.h"
#include "device_math.h"
#include "device_warp.h"

#include "device_kernel.h"

// Last, and for kernel files only, because the standard library writes this word within its own attributes.
#ifdef DARIEN_STANDIN
#define __noinline__ __attribute__((noinline))
#endif
