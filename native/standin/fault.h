// SPDX-License-Identifier: Apache-2.0
//
// Runs device work so that what would be an error on a device is one here too, and no crash of the process.
#pragma once

#include <string>

namespace standin {

struct Fault {
    int error = 0;  // a CUresult
    std::string what;
};

// Runs `body` on the calling thread; false and `fault` when it failed or touched memory that it must not. What `body`
// holds is then left as it is, so it should own nothing. Never nested, and only under the library's lock.
bool guarded(void (*body)(void*), void* argument, Fault& fault);

// Ends the guarded work that runs, from whatever fiber.
[[noreturn]] __attribute__((format(printf, 2, 3))) void fail(int error, const char* format, ...);

}  // namespace standin
