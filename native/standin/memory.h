// SPDX-License-Identifier: Apache-2.0
//
// All memory that the device knows: its own, pinned host memory, and host memory that was registered.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <functional>
#include <string>

namespace standin {

enum class Space { DEVICE, PINNED, REGISTERED };

struct Allocation {
    Space space = Space::DEVICE;
    uintptr_t base = 0;
    size_t bytes = 0;
    uint64_t number = 0;   // the how-manieth this was, for messages
    uint64_t context = 0;  // whose it is
    unsigned flags = 0;
    bool leaving = false;  // cuMemFreeAsync was called, and its turn hasn't come
    char* pages = nullptr;
    size_t page_bytes = 0;

    bool mapped() const;  // whether kernels may use it
};

// nullptr where there is no room.
Allocation* allocate(Space space, size_t bytes, uint64_t context, unsigned flags);
Allocation* add_registration(uintptr_t base, size_t bytes, uint64_t context, unsigned flags);
// False when the bytes around it have been written; `damage` says so.
bool release(Allocation* allocation, std::string& damage);

// The one that begins at `base`.
Allocation* allocation_of(uintptr_t base);
// The one that the address lies in; its end counts, as a pointer to nothing more.
Allocation* allocation_around(uintptr_t address);
// Any that shares a page with the range.
Allocation* allocation_beside(uintptr_t base, size_t bytes);
void for_each_allocation(const std::function<void(Allocation&)>& action);

// Whether an address is of device or pinned memory, past or present. Safe in a signal handler.
bool in_arena(uintptr_t address);
bool in_device_arena(uintptr_t address);

// Where an address lies, for a message.
std::string describe(uintptr_t address);

// "" or which allocation's surroundings were written.
std::string find_damage();

// Takes host code's access to device memory, or gives it back.
void set_device_memory_hidden(bool hidden);

}  // namespace standin
