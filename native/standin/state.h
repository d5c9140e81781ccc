// SPDX-License-Identifier: Apache-2.0
//
// The objects behind the handles. A handle is a number that is never used again, so that a stale one is always found
// out; only the tables here turn it into an object.
#pragma once

#include <stdint.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "control.h"
#include "cuda_api.h"
#include "ptx.h"
#include "registry.h"

namespace standin {

uint64_t new_handle();

template <typename Handle, typename T>
class Table {
public:
    Handle add(std::shared_ptr<T> object) {
        const uint64_t number = new_handle();
        objects[number] = std::move(object);
        return reinterpret_cast<Handle>(number);
    }
    std::shared_ptr<T> find(Handle handle) const {
        const auto found = objects.find(reinterpret_cast<uint64_t>(handle));
        return found == objects.end() ? nullptr : found->second;
    }
    void remove(Handle handle) { objects.erase(reinterpret_cast<uint64_t>(handle)); }
    // Removes those for which `condition` holds, and says how many they were.
    size_t remove_if(const std::function<bool(const T&)>& condition) {
        size_t removed = 0;
        for (auto at = objects.begin(); at != objects.end();) {
            if (condition(*at->second)) {
                at = objects.erase(at);
                removed++;
            } else {
                ++at;
            }
        }
        return removed;
    }

private:
    std::map<uint64_t, std::shared_ptr<T>> objects;
};

struct Stream;

struct Context {
    uint64_t number = 0;  // its handle
    int device = 0;
    int retained = 0;
    CUresult sticky = CUDA_SUCCESS;
    // In the order of their making, those destroyed with work left included.
    std::vector<std::shared_ptr<Stream>> streams;
};

// A place in a stream's queue that somebody may wait for.
struct Mark {
    std::weak_ptr<Stream> stream;
    bool reached = false;
    double milliseconds = 0;  // when
};

struct Work {
    const char* function;  // that enqueued it, for messages
    std::function<void(Context&)> run;
    std::shared_ptr<Mark> mark;
};

struct Stream {
    Context* context = nullptr;
    bool destroyed = false;
    std::deque<Work> queue;
};

struct Event {
    Context* context = nullptr;
    unsigned flags = 0;
    std::shared_ptr<Mark> mark;  // nullptr before the first record
};

struct Module {
    Context* context = nullptr;
    Ptx ptx;
    std::map<std::string, CUfunction> functions;
};

struct Function {
    std::weak_ptr<Module> module;
    Context* context = nullptr;
    const Kernel* kernel = nullptr;
    PtxEntry entry;
    int dynamic_shared_limit = 0;
};

struct BlasHandle {
    Context* context = nullptr;
    CUstream stream = nullptr;
    int math_mode = 0;
    uintptr_t workspace = 0;
    size_t workspace_bytes = 0;
};

struct State {
    bool initialised = false;
    std::map<int, CUcontext> primary;  // of each device, while it is retained
    Table<CUcontext, Context> contexts;
    Table<CUstream, Stream> streams;
    Table<CUevent, Event> events;
    Table<CUmodule, Module> modules;
    Table<CUfunction, Function> functions;
    Table<void*, BlasHandle> blas_handles;
    std::map<std::string, int64_t> launches;
};

State& state();

// The calling thread's, after refuse(CONTEXT) has said that there is one.
Context& current_context();
CUcontext thread_context();
void set_thread_context(CUcontext context);
// Every later call in the context fails so.
void set_sticky(Context& context, CUresult error);

// Of the current context, or nullptr and a complaint.
std::shared_ptr<Stream> stream_of(CUstream handle);
std::shared_ptr<Event> event_of(CUevent handle);

// Enqueues; in immediate mode it has run on return.
void submit(const std::shared_ptr<Stream>& stream, std::function<void(Context&)> run,
            std::shared_ptr<Mark> mark = nullptr);
// Runs what is in the queue, up to the mark where one is given.
void drain(Stream& stream, const Mark* until = nullptr);
void drain(Context& context);

// Everything that belongs to the context goes; what the caller should have ended is a leak, and told.
void drop_objects(Context& context);

}  // namespace standin
