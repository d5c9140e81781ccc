// SPDX-License-Identifier: Apache-2.0
#include "shared.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

// See shared_mark.cpp: the static shared memory of all kernels, between two marks of 64 bytes.
extern "C" __attribute__((visibility("hidden"))) char standin_shared_begin[64];
extern "C" __attribute__((visibility("hidden"))) char standin_shared_end[64];

namespace standin {

namespace {

constexpr size_t MARK = 64;
constexpr size_t ROOM = 256 << 10;
constexpr size_t PAGE = 64 << 10;  // the largest of any machine
static_assert(SHARED_LIMIT + MARK <= ROOM, "room for all dynamic shared memory and the bytes before it");

// Through an integer, because to the compiler two objects have no order, and one ends where it was declared to end.
uintptr_t address(const char* mark) {
    uintptr_t at = reinterpret_cast<uintptr_t>(mark);
    asm("" : "+r"(at));
    return at;
}
char* static_begin() { return reinterpret_cast<char*>(address(standin_shared_begin)); }
size_t static_bytes() { return address(standin_shared_end) + MARK - address(standin_shared_begin); }

bool poisoned(const char* from, size_t count) {
    for (size_t at = 0; at < count; at++) {
        if (from[at] != char(0xff)) {
            return false;
        }
    }
    return true;
}

}  // namespace

SharedMemory::SharedMemory() {
    region = static_cast<char*>(
        mmap(nullptr, ROOM + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (region == MAP_FAILED || address(standin_shared_end) < address(standin_shared_begin)) {
        fputs("darien-standin: no shared memory, or a linker that put its end before its beginning\n", stderr);
        abort();
    }
    mprotect(region + ROOM, PAGE, PROT_NONE);
}

void SharedMemory::begin_block(size_t dynamic_bytes) {
    bytes = dynamic_bytes;
    start = region + ROOM - (bytes + 15) / 16 * 16;
    memset(start - MARK, 0xff, size_t(region + ROOM - (start - MARK)));
    memset(static_begin(), 0xff, static_bytes());
}

const char* SharedMemory::damage() const {
    if (!poisoned(start - MARK, MARK)) {
        return "a write before the start of dynamic shared memory";
    }
    if (!poisoned(start + bytes, size_t(region + ROOM - (start + bytes)))) {
        return "a write past the end of dynamic shared memory";
    }
    if (!poisoned(static_begin(), MARK) || !poisoned(static_begin() + static_bytes() - MARK, MARK)) {
        return "a write outside static shared memory";
    }
    return nullptr;
}

}  // namespace standin
