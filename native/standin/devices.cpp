// SPDX-License-Identifier: Apache-2.0
//
// Devices and their primary contexts.
#include <stdio.h>

#include "api.h"
#include "shared.h"
#include "state.h"

namespace standin {

namespace {

int device_count() { return control.no_device != 0 ? 0 : int(control.device_count); }

bool is_device(CUdevice device) {
    if (device >= 0 && device < device_count()) {
        return true;
    }
    complain("there is no device %d, only %d", device, device_count());
    return false;
}

// What a recent server GPU answers, where it matters; the number of multiprocessors is small, because that of blocks
// often follows from it.
int attribute_value(CUdevice_attribute attribute) {
    switch (attribute) {
        case CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK: return 1024;
        case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X: return 1024;
        case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Y: return 1024;
        case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Z: return 64;
        case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X: return 2147483647;
        case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y: return 65535;
        case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z: return 65535;
        case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK: return int(SHARED_DEFAULT_LIMIT);
        case CU_DEVICE_ATTRIBUTE_TOTAL_CONSTANT_MEMORY: return 65536;
        case CU_DEVICE_ATTRIBUTE_WARP_SIZE: return 32;
        case CU_DEVICE_ATTRIBUTE_MAX_PITCH: return 2147483647;
        case CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_BLOCK: return 65536;
        case CU_DEVICE_ATTRIBUTE_CLOCK_RATE: return 1000000;
        case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT: return int(control.multiprocessors);
        case CU_DEVICE_ATTRIBUTE_CAN_MAP_HOST_MEMORY: return 1;
        case CU_DEVICE_ATTRIBUTE_CONCURRENT_KERNELS: return 1;
        case CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE: return 1000000;
        case CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH: return 64;
        case CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE: return 32 << 20;
        case CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR: return 2048;
        case CU_DEVICE_ATTRIBUTE_ASYNC_ENGINE_COUNT: return 2;
        case CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING: return 1;
        case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR: return int(control.compute_capability / 10);
        case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR: return int(control.compute_capability % 10);
        case CU_DEVICE_ATTRIBUTE_STREAM_PRIORITIES_SUPPORTED: return 1;
        case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR: return int(SHARED_LIMIT) + 1024;
        case CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_MULTIPROCESSOR: return 65536;
        case CU_DEVICE_ATTRIBUTE_CAN_USE_HOST_POINTER_FOR_REGISTERED_MEM: return 1;
        case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN: return int(SHARED_LIMIT);
        case CU_DEVICE_ATTRIBUTE_HOST_REGISTER_SUPPORTED: return 1;
        case CU_DEVICE_ATTRIBUTE_MAX_BLOCKS_PER_MULTIPROCESSOR: return 32;
        case CU_DEVICE_ATTRIBUTE_RESERVED_SHARED_MEMORY_PER_BLOCK: return 1024;
        case CU_DEVICE_ATTRIBUTE_READ_ONLY_HOST_REGISTER_SUPPORTED: return control.read_only_registration != 0;
        case CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED: return 1;
        default: return 0;
    }
}

}  // namespace

}  // namespace standin

using namespace standin;

