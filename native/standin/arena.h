// SPDX-License-Identifier: Apache-2.0
//
// A range of addresses reserved once, so that a pointer tells by itself what kind of memory it is. Pages not handed out
// can't be touched, and each piece has at least one such page before and after it. Addresses come back as late as can
// be, so that a stale pointer seldom points to something new.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <map>

namespace standin {

class Arena {
public:
    // Of `bytes`, or of as many as the system lets have.
    explicit Arena(size_t bytes);
    // Whole pages, readable and writable: nullptr where there is no room.
    char* take(size_t bytes);
    void give_back(char* pages);
    bool contains(uintptr_t address) const { return address - start < size; }
    static size_t page();

private:
    bool try_take(size_t from, size_t bytes, size_t& at) const;

    uintptr_t start = 0;
    size_t size = 0;
    size_t next = 0;
    std::map<size_t, size_t> taken;  // offset to bytes
};

}  // namespace standin
