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
#define __constant__ __attribute__((unused))
// Blocks run one after the other, so one copy serves them all. `used` keeps g++ from folding a read of what no kernel
// writes: such a read must find the poison. The linker puts these between the marks of shared_mark.cpp.
#define __shared__ static __attribute__((used))

#include "device_vectors.h"

#include "device_atomics.h"
#include "device_math.h"
#include "device_warp.h"

#include "device_kernel.h"
