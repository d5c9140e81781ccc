// SPDX-License-Identifier: Apache-2.0
//
// The scheduler. A thread runs until it waits for others, and then hands over to the next that can run: first within
// its warp, whose stacks are in the cache. A thread that never waits needs no fiber of its own: the one that ran the
// thread before runs it too. Everything here is global, because one launch runs at a time.
#include "block.h"

#include <stdio.h>
#include <string.h>

#include "cuda_api.h"
#include "fault.h"
#include "fiber.h"
#include "shared.h"
#include "warp.h"

uint3 threadIdx;
uint3 blockIdx;
dim3 blockDim;
dim3 gridDim;

namespace standin {

unsigned lane;

namespace {

constexpr unsigned MAX_THREADS = 1024;
constexpr unsigned WARP_SIZE = 32;
// Some seconds of a block whose threads do nothing but wait for a lock.
constexpr uint64_t YIELD_LIMIT = 50'000'000;

struct Thread {
    uint3 index;
    Fiber* fiber;
};

// What the threads of a block wait for together.
struct BlockBarrier {
    unsigned arrived, predicates;
    int result;
    Barrier kind;
    const char* file;
    int line;
};

Thread threads[MAX_THREADS];
Warp warps[MAX_THREADS / WARP_SIZE];
unsigned warp_count;
unsigned current;  // the warp that runs
unsigned live;     // threads of the block that haven't returned
BlockBarrier block_barrier;
uint64_t yields;

const Kernel* kernel;
void* const* kernel_arguments;
Fiber host;
uint64_t random_state;  // 0: the natural order

FiberPool& pool() {
    static FiberPool fibers;
    return fibers;
}

SharedMemory& shared_memory() {
    static SharedMemory memory;
    return memory;
}

unsigned random_below(unsigned bound) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return unsigned((random_state >> 32) * bound >> 32);
}

Thread& running() { return threads[current * WARP_SIZE + lane]; }

unsigned pick_lane(Warp& warp) {
    unsigned candidates = warp.runnable();
    if (random_state != 0) {
        for (unsigned skipped = random_below(unsigned(__builtin_popcount(candidates))); skipped > 0; skipped--) {
            candidates &= candidates - 1;
        }
        return unsigned(__builtin_ctz(candidates));
    }
    const unsigned above = candidates & ~((2u << warp.last) - 1);
    return unsigned(__builtin_ctz(above != 0 ? above : candidates));
}

// Makes the next thread that can run the current one: nullptr where there is none.
Thread* pick(bool leave_warp) {
    unsigned at = current;
    if (random_state != 0 && random_below(4) == 0) {
        at = random_below(warp_count);
    } else if (leave_warp) {
        at = (at + 1) % warp_count;
    }
    for (unsigned tried = 0; tried < warp_count; tried++, at = at + 1 == warp_count ? 0 : at + 1) {
        Warp& warp = warps[at];
        if (warp.runnable() == 0) {
            continue;
        }
        current = at;
        lane = warp.last = pick_lane(warp);
        warp.ready &= ~(1u << lane);
        threadIdx = running().index;
        return &running();
    }
    return nullptr;
}

void release_barrier() {
    switch (block_barrier.kind) {
        case Barrier::PLAIN: block_barrier.result = 0; break;
        case Barrier::OR: block_barrier.result = block_barrier.predicates > 0; break;
        case Barrier::AND: block_barrier.result = block_barrier.predicates == block_barrier.arrived; break;
        case Barrier::COUNT: block_barrier.result = int(block_barrier.predicates); break;
    }
    block_barrier.arrived = 0;
    block_barrier.predicates = 0;
    for (unsigned at = 0; at < warp_count; at++) {
        warps[at].ready |= warps[at].at_barrier;
        warps[at].at_barrier = 0;
    }
}

// The current thread has returned: those that waited only for it go on.
void finish() {
    Warp& warp = warps[current];
    warp.live &= ~(1u << lane);
    live--;
    warp.resolve_waiting();
    if (block_barrier.arrived > 0 && block_barrier.arrived == live) {
        release_barrier();
    }
}

[[noreturn]] void diverged();

// What each fiber runs: thread after thread, for as long as the next to run hasn't begun yet.
void run_threads() {
    Fiber* const self = running().fiber;
    for (;;) {
        warps[current].unstarted &= ~(1u << lane);
        kernel->call(kernel_arguments);
        running().fiber = nullptr;
        finish();
        Thread* const next = pick(false);
        if (next == nullptr) {
            if (live > 0) {
                diverged();
            }
            switch_fibers(*self, host);
        } else if (next->fiber == nullptr) {
            next->fiber = self;
        } else {
            pool().give_back(self);
            switch_fibers(*self, *next->fiber);
        }
    }
}

void start(Thread& thread) {
    thread.fiber = pool().take();
    prepare(*thread.fiber, run_threads);
}

// Lets others run until somebody makes the current thread ready.
void wait(bool leave_warp) {
    Fiber* const self = running().fiber;
    Thread* const next = pick(leave_warp);
    if (next == nullptr) {
        diverged();
    }
    if (next->fiber == self) {
        return;
    }
    if (next->fiber == nullptr) {
        start(*next);
    }
    switch_fibers(*self, *next->fiber);
}

void diverged() {
    char who[600];
    size_t used = 0;
    who[0] = 0;
    const auto add = [&](int written) { used = written < 0 ? used : size_t(written) + used; };
    for (unsigned at = 0; at < warp_count && used + 200 < sizeof who; at++) {
        const Warp& warp = warps[at];
        if (warp.at_barrier != 0) {
            add(snprintf(who + used, sizeof who - used, "; lanes %#x of warp %u wait at %s:%d", warp.at_barrier, at,
                         block_barrier.file, block_barrier.line));
        }
        for (unsigned left = warp.waiting; left != 0 && used + 200 < sizeof who;) {
            const unsigned first = unsigned(__builtin_ctz(left));
            const unsigned alike = left & warp.alike(first);
            add(snprintf(who + used, sizeof who - used, "; lanes %#x of warp %u wait in %s for lanes %#x", alike, at,
                         exchange_name(warp.kind[first]), warp.mask[first] & warp.live));
            left &= ~alike;
        }
    }
    fail(CUDA_ERROR_LAUNCH_FAILED, "barrier divergence in %s, block (%u,%u,%u)%s", kernel->name, blockIdx.x, blockIdx.y,
         blockIdx.z, who);
}

void run_block() {
    for (unsigned at = 0; at < warp_count; at++) {
        warps[at].begin();
    }
    live = blockDim.x * blockDim.y * blockDim.z;
    block_barrier.arrived = 0;
    block_barrier.predicates = 0;
    yields = 0;
    current = 0;
    pool().reset();
    start(*pick(false));
    switch_fibers(host, *running().fiber);
    if (const char* damage = shared_memory().damage()) {
        fail(CUDA_ERROR_ILLEGAL_ADDRESS, "%s", damage);
    }
}

void number_threads(const dim3& shape) {
    const unsigned count = shape.x * shape.y * shape.z;
    for (unsigned at = 0; at < count; at++) {
        threads[at] = Thread{{at % shape.x, at / shape.x % shape.y, at / (shape.x * shape.y)}, nullptr};
    }
    warp_count = (count + WARP_SIZE - 1) / WARP_SIZE;
    for (unsigned at = 0; at < warp_count; at++) {
        const unsigned lanes = count - at * WARP_SIZE;
        warps[at].exist = lanes >= WARP_SIZE ? ~0u : (1u << lanes) - 1;
    }
}

uint64_t common_divisor(uint64_t a, uint64_t b) { return b == 0 ? a : common_divisor(b, a % b); }

}  // namespace

