// SPDX-License-Identifier: Apache-2.0
//
// Device memory, pinned memory and registered memory.
#include <stdio.h>

#include "api.h"
#include "arena.h"
#include "memory.h"
#include "state.h"

namespace standin {

namespace {

size_t used_bytes(const Context& context) {
    size_t used = 0;
    for_each_allocation([&](const Allocation& allocation) {
        used += allocation.space == Space::DEVICE && allocation.context == context.number ? allocation.bytes : 0;
    });
    return used;
}

size_t free_bytes(const Context& context) {
    const size_t used = used_bytes(context);
    return used < size_t(control.device_memory) ? size_t(control.device_memory) - used : 0;
}

CUresult allocate_device(CUdeviceptr* pointer, size_t bytes) {
    STANDIN_RESULT(pointer);
    if (bytes == 0) {
        complain("0 bytes");
        return CUDA_ERROR_INVALID_VALUE;
    }
    control.allocations++;
    if (strikes(control.fail_device_allocation) || bytes > free_bytes(current_context())) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    const Allocation* const made = allocate(Space::DEVICE, bytes, current_context().number, 0);
    if (made == nullptr) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    *pointer = made->base;
    return CUDA_SUCCESS;
}

// The allocation that begins there, or nullptr and a complaint.
Allocation* to_free(Space space, uintptr_t base) {
    Allocation* const found = allocation_of(base);
    if (found == nullptr || found->space != space || found->leaving) {
        complain("%s is not the start of any %s", describe(base).c_str(),
                 space == Space::DEVICE   ? "device memory"
                 : space == Space::PINNED ? "pinned memory"
                                          : "registered range");
        return nullptr;
    }
    if (found->context != current_context().number) {
        complain("%s belongs to another context than this thread's", describe(base).c_str());
        return nullptr;
    }
    return found;
}

// What a kernel wrote around it shows at the latest now.
CUresult free_now(Allocation* allocation) {
    std::string damage;
    if (!release(allocation, damage)) {
        complain("%s", damage.c_str());
        set_sticky(current_context(), CUDA_ERROR_ILLEGAL_ADDRESS);
        return CUDA_ERROR_ILLEGAL_ADDRESS;
    }
    return CUDA_SUCCESS;
}

// Whether all pages of the range are there, and writable if asked, by the kernel's own account.
bool pages_are_there(uintptr_t base, size_t bytes, bool writable) {
    FILE* const maps = fopen("/proc/self/maps", "r");
    if (maps == nullptr) {
        return true;
    }
    uintptr_t covered = base;
    char line[1024];
    while (covered < base + bytes && fgets(line, sizeof line, maps) != nullptr) {
        unsigned long long from = 0;
        unsigned long long to = 0;
        char permissions[5] = "";
        if (sscanf(line, "%llx-%llx %4s", &from, &to, permissions) == 3 && from <= covered && covered < to &&
            permissions[0] == 'r' && (!writable || permissions[1] == 'w')) {
            covered = to;
        }
    }
    fclose(maps);
    return covered >= base + bytes;
}

}  // namespace

}  // namespace standin

using namespace standin;

STANDIN_EXPORT CUresult cuMemGetInfo_v2(size_t* free, size_t* total) {
    STANDIN_BEGIN(CONTEXT);
    STANDIN_RESULT(free);
    STANDIN_RESULT(total);
    *free = free_bytes(current_context());
    *total = size_t(control.device_memory);
    return CUDA_SUCCESS;
}

STANDIN_EXPORT CUresult cuMemAlloc_v2(CUdeviceptr* pointer, size_t bytes) {
    STANDIN_BEGIN(CONTEXT);
    return allocate_device(pointer, bytes);
}

// Doesn't wait for queued work. The driver happens to, but nothing promises it.
STANDIN_EXPORT CUresult cuMemFree_v2(CUdeviceptr pointer) {
    STANDIN_BEGIN_END();
    Allocation* const allocation = to_free(Space::DEVICE, pointer);
    if (allocation == nullptr) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    const CUresult freed = free_now(allocation);
    return refused != CUDA_SUCCESS ? refused : freed;
}

STANDIN_EXPORT CUresult cuMemAllocAsync(CUdeviceptr* pointer, size_t bytes, CUstream stream) {
    STANDIN_BEGIN(CONTEXT);
    if (stream_of(stream) == nullptr) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    return allocate_device(pointer, bytes);
}

STANDIN_EXPORT CUresult cuMemFreeAsync(CUdeviceptr pointer, CUstream stream_handle) {
    STANDIN_BEGIN_END();
    const std::shared_ptr<Stream> stream = stream_of(stream_handle);
    if (stream == nullptr) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    Allocation* const allocation = to_free(Space::DEVICE, pointer);
    if (allocation == nullptr) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (refused != CUDA_SUCCESS) {
        free_now(allocation);
        return refused;
    }
    allocation->leaving = true;
    submit(stream, [pointer](Context& context) {
        std::string damage;
        Allocation* const leaving = allocation_of(pointer);
        if (leaving != nullptr && !release(leaving, damage)) {
            complain("%s", damage.c_str());
            set_sticky(context, CUDA_ERROR_ILLEGAL_ADDRESS);
        }
    });
    return CUDA_SUCCESS;
}

