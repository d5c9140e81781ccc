// SPDX-License-Identifier: Apache-2.0
//
// Runs the blocks of a launch one after the other, the threads of a block as fibers.
#pragma once

#include <stdint.h>

#include <string>

#include "device.h"
#include "registry.h"

namespace standin {

struct Grid {
    const Kernel* kernel = nullptr;
    dim3 blocks;
    dim3 threads;
    size_t shared_bytes = 0;
    void* const* arguments = nullptr;
    uint64_t shuffle = 0;  // 0 keeps the natural order of blocks, warps and lanes
};

// To be called in guarded work only: a kernel that fails leaves through fail().
void run_grid(const Grid& grid);

// Kernel, block and thread that ran last, for a message.
std::string running_thread();

bool stack_overflowed(const void* address);

}  // namespace standin
