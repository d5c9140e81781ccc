// SPDX-License-Identifier: Apache-2.0
//
// Fibers: stacks that the scheduler switches between, all on the calling thread. On x86-64 a switch is a few
// instructions of our own; elsewhere it is ucontext's, some fifteen times slower for its two system calls.
#pragma once

#include <stddef.h>

#if !defined(__x86_64__) && !defined(STANDIN_UCONTEXT)
#define STANDIN_UCONTEXT
#endif

#ifdef STANDIN_UCONTEXT
#include <ucontext.h>
#endif

namespace standin {

struct Fiber {
#ifdef STANDIN_UCONTEXT
    ucontext_t context;
#else
    void* stack_pointer = nullptr;
#endif
    char* stack = nullptr;
    size_t bytes = 0;
};

// A fiber prepared so, when first switched to, calls `entry`, which must never return.
void prepare(Fiber& fiber, void (*entry)());
void switch_fibers(Fiber& from, Fiber& to);

// The fibers of one block: one for each thread that waits. All of them are free when a block begins.
class FiberPool {
public:
    static constexpr size_t COUNT = 1024;

    FiberPool();
    void reset();
    Fiber* take();
    void give_back(Fiber* fiber);
    // Whether the address lies in a guard page, so that an access to it means that a stack was too small.
    bool overflowed(const void* address) const;

private:
    Fiber fibers[COUNT];
    Fiber* free[COUNT];
    size_t free_count = 0;
    char* region = nullptr;
};

}  // namespace standin
