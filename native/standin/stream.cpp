// SPDX-License-Identifier: Apache-2.0
//
// Streams and events. In immediate mode work runs when it is enqueued. In deferred mode it runs when somebody waits for
// it, as late as CUDA allows: what the host or another stream does without waiting comes too early then, and shows.
#include <time.h>

#include <algorithm>

#include "api.h"
#include "state.h"

namespace standin {

namespace {

double now() {
    timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return double(time.tv_sec) * 1e3 + double(time.tv_nsec) / 1e6;
}

void reach(Mark& mark) {
    mark.reached = true;
    mark.milliseconds = now();
}

}  // namespace

void submit(const std::shared_ptr<Stream>& stream, std::function<void(Context&)> run, std::shared_ptr<Mark> mark) {
    stream->queue.push_back(Work{current_function(), std::move(run), std::move(mark)});
    if (control.deferred == 0) {
        drain(*stream);
    }
}

void drain(Stream& stream, const Mark* until) {
    Context& context = *stream.context;
    const char* const caller = current_function();
    while (!stream.queue.empty() && (until == nullptr || !until->reached)) {
        const Work work = std::move(stream.queue.front());
        stream.queue.pop_front();
        // After an error nothing runs any more, but nobody waits for ever either.
        if (work.run && context.sticky == CUDA_SUCCESS) {
            set_current_function(work.function);
            work.run(context);
            set_current_function(caller);
        }
        if (work.mark != nullptr) {
            reach(*work.mark);
        }
    }
}

void drain(Context& context) {
    // The youngest stream first: one that should have waited for an older one is caught.
    for (auto stream = context.streams.rbegin(); stream != context.streams.rend(); ++stream) {
        drain(**stream);
    }
    for (auto stream = context.streams.begin(); stream != context.streams.end();) {
        stream = (*stream)->destroyed ? context.streams.erase(stream) : stream + 1;
    }
}

}  // namespace standin

using namespace standin;

STANDIN_EXPORT CUresult cuCtxSynchronize(void) {
    STANDIN_BEGIN(CONTEXT);
    control.synchronisations++;
    drain(current_context());
    return current_context().sticky;
}

STANDIN_EXPORT CUresult cuStreamCreate(CUstream* stream, unsigned flags) {
    STANDIN_BEGIN(CONTEXT);
    STANDIN_RESULT(stream);
    if (flags > CU_STREAM_NON_BLOCKING) {
        complain("there are no such flags: %#x", flags);
        return CUDA_ERROR_INVALID_VALUE;
    }
    const auto made = std::make_shared<Stream>();
    made->context = &current_context();
    current_context().streams.push_back(made);
    control.live_objects++;
    *stream = state().streams.add(made);
    return CUDA_SUCCESS;
}

STANDIN_EXPORT CUresult cuStreamDestroy_v2(CUstream handle) {
    STANDIN_BEGIN_END();
    const std::shared_ptr<Stream> stream = stream_of(handle);
    if (stream == nullptr) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    state().streams.remove(handle);
    control.live_objects--;
    // What it still holds is to be done: cuCtxSynchronize waits for it.
    stream->destroyed = true;
    if (stream->queue.empty()) {
        std::vector<std::shared_ptr<Stream>>& all = current_context().streams;
        all.erase(std::find(all.begin(), all.end(), stream));
    }
    return refused;
}

STANDIN_EXPORT CUresult cuStreamSynchronize(CUstream handle) {
    STANDIN_BEGIN(CONTEXT);
    const std::shared_ptr<Stream> stream = stream_of(handle);
    if (stream == nullptr) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    control.synchronisations++;
    drain(*stream);
    return current_context().sticky;
}

// Says "not ready" once of all work that was waiting, and does it then: who asks often enough gets there.
STANDIN_EXPORT CUresult cuStreamQuery(CUstream handle) {
    STANDIN_BEGIN(CONTEXT);
    const std::shared_ptr<Stream> stream = stream_of(handle);
    if (stream == nullptr) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    if (!stream->queue.empty()) {
        drain(*stream);
        return CUDA_ERROR_NOT_READY;
    }
    return current_context().sticky;
}

