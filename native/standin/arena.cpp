// SPDX-License-Identifier: Apache-2.0
#include "arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

namespace standin {

size_t Arena::page() {
    static const size_t bytes = size_t(sysconf(_SC_PAGESIZE));
    return bytes;
}

Arena::Arena(size_t bytes) {
    for (size = bytes; size >= (size_t(1) << 30); size /= 2) {
        void* const region = mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (region != MAP_FAILED) {
            start = reinterpret_cast<uintptr_t>(region);
            return;
        }
    }
    fputs("darien-standin: no addresses left for device memory\n", stderr);
    abort();
}

// The first place at or after `from` with room for `bytes` between two pages that nobody has.
bool Arena::try_take(size_t from, size_t bytes, size_t& at) const {
    at = from;
    auto piece = taken.upper_bound(at);
    if (piece != taken.begin()) {
        auto before = piece;
        --before;
        at = before->first + before->second > at ? before->first + before->second : at;
    }
    while (true) {
        at += page();
        const size_t end = at + bytes + page();
        if (end > size) {
            return false;
        }
        if (piece == taken.end() || end <= piece->first) {
            return true;
        }
        at = piece->first + piece->second;
        ++piece;
    }
}

char* Arena::take(size_t bytes) {
    if (bytes > size - 2 * page()) {
        return nullptr;
    }
    size_t at = 0;
    if (!try_take(next, bytes, at) && !try_take(0, bytes, at)) {
        return nullptr;
    }
    char* const pages = reinterpret_cast<char*>(start + at);
    if (mprotect(pages, bytes, PROT_READ | PROT_WRITE) != 0) {
        return nullptr;
    }
    taken[at] = bytes;
    next = at + bytes;
    return pages;
}

void Arena::give_back(char* pages) {
    const auto piece = taken.find(reinterpret_cast<uintptr_t>(pages) - start);
    mprotect(pages, piece->second, PROT_NONE);
    madvise(pages, piece->second, MADV_DONTNEED);
    taken.erase(piece);
}

}  // namespace standin
