// SPDX-License-Identifier: Apache-2.0
#include "fiber.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#ifndef STANDIN_UCONTEXT
// Saves what the System V ABI lets a function keep across a call, and nothing else. A kernel has no reason to change
// the rounding mode, so the control words of the floating-point units stay out of it. It ends in `ret`, not in a jump,
// because neighbouring lanes come from the same place in the code: the processor then predicts the return.
asm(R"(
    .text
    .p2align 4
    .hidden standin_switch
    .globl standin_switch
    .type standin_switch, @function
standin_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
    .size standin_switch, . - standin_switch
)");
extern "C" __attribute__((visibility("hidden"))) void standin_switch(void** from, void* to);
#endif

namespace standin {

namespace {
// Only the pages that a kernel touches take memory. A signal of the JVM may land on such a stack, and so needs room.
constexpr size_t STACK = 128 << 10;
constexpr size_t GUARD = 16 << 10;
// Stacks that all start at the same offset of a page would fight for the same few sets of the first-level cache.
constexpr size_t COLOUR = 192;
constexpr size_t COLOURS = 21;
}  // namespace

void prepare(Fiber& fiber, void (*entry)()) {
#ifdef STANDIN_UCONTEXT
    getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = fiber.stack;
    fiber.context.uc_stack.ss_size = fiber.bytes;
    fiber.context.uc_link = nullptr;
    makecontext(&fiber.context, entry, 0);
#else
    // Six registers, the entry's address for `ret`, and a null return address, so that the entry finds its stack aligned
    // as after a call.
    void** top = reinterpret_cast<void**>(fiber.stack + fiber.bytes);
    for (int at = -8; at < 0; at++) {
        top[at] = nullptr;
    }
    top[-2] = reinterpret_cast<void*>(entry);
    fiber.stack_pointer = top - 8;
#endif
}

void switch_fibers(Fiber& from, Fiber& to) {
#ifdef STANDIN_UCONTEXT
    swapcontext(&from.context, &to.context);
#else
    standin_switch(&from.stack_pointer, to.stack_pointer);
#endif
}

FiberPool::FiberPool() {
    region = static_cast<char*>(mmap(nullptr, COUNT * (STACK + GUARD) + GUARD, PROT_READ | PROT_WRITE,
                                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    if (region == MAP_FAILED) {
        perror("darien-standin: no memory for the stacks of a block");
        abort();
    }
    // Huge pages would make each stack take its whole size.
    madvise(region, COUNT * (STACK + GUARD) + GUARD, MADV_NOHUGEPAGE);
    for (size_t at = 0; at <= COUNT; at++) {
        mprotect(region + at * (STACK + GUARD), GUARD, PROT_NONE);
    }
    for (size_t at = 0; at < COUNT; at++) {
        fibers[at].stack = region + at * (STACK + GUARD) + GUARD;
        fibers[at].bytes = STACK - at % COLOURS * COLOUR;
    }
    reset();
}

void FiberPool::reset() {
    for (size_t at = 0; at < COUNT; at++) {
        free[at] = &fibers[COUNT - 1 - at];
    }
    free_count = COUNT;
}

Fiber* FiberPool::take() { return free[--free_count]; }

void FiberPool::give_back(Fiber* fiber) { free[free_count++] = fiber; }

bool FiberPool::overflowed(const void* address) const {
    const uintptr_t at = reinterpret_cast<uintptr_t>(address) - reinterpret_cast<uintptr_t>(region);
    return at < COUNT * (STACK + GUARD) + GUARD && at % (STACK + GUARD) < GUARD;
}

}  // namespace standin