STANDIN_EXPORT CUresult cuInit(unsigned flags) {
    STANDIN_BEGIN(NOTHING);
    if (flags != 0) {
        complain("flags must be 0");
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (device_count() == 0) {
        return CUDA_ERROR_NO_DEVICE;
    }
    state().initialised = true;
    return CUDA_SUCCESS;
}

STANDIN_EXPORT CUresult cuDriverGetVersion(int* version) {
    STANDIN_BEGIN(NOTHING);
    STANDIN_RESULT(version);
    *version = int(control.driver_version);
    return CUDA_SUCCESS;
}

STANDIN_EXPORT CUresult cuDeviceGetCount(int* count) {
    STANDIN_BEGIN(INIT);
    STANDIN_RESULT(count);
    *count = device_count();
    return CUDA_SUCCESS;
}

STANDIN_EXPORT CUresult cuDeviceGet(CUdevice* device, int ordinal) {
    STANDIN_BEGIN(INIT);
    STANDIN_RESULT(device);
    if (!is_device(ordinal)) {
        return CUDA_ERROR_INVALID_DEVICE;
    }
    *device = ordinal;
    return CUDA_SUCCESS;
}

STANDIN_EXPORT CUresult cuDeviceGetName(char* name, int length, CUdevice device) {
    STANDIN_BEGIN(INIT);
    STANDIN_RESULT(name);
    if (!is_device(device)) {
        return CUDA_ERROR_INVALID_DEVICE;
    }
    if (length <= 0) {
        complain("no room for a name: %d bytes", length);
        return CUDA_ERROR_INVALID_VALUE;
    }
    snprintf(name, size_t(length), "Host stand-in (no GPU)");
    return CUDA_SUCCESS;
}

STANDIN_EXPORT CUresult cuDeviceGetAttribute(int* value, CUdevice_attribute attribute, CUdevice device) {
    STANDIN_BEGIN(INIT);
    STANDIN_RESULT(value);
    if (!is_device(device)) {
        return CUDA_ERROR_INVALID_DEVICE;
    }
    if (int(attribute) < 1 || attribute > CU_DEVICE_ATTRIBUTE_ONLY_PARTIAL_HOST_NATIVE_ATOMIC_SUPPORTED) {
        complain("there is no attribute %d", int(attribute));
        return CUDA_ERROR_INVALID_VALUE;
    }
    *value = attribute_value(attribute);
    return CUDA_SUCCESS;
}

STANDIN_EXPORT CUresult cuDeviceTotalMem_v2(size_t* bytes, CUdevice device) {
    STANDIN_BEGIN(INIT);
    STANDIN_RESULT(bytes);
    if (!is_device(device)) {
        return CUDA_ERROR_INVALID_DEVICE;
    }
    *bytes = size_t(control.device_memory);
    return CUDA_SUCCESS;
}

STANDIN_EXPORT CUresult cuDevicePrimaryCtxRetain(CUcontext* context, CUdevice device) {
    STANDIN_BEGIN(INIT);
    STANDIN_RESULT(context);
    if (!is_device(device)) {
        return CUDA_ERROR_INVALID_DEVICE;
    }
    CUcontext& primary = state().primary[device];
    if (primary == nullptr) {
        const auto made = std::make_shared<Context>();
        primary = state().contexts.add(made);
        made->number = reinterpret_cast<uint64_t>(primary);
        made->device = device;
    }
    state().contexts.find(primary)->retained++;
    *context = primary;
    return CUDA_SUCCESS;
}

STANDIN_EXPORT CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device) {
    STANDIN_BEGIN(INIT);
    if (device < 0) {
        complain("there is no device %d", device);
        return CUDA_ERROR_INVALID_DEVICE;
    }
    const auto primary = state().primary.find(device);
    if (primary == state().primary.end()) {
        complain("the primary context of device %d isn't retained", device);
        return CUDA_ERROR_INVALID_CONTEXT;
    }
    const std::shared_ptr<Context> context = state().contexts.find(primary->second);
    if (--context->retained == 0) {
        drop_objects(*context);
        state().contexts.remove(primary->second);
        state().primary.erase(primary);
    }
    return CUDA_SUCCESS;
}

STANDIN_EXPORT CUresult cuCtxSetCurrent(CUcontext context) {
    STANDIN_BEGIN(INIT);
    if (context != nullptr && state().contexts.find(context) == nullptr) {
        complain("no such context; it may have been destroyed");
        return CUDA_ERROR_INVALID_CONTEXT;
    }
    set_thread_context(context);
    return CUDA_SUCCESS;
}

STANDIN_EXPORT CUresult cuCtxGetCurrent(CUcontext* context) {
    STANDIN_BEGIN(INIT);
    STANDIN_RESULT(context);
    *context = thread_context();
    return CUDA_SUCCESS;
}
