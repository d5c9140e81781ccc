// SPDX-License-Identifier: Apache-2.0
#include "range.h"

#include "control.h"
#include "fault.h"
#include "memory.h"
#include "state.h"

namespace standin {

namespace {

// False, with a complaint, when the range leaves its allocation or the allocation is on its way out.
bool fits(const char* what, const Allocation& allocation, uintptr_t from, size_t bytes, bool enqueueing) {
    if (allocation.leaving && enqueueing) {
        complain("%s %s was given to cuMemFreeAsync", what, describe(from).c_str());
        return false;
    }
    const size_t offset = from - allocation.base;
    if (bytes > allocation.bytes - offset) {
        complain("%s: %zu bytes from %s run past its end", what, bytes, describe(from).c_str());
        return false;
    }
    return true;
}

struct Probe {
    const volatile char* first;
    const volatile char* last;
};

void touch(void* argument) {
    const Probe& probe = *static_cast<Probe*>(argument);
    (void)*probe.first;
    (void)*probe.last;
}

}  // namespace

bool is_device_range(const char* what, uintptr_t from, size_t bytes, bool enqueueing) {
    const Allocation* const allocation = allocation_around(from);
    if (allocation == nullptr) {
        complain("%s is %s", what, describe(from).c_str());
        return false;
    }
    if (!allocation->mapped()) {
        complain("%s is %s, which was pinned without DEVICEMAP", what, describe(from).c_str());
        return false;
    }
    return fits(what, *allocation, from, bytes, enqueueing);
}

bool is_host_range(const char* what, uintptr_t from, size_t bytes, bool enqueueing) {
    const Allocation* const allocation = allocation_around(from);
    if (from == 0 || in_device_arena(from) || (allocation == nullptr && in_arena(from))) {
        complain("%s must be host memory, not %s", what, describe(from).c_str());
        return false;
    }
    // The end of a registered range may be the start of other host memory.
    if (allocation != nullptr && (allocation->space == Space::PINNED || from - allocation->base < allocation->bytes)) {
        return fits(what, *allocation, from, bytes, enqueueing);
    }
    Probe probe = {reinterpret_cast<const char*>(from), reinterpret_cast<const char*>(from + bytes - 1)};
    Fault fault;
    if (!guarded(touch, &probe, fault)) {
        complain("%s: %zu bytes from %#llx can't be read", what, bytes, (unsigned long long)(from));
        return false;
    }
    return true;
}

bool is_kernel_pointer(uintptr_t pointer) {
    if (pointer == 0) {
        return true;
    }
    const Allocation* const allocation = allocation_around(pointer);
    return allocation != nullptr && allocation->mapped();
}

}  // namespace standin
