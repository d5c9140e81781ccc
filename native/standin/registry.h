// SPDX-License-Identifier: Apache-2.0
//
// The kernels compiled into this library. Kernel files include this too, so it stays free of the standard library.
#pragma once

#include <stddef.h>

#pragma GCC visibility push(hidden)
namespace standin {

struct Parameter {
    enum class Kind : unsigned char { INTEGER, FLOATING, POINTER, BYTES };
    size_t bytes = 0;
    size_t alignment = 1;
    Kind kind = Kind::INTEGER;
};

struct Kernel {
    const char* name;
    void (*call)(void* const* arguments);
    const Parameter* parameters;
    size_t count;
};

void add_kernel(const Kernel& kernel);
// nullptr where there is none of that name.
const Kernel* find_kernel(const char* name);
// In the order of their names; `at` from 0, nullptr past the last.
const Kernel* kernel_at(size_t at);

// The dynamic shared memory of the block that runs.
void* dynamic_shared();

}  // namespace standin
#pragma GCC visibility pop
