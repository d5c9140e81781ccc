// SPDX-License-Identifier: Apache-2.0
//
// Whether a range of addresses may be used as what a function says it is.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace standin {

// `what` names the argument in the complaint. `enqueueing` is false when queued work looks again before it runs: memory
// that is to be freed after it is still good then.
bool is_device_range(const char* what, uintptr_t from, size_t bytes, bool enqueueing = true);
bool is_host_range(const char* what, uintptr_t from, size_t bytes, bool enqueueing = true);

// Whether a kernel may be given the pointer: null, or into (or to the end of) memory that the device can use.
bool is_kernel_pointer(uintptr_t pointer);

}  // namespace standin
