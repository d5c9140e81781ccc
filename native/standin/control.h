// SPDX-License-Identifier: Apache-2.0
//
// What tests set and read: the environment when the library is loaded, exported functions later. README.md has the
// table of names.
#pragma once

#include <stdint.h>

#define STANDIN_EXPORT extern "C" __attribute__((visibility("default")))

namespace standin {

struct Control {
    // Settings.
    int64_t deferred = 0;
    int64_t shuffle = 0;
    int64_t device_count = 1;
    int64_t no_device = 0;
    int64_t device_memory = int64_t(4) << 30;
    int64_t driver_version = 13000;
    int64_t compute_capability = 90;
    int64_t multiprocessors = 4;
    int64_t read_only_registration = 1;
    int64_t hide = 0;
    int64_t alignment = 256;  // of device and pinned memory; the driver's
    int64_t messages = 1;
    int64_t guard = 1;
    // Faults to come: each counts down from the n that was set, and strikes when it reaches 0.
    int64_t fail_device_allocation = 0;
    int64_t fail_pinned_allocation = 0;
    int64_t fail_registration = 0;
    int64_t fail_launch = 0;
    int64_t fail_launch_error = 719;
    int64_t sticky_after = 0;
    int64_t sticky_error = 700;
    int64_t fail_cublas_create = 0;
    // Counters.
    int64_t launches = 0;
    int64_t blocks = 0;
    int64_t gemms = 0;
    int64_t allocations = 0;
    int64_t pinned_allocations = 0;
    int64_t host_to_device_bytes = 0;
    int64_t device_to_host_bytes = 0;
    int64_t synchronisations = 0;
    int64_t complaints = 0;
    int64_t leaks = 0;
    int64_t peak_bytes = 0;
    // Gauges, which no reset touches.
    int64_t live_bytes = 0;
    int64_t live_pinned_bytes = 0;
    int64_t live_objects = 0;
};

// Guarded by the lock of api.h, as everything in the library.
extern Control control;

// Whether a fault counter has just run out.
bool strikes(int64_t& countdown);

// What the caller did wrong, in a line on stderr that begins with the function called. Kept for darien_standin_message.
__attribute__((format(printf, 1, 2))) void complain(const char* format, ...);

}  // namespace standin
