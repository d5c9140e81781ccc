// SPDX-License-Identifier: Apache-2.0
//
// What each function of the API begins with. One lock guards the whole library, so only one thread is ever inside; a
// kernel runs on the thread that launches or waits for it.
#pragma once

#include <stdint.h>

#include "control.h"
#include "cuda_api.h"

namespace standin {

class Lock {
public:
    explicit Lock(const char* function);
    ~Lock();
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;
};

// The function of the API that runs, or that enqueued what runs, for messages.
const char* current_function();
void set_current_function(const char* function);

// What a function needs, in the order in which the driver asks for it.
enum class Needs { NOTHING, INIT, CONTEXT };

// CUDA_SUCCESS when that is there and no sticky error is.
CUresult refuse(Needs needs);
// Whether a sticky error was the only thing in the way.
bool is_sticky(CUresult refused);

#define STANDIN_BEGIN(needs)                                                                        \
    standin::Lock standin_lock(__func__);                                                           \
    if (const CUresult refused = standin::refuse(standin::Needs::needs); refused != CUDA_SUCCESS) { \
        return refused;                                                                             \
    }                                                                                               \
    static_assert(true, "")

// The same for what ends a life, except that this goes on after a sticky error: the driver refuses then, but the caller
// has done its duty, so it is no leak. To end in `return refused`.
#define STANDIN_BEGIN_END()                                                     \
    standin::Lock standin_lock(__func__);                                       \
    const CUresult refused = standin::refuse(standin::Needs::CONTEXT);          \
    if (refused != CUDA_SUCCESS && !standin::is_sticky(refused)) {              \
        return refused;                                                         \
    }                                                                           \
    static_assert(true, "")

// CUDA_ERROR_INVALID_VALUE, with a complaint, when a pointer to a result is null.
#define STANDIN_RESULT(pointer)                                 \
    if ((pointer) == nullptr) {                                 \
        standin::complain(#pointer " is null");                 \
        return CUDA_ERROR_INVALID_VALUE;                        \
    }                                                           \
    static_assert(true, "")

// For darien_standin_get and _reset.
int64_t launches_of(const char* kernel);
void reset_state();

}  // namespace standin
