// SPDX-License-Identifier: Apache-2.0
//
// The shared memory of a block. Each block finds it full of 0xff: NaN as a float, −1 as an int, far out of any range as
// an index, so that a kernel that reads what it didn't write shows.
#pragma once

#include <stddef.h>

namespace standin {

constexpr size_t SHARED_DEFAULT_LIMIT = 48 << 10;
constexpr size_t SHARED_LIMIT = 227 << 10;

class SharedMemory {
public:
    SharedMemory();
    // The dynamic part ends flush against a page that can't be touched, but for what its alignment of 16 leaves over.
    void begin_block(size_t dynamic_bytes);
    // nullptr, or what was written that isn't the block's.
    const char* damage() const;
    void* dynamic() const { return start; }

private:
    char* region;
    char* start = nullptr;
    size_t bytes = 0;
};

}  // namespace standin