STANDIN_EXPORT CUresult cuStreamWaitEvent(CUstream stream_handle, CUevent event_handle, unsigned flags) {
    STANDIN_BEGIN(CONTEXT);
    const std::shared_ptr<Stream> stream = stream_of(stream_handle);
    const std::shared_ptr<Event> event = event_of(event_handle);
    if (stream == nullptr || event == nullptr) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    if (flags != 0) {
        complain("flags must be 0");
        return CUDA_ERROR_INVALID_VALUE;
    }
    // The record that counts is the newest at this moment; an event never recorded is no obstacle.
    if (const std::shared_ptr<Mark> mark = event->mark) {
        submit(stream, [mark](Context&) {
            if (const std::shared_ptr<Stream> other = mark->stream.lock()) {
                drain(*other, mark.get());
            }
        });
    }
    return CUDA_SUCCESS;
}

STANDIN_EXPORT CUresult cuEventCreate(CUevent* event, unsigned flags) {
    STANDIN_BEGIN(CONTEXT);
    STANDIN_RESULT(event);
    if ((flags & ~unsigned(CU_EVENT_BLOCKING_SYNC | CU_EVENT_DISABLE_TIMING)) != 0) {
        complain("flags %#x aren't supported here", flags);
        return CUDA_ERROR_INVALID_VALUE;
    }
    const auto made = std::make_shared<Event>();
    made->context = &current_context();
    made->flags = flags;
    control.live_objects++;
    *event = state().events.add(made);
    return CUDA_SUCCESS;
}

STANDIN_EXPORT CUresult cuEventDestroy_v2(CUevent handle) {
    STANDIN_BEGIN_END();
    if (event_of(handle) == nullptr) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    state().events.remove(handle);
    control.live_objects--;
    return refused;
}

STANDIN_EXPORT CUresult cuEventRecord(CUevent event_handle, CUstream stream_handle) {
    STANDIN_BEGIN(CONTEXT);
    const std::shared_ptr<Event> event = event_of(event_handle);
    const std::shared_ptr<Stream> stream = event == nullptr ? nullptr : stream_of(stream_handle);
    if (stream == nullptr) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    event->mark = std::make_shared<Mark>();
    event->mark->stream = stream;
    submit(stream, nullptr, event->mark);
    return CUDA_SUCCESS;
}

STANDIN_EXPORT CUresult cuEventSynchronize(CUevent handle) {
    STANDIN_BEGIN(CONTEXT);
    const std::shared_ptr<Event> event = event_of(handle);
    if (event == nullptr) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    control.synchronisations++;
    if (event->mark != nullptr && !event->mark->reached) {
        if (const std::shared_ptr<Stream> stream = event->mark->stream.lock()) {
            drain(*stream, event->mark.get());
        }
    }
    return current_context().sticky;
}

STANDIN_EXPORT CUresult cuEventQuery(CUevent handle) {
    STANDIN_BEGIN(CONTEXT);
    const std::shared_ptr<Event> event = event_of(handle);
    if (event == nullptr) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    if (event->mark != nullptr && !event->mark->reached) {
        if (const std::shared_ptr<Stream> stream = event->mark->stream.lock()) {
            drain(*stream, event->mark.get());
        }
        return CUDA_ERROR_NOT_READY;
    }
    return current_context().sticky;
}

namespace {

CUresult elapsed_time(float* milliseconds, CUevent start_handle, CUevent end_handle) {
    STANDIN_RESULT(milliseconds);
    const std::shared_ptr<Event> start = event_of(start_handle);
    const std::shared_ptr<Event> end = event_of(end_handle);
    if (start == nullptr || end == nullptr) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    if (start->mark == nullptr || end->mark == nullptr || ((start->flags | end->flags) & CU_EVENT_DISABLE_TIMING) != 0) {
        complain("an event wasn't recorded, or was made without timing");
        return CUDA_ERROR_INVALID_HANDLE;
    }
    if (!start->mark->reached || !end->mark->reached) {
        return CUDA_ERROR_NOT_READY;
    }
    *milliseconds = float(end->mark->milliseconds - start->mark->milliseconds);
    return CUDA_SUCCESS;
}

}  // namespace

// The header names the second one by the first's name; drivers before 12.8 have only the first.
#undef cuEventElapsedTime
STANDIN_EXPORT CUresult cuEventElapsedTime(float* milliseconds, CUevent start, CUevent end) {
    STANDIN_BEGIN(CONTEXT);
    return elapsed_time(milliseconds, start, end);
}

STANDIN_EXPORT CUresult cuEventElapsedTime_v2(float* milliseconds, CUevent start, CUevent end) {
    STANDIN_BEGIN(CONTEXT);
    return elapsed_time(milliseconds, start, end);
}
