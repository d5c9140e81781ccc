// SPDX-License-Identifier: Apache-2.0
#include "state.h"

#include <stdio.h>

#include <mutex>

#include "api.h"
#include "memory.h"

namespace standin {

namespace {

std::mutex& mutex() {
    static std::mutex& only = *new std::mutex();
    return only;
}

const char* function_name = "";

// The context that a thread has set: a handle, so that one that has gone is noticed.
thread_local CUcontext current_handle = nullptr;
Context* context_of_call = nullptr;

}  // namespace

Lock::Lock(const char* function) {
    mutex().lock();
    function_name = function;
    context_of_call = nullptr;
    set_device_memory_hidden(false);
}

Lock::~Lock() {
    set_device_memory_hidden(control.hide != 0);
    mutex().unlock();
}

const char* current_function() { return function_name; }

void set_current_function(const char* function) { function_name = function; }

uint64_t new_handle() {
    static uint64_t last = 0x5da0000000000000;  // not an address on any machine, so that nobody can look behind it
    return last += 16;
}

State& state() {
    static State& only = *new State();
    return only;
}

CUresult refuse(Needs needs) {
    if (needs == Needs::NOTHING) {
        return CUDA_SUCCESS;
    }
    if (!state().initialised) {
        complain("cuInit wasn't called");
        return CUDA_ERROR_NOT_INITIALIZED;
    }
    if (needs == Needs::INIT) {
        return CUDA_SUCCESS;
    }
    const CUcontext handle = current_handle;
    if (handle == nullptr) {
        complain("no context is current on this thread");
        return CUDA_ERROR_INVALID_CONTEXT;
    }
    const std::shared_ptr<Context> context = state().contexts.find(handle);
    if (context == nullptr) {
        complain("the context that this thread has set was destroyed");
        return CUDA_ERROR_CONTEXT_IS_DESTROYED;
    }
    context_of_call = context.get();
    if (strikes(control.sticky_after)) {
        set_sticky(*context, CUresult(control.sticky_error));
    }
    return context->sticky;
}

bool is_sticky(CUresult refused) {
    return refused != CUDA_SUCCESS && context_of_call != nullptr && context_of_call->sticky == refused;
}

Context& current_context() { return *context_of_call; }

CUcontext thread_context() { return current_handle; }

void set_thread_context(CUcontext context) { current_handle = context; }

void set_sticky(Context& context, CUresult error) {
    if (context.sticky == CUDA_SUCCESS) {
        context.sticky = error;
    }
}

void reset_state() {
    state().launches.clear();
    for (const auto& primary : state().primary) {
        state().contexts.find(primary.second)->sticky = CUDA_SUCCESS;
    }
}

int64_t launches_of(const char* kernel) {
    const auto found = state().launches.find(kernel);
    return found == state().launches.end() ? 0 : found->second;
}

std::shared_ptr<Stream> stream_of(CUstream handle) {
    if (reinterpret_cast<uintptr_t>(handle) <= 2) {
        complain("the default stream isn't supported here: make one by cuStreamCreate");
        return nullptr;
    }
    const std::shared_ptr<Stream> stream = state().streams.find(handle);
    if (stream == nullptr) {
        complain("no such stream; it may have been destroyed");
    } else if (stream->context != &current_context()) {
        complain("the stream belongs to another context than this thread's");
        return nullptr;
    }
    return stream;
}

std::shared_ptr<Event> event_of(CUevent handle) {
    const std::shared_ptr<Event> event = state().events.find(handle);
    if (event == nullptr) {
        complain("no such event; it may have been destroyed");
    } else if (event->context != &current_context()) {
        complain("the event belongs to another context than this thread's");
        return nullptr;
    }
    return event;
}

namespace {

size_t tell_leaks(size_t count, const char* what) {
    if (count > 0) {
        complain("leaked %s: %zu", what, count);
    }
    return count;
}

size_t drop_memory(const Context& context) {
    std::vector<Allocation*> left;
    for_each_allocation([&](Allocation& allocation) {
        if (allocation.context == context.number) {
            left.push_back(&allocation);
        }
    });
    for (Allocation* allocation : left) {
        complain("leaked %s", describe(allocation->base).c_str());
        std::string damage;
        release(allocation, damage);
    }
    return left.size();
}

}  // namespace

void drop_objects(Context& context) {
    const auto belongs = [&](const auto& object) { return object.context == &context; };
    State& all = state();
    size_t handles = 0;
    handles += tell_leaks(all.blas_handles.remove_if(belongs), "cuBLAS handles");
    handles += tell_leaks(all.streams.remove_if(belongs), "streams");
    handles += tell_leaks(all.events.remove_if(belongs), "events");
    handles += tell_leaks(all.modules.remove_if(belongs), "modules");
    control.live_objects -= int64_t(handles);
    all.functions.remove_if(belongs);
    control.leaks = int64_t(handles + drop_memory(context));
}

}  // namespace standin