unsigned long long exchange(Exchange kind, unsigned mask, unsigned source, unsigned long long value) {
    Warp& warp = warps[current];
    const unsigned self = lane;
    const unsigned bit = 1u << self;
    if ((mask & bit) == 0) {
        fail(CUDA_ERROR_LAUNCH_FAILED, "lane %u calls %s with the mask %#x, which doesn't name it", self,
             exchange_name(kind), mask);
    }
    warp.arrive(self, kind, mask, source, value);
    if (warp.resolve(kind, mask)) {
        warp.ready &= ~bit;
    } else {
        wait(false);
    }
    return warp.value[self];
}

int barrier(Barrier kind, int predicate, const char* file, int line) {
    if (block_barrier.arrived == 0) {
        block_barrier.kind = kind;
        block_barrier.file = file;
        block_barrier.line = line;
    } else if (line != block_barrier.line || kind != block_barrier.kind || strcmp(file, block_barrier.file) != 0) {
        fail(CUDA_ERROR_LAUNCH_FAILED,
             "barrier divergence in %s, block (%u,%u,%u): some threads wait at %s:%d, thread (%u,%u,%u) at %s:%d",
             kernel->name, blockIdx.x, blockIdx.y, blockIdx.z, block_barrier.file, block_barrier.line, threadIdx.x,
             threadIdx.y, threadIdx.z, file, line);
    }
    block_barrier.arrived++;
    block_barrier.predicates += predicate != 0;
    if (block_barrier.arrived == live) {
        release_barrier();
    } else {
        warps[current].at_barrier |= 1u << lane;
        wait(false);
    }
    return block_barrier.result;
}

void yield() {
    if (++yields > YIELD_LIMIT) {
        fail(CUDA_ERROR_LAUNCH_TIMEOUT, "threads that wait for a lock which nobody releases");
    }
    warps[current].ready |= 1u << lane;
    wait(true);
}

void trap() { fail(CUDA_ERROR_LAUNCH_FAILED, "__trap()"); }

void* dynamic_shared() { return shared_memory().dynamic(); }

void run_grid(const Grid& grid) {
    kernel = grid.kernel;
    kernel_arguments = grid.arguments;
    gridDim = grid.blocks;
    blockDim = grid.threads;
    number_threads(grid.threads);
    const uint64_t count = uint64_t(gridDim.x) * gridDim.y * gridDim.z;
    // Shuffled, the blocks go by steps of a stride that shares no divisor with their number.
    uint64_t stride = 1;
    uint64_t first = 0;
    random_state = grid.shuffle * 0x9e3779b97f4a7c15u;
    if (grid.shuffle != 0) {
        first = random_below(unsigned(count < ~0u ? count : ~0u));
        stride = 1 + random_below(unsigned(count < ~0u ? count : ~0u));
        while (common_divisor(stride, count) != 1) {
            stride++;
        }
    }
    for (uint64_t at = 0; at < count; at++) {
        const uint64_t number = grid.shuffle == 0 ? at : uint64_t((unsigned __int128)(at) * stride % count + first) % count;
        blockIdx = uint3{unsigned(number % gridDim.x), unsigned(number / gridDim.x % gridDim.y),
                         unsigned(number / gridDim.x / gridDim.y)};
        shared_memory().begin_block(grid.shared_bytes);
        run_block();
    }
}

std::string running_thread() {
    char text[200];
    snprintf(text, sizeof text, "%s, block (%u,%u,%u), thread (%u,%u,%u)", kernel->name, blockIdx.x, blockIdx.y,
             blockIdx.z, threadIdx.x, threadIdx.y, threadIdx.z);
    return text;
}

bool stack_overflowed(const void* address) { return pool().overflowed(address); }

}  // namespace standin