STANDIN_EXPORT CUresult cuDeviceGetDefaultMemPool(CUmemoryPool* pool, CUdevice device) {
    STANDIN_BEGIN(INIT);
    STANDIN_RESULT(pool);
    if (device < 0 || device >= control.device_count) {
        complain("there is no device %d", device);
        return CUDA_ERROR_INVALID_DEVICE;
    }
    static std::map<CUdevice, uint64_t>& pools = *new std::map<CUdevice, uint64_t>();
    uint64_t& handle = pools[device];
    handle = handle == 0 ? new_handle() : handle;
    *pool = reinterpret_cast<CUmemoryPool>(handle);
    return CUDA_SUCCESS;
}

STANDIN_EXPORT CUresult cuMemPoolSetAttribute(CUmemoryPool pool, CUmemPool_attribute attribute, void* value) {
    STANDIN_BEGIN(INIT);
    STANDIN_RESULT(value);
    if (pool == nullptr || attribute < CU_MEMPOOL_ATTR_REUSE_FOLLOW_EVENT_DEPENDENCIES ||
        attribute > CU_MEMPOOL_ATTR_RELEASE_THRESHOLD) {
        complain("no pool, or attribute %d can't be set", int(attribute));
        return CUDA_ERROR_INVALID_VALUE;
    }
    return CUDA_SUCCESS;
}

STANDIN_EXPORT CUresult cuMemHostAlloc(void** pointer, size_t bytes, unsigned flags) {
    STANDIN_BEGIN(CONTEXT);
    STANDIN_RESULT(pointer);
    if (bytes == 0 || flags > 7) {
        complain("%zu bytes, flags %#x", bytes, flags);
        return CUDA_ERROR_INVALID_VALUE;
    }
    control.pinned_allocations++;
    const Allocation* const made = strikes(control.fail_pinned_allocation)
                                       ? nullptr
                                       : allocate(Space::PINNED, bytes, current_context().number, flags);
    if (made == nullptr) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    *pointer = reinterpret_cast<void*>(made->base);
    return CUDA_SUCCESS;
}

STANDIN_EXPORT CUresult cuMemFreeHost(void* pointer) {
    STANDIN_BEGIN_END();
    Allocation* const allocation = to_free(Space::PINNED, reinterpret_cast<uintptr_t>(pointer));
    if (allocation == nullptr) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    const CUresult freed = free_now(allocation);
    return refused != CUDA_SUCCESS ? refused : freed;
}

STANDIN_EXPORT CUresult cuMemHostRegister_v2(void* pointer, size_t bytes, unsigned flags) {
    STANDIN_BEGIN(CONTEXT);
    const uintptr_t base = reinterpret_cast<uintptr_t>(pointer);
    const bool read_only = (flags & CU_MEMHOSTREGISTER_READ_ONLY) != 0;
    if (pointer == nullptr || bytes == 0 || base + bytes < base ||
        (flags & ~unsigned(CU_MEMHOSTREGISTER_PORTABLE | CU_MEMHOSTREGISTER_DEVICEMAP | CU_MEMHOSTREGISTER_READ_ONLY)) !=
            0) {
        complain("%zu bytes from %p, flags %#x", bytes, pointer, flags);
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (read_only && control.read_only_registration == 0) {
        return CUDA_ERROR_NOT_SUPPORTED;
    }
    if (const Allocation* const other = allocation_beside(base, bytes)) {
        complain("%zu bytes from %p share a page with %s", bytes, pointer, describe(other->base).c_str());
        return other->space == Space::DEVICE ? CUDA_ERROR_INVALID_VALUE : CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED;
    }
    if (in_arena(base) || !pages_are_there(base, bytes, !read_only)) {
        complain("not all of the %zu bytes from %p are host memory that can be %s", bytes, pointer,
                 read_only ? "read" : "written; READ_ONLY wasn't asked for");
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (strikes(control.fail_registration)) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    add_registration(base, bytes, current_context().number, flags);
    return CUDA_SUCCESS;
}

STANDIN_EXPORT CUresult cuMemHostUnregister(void* pointer) {
    STANDIN_BEGIN_END();
    Allocation* const allocation = to_free(Space::REGISTERED, reinterpret_cast<uintptr_t>(pointer));
    if (allocation == nullptr) {
        return CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED;
    }
    free_now(allocation);
    return refused;
}

STANDIN_EXPORT CUresult cuMemHostGetDevicePointer_v2(CUdeviceptr* device, void* host, unsigned flags) {
    STANDIN_BEGIN(CONTEXT);
    STANDIN_RESULT(device);
    const uintptr_t address = reinterpret_cast<uintptr_t>(host);
    const Allocation* const allocation = allocation_around(address);
    if (flags != 0 || allocation == nullptr || allocation->space == Space::DEVICE || !allocation->mapped()) {
        complain("%s: not memory that was pinned or registered with DEVICEMAP, or flags aren't 0",
                 describe(address).c_str());
        return CUDA_ERROR_INVALID_VALUE;
    }
    *device = address;
    return CUDA_SUCCESS;
}
