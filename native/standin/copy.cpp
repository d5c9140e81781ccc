// SPDX-License-Identifier: Apache-2.0
//
// Copies and fills. All arguments are looked at twice: when the copy is enqueued, as the driver does, and when it runs,
// because in deferred mode the memory may have gone in between. Host memory is read only when the copy runs.
#include <string.h>

#include "api.h"
#include "fault.h"
#include "memory.h"
#include "range.h"
#include "state.h"

namespace standin {

namespace {

// Beyond any address, and small enough for the products of two.
constexpr size_t LIMIT = size_t(1) << 47;

struct Side {
    uintptr_t base = 0;
    size_t pitch = 0;
    bool host = false;
};

struct Copy {
    Side to, from;
    size_t width = 0;
    size_t height = 1;
};

bool is_range(const char* what, const Side& side, const Copy& copy, bool enqueueing) {
    const size_t bytes = (copy.height - 1) * side.pitch + copy.width;
    return side.host ? is_host_range(what, side.base, bytes, enqueueing)
                     : is_device_range(what, side.base, bytes, enqueueing);
}

bool are_ranges(const Copy& copy, bool enqueueing) {
    return is_range("the target", copy.to, copy, enqueueing) && is_range("the source", copy.from, copy, enqueueing);
}

void copy_rows(void* argument) {
    const Copy& copy = *static_cast<const Copy*>(argument);
    for (size_t row = 0; row < copy.height; row++) {
        memcpy(reinterpret_cast<void*>(copy.to.base + row * copy.to.pitch),
               reinterpret_cast<const void*>(copy.from.base + row * copy.from.pitch), copy.width);
    }
}

void run_copy(Context& context, Copy copy) {
    Fault fault;
    if (!are_ranges(copy, false) || !guarded(copy_rows, &copy, fault)) {
        complain("the memory of a queued copy has gone before its turn %s", fault.what.c_str());
        set_sticky(context, CUDA_ERROR_ILLEGAL_ADDRESS);
        return;
    }
    const int64_t bytes = int64_t(copy.width * copy.height);
    control.host_to_device_bytes += copy.from.host && !copy.to.host ? bytes : 0;
    control.device_to_host_bytes += copy.to.host && !copy.from.host ? bytes : 0;
}

CUresult enqueue(const Copy& copy, CUstream handle) {
    const std::shared_ptr<Stream> stream = stream_of(handle);
    if (stream == nullptr) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    if (copy.width == 0 || copy.height == 0) {
        return CUDA_SUCCESS;
    }
    if (copy.width > LIMIT || copy.height > LIMIT) {
        complain("%zu rows of %zu bytes", copy.height, copy.width);
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (!are_ranges(copy, true)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (copy.height == 1 && copy.to.base < copy.from.base + copy.width && copy.from.base < copy.to.base + copy.width) {
        complain("source and target overlap: %s", describe(copy.to.base).c_str());
        return CUDA_ERROR_INVALID_VALUE;
    }
    submit(stream, [copy](Context& context) { run_copy(context, copy); });
    return CUDA_SUCCESS;
}

CUresult enqueue_row(const Side& to, const Side& from, size_t bytes, CUstream stream) {
    Copy copy;
    copy.to = to;
    copy.from = from;
    copy.width = bytes;
    return enqueue(copy, stream);
}

Side device_side(CUdeviceptr base) { return Side{base, 0, false}; }
Side host_side(const void* base) { return Side{reinterpret_cast<uintptr_t>(base), 0, true}; }

// One side of a copy of rows. False, with a complaint, when the description makes no sense.
bool describe_side(const char* what, CUmemorytype type, const void* host, CUdeviceptr device, size_t x, size_t y,
                   size_t pitch, size_t width, Side& side) {
    if (type != CU_MEMORYTYPE_HOST && type != CU_MEMORYTYPE_DEVICE && type != CU_MEMORYTYPE_UNIFIED) {
        complain("%s: memory of type %d isn't supported here", what, int(type));
        return false;
    }
    if (x > LIMIT || width > LIMIT || pitch < x + width || pitch > 2147483647) {
        complain("%s: a pitch of %zu for rows of %zu bytes from byte %zu", what, pitch, width, x);
        return false;
    }
    side.host = type == CU_MEMORYTYPE_HOST;
    side.base = (side.host ? reinterpret_cast<uintptr_t>(host) : uintptr_t(device)) + y * pitch + x;
    side.pitch = pitch;
    return true;
}

struct Fill {
    CUdeviceptr to;
    unsigned value;
    size_t count;
    size_t unit;
};

void fill_memory(void* argument) {
    const Fill& fill = *static_cast<const Fill*>(argument);
    if (fill.unit == 1) {
        memset(reinterpret_cast<void*>(fill.to), int(fill.value), fill.count);
        return;
    }
    unsigned* const to = reinterpret_cast<unsigned*>(fill.to);
    for (size_t at = 0; at < fill.count; at++) {
        to[at] = fill.value;
    }
}

void run_fill(Context& context, Fill fill) {
    Fault fault;
    if (!is_device_range("the target", fill.to, fill.count * fill.unit, false) ||
        !guarded(fill_memory, &fill, fault)) {
        complain("the memory of a queued fill has gone before its turn %s", fault.what.c_str());
        set_sticky(context, CUDA_ERROR_ILLEGAL_ADDRESS);
    }
}

CUresult enqueue(const Fill& fill, CUstream handle) {
    const std::shared_ptr<Stream> stream = stream_of(handle);
    if (stream == nullptr) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    if (fill.count == 0) {
        return CUDA_SUCCESS;
    }
    if (fill.to % fill.unit != 0) {
        complain("the target %#llx is no multiple of %zu", fill.to, fill.unit);
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (fill.count > SIZE_MAX / fill.unit || !is_device_range("the target", fill.to, fill.count * fill.unit)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    submit(stream, [fill](Context& context) { run_fill(context, fill); });
    return CUDA_SUCCESS;
}

}  // namespace

}  // namespace standin

using namespace standin;

STANDIN_EXPORT CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void* from, size_t bytes, CUstream stream) {
    STANDIN_BEGIN(CONTEXT);
    return enqueue_row(device_side(to), host_side(from), bytes, stream);
}

STANDIN_EXPORT CUresult cuMemcpyDtoHAsync_v2(void* to, CUdeviceptr from, size_t bytes, CUstream stream) {
    STANDIN_BEGIN(CONTEXT);
    return enqueue_row(host_side(to), device_side(from), bytes, stream);
}

STANDIN_EXPORT CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream) {
    STANDIN_BEGIN(CONTEXT);
    return enqueue_row(device_side(to), device_side(from), bytes, stream);
}

STANDIN_EXPORT CUresult cuMemcpy2DAsync_v2(const CUDA_MEMCPY2D* p, CUstream stream) {
    STANDIN_BEGIN(CONTEXT);
    STANDIN_RESULT(p);
    Copy copy;
    copy.width = p->WidthInBytes;
    copy.height = p->Height;
    if (!describe_side("the source", p->srcMemoryType, p->srcHost, p->srcDevice, p->srcXInBytes, p->srcY, p->srcPitch,
                       copy.width, copy.from) ||
        !describe_side("the target", p->dstMemoryType, p->dstHost, p->dstDevice, p->dstXInBytes, p->dstY, p->dstPitch,
                       copy.width, copy.to)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return enqueue(copy, stream);
}

STANDIN_EXPORT CUresult cuMemsetD8Async(CUdeviceptr to, unsigned char value, size_t count, CUstream stream) {
    STANDIN_BEGIN(CONTEXT);
    return enqueue(Fill{to, value, count, 1}, stream);
}

STANDIN_EXPORT CUresult cuMemsetD32Async(CUdeviceptr to, unsigned value, size_t count, CUstream stream) {
    STANDIN_BEGIN(CONTEXT);
    return enqueue(Fill{to, value, count, 4}, stream);
}
