// SPDX-License-Identifier: Apache-2.0
//
// Functions and launches. A launch copies its arguments at once; what goes wrong in the kernel shows in the calls after
// it, as on a device.
#include <string.h>

#include "api.h"
#include "block.h"
#include "fault.h"
#include "memory.h"
#include "range.h"
#include "shared.h"
#include "state.h"

namespace standin {

namespace {

constexpr unsigned MAX_THREADS = 1024;

std::shared_ptr<Function> function_of(CUfunction handle) {
    const std::shared_ptr<Function> function = state().functions.find(handle);
    if (function == nullptr || function->context != &current_context()) {
        complain("no such function in this context; its module may have been unloaded");
        return nullptr;
    }
    return function;
}

int max_threads(const Function& function) {
    return int(function.entry.max_threads != 0 ? function.entry.max_threads : MAX_THREADS);
}

struct Arguments {
    // 16 bytes at a time, for their alignment.
    std::vector<ulonglong2> bytes;
    std::vector<void*> pointers;
};

struct Unpacking {
    void** from;
    Arguments* to;
    const Kernel* kernel;
};

void unpack(void* argument) {
    const Unpacking& unpacking = *static_cast<Unpacking*>(argument);
    for (size_t at = 0; at < unpacking.kernel->count; at++) {
        memcpy(unpacking.to->pointers[at], unpacking.from[at], unpacking.kernel->parameters[at].bytes);
    }
}

// nullptr, with a complaint, when the array or one of its pointers leads nowhere.
std::shared_ptr<Arguments> copy_arguments(const Kernel& kernel, void** from) {
    const auto arguments = std::make_shared<Arguments>();
    std::vector<size_t> offsets;
    size_t used = 0;
    for (size_t at = 0; at < kernel.count; at++) {
        const Parameter& parameter = kernel.parameters[at];
        used = (used + parameter.alignment - 1) / parameter.alignment * parameter.alignment;
        offsets.push_back(used);
        used += parameter.bytes;
    }
    arguments->bytes.resize((used + 15) / 16);
    for (const size_t offset : offsets) {
        arguments->pointers.push_back(reinterpret_cast<char*>(arguments->bytes.data()) + offset);
    }
    Unpacking unpacking = {from, arguments.get(), &kernel};
    Fault fault;
    if (!guarded(unpack, &unpacking, fault)) {
        complain("the arguments of %s can't be read: %s", kernel.name, fault.what.c_str());
        return nullptr;
    }
    return arguments;
}

// An argument that points to host memory works here, but not on a device. Those within structs aren't looked at.
bool are_device_pointers(const Kernel& kernel, const Arguments& arguments) {
    for (size_t at = 0; at < kernel.count; at++) {
        if (kernel.parameters[at].kind != Parameter::Kind::POINTER) {
            continue;
        }
        uintptr_t pointer = 0;
        memcpy(&pointer, arguments.pointers[at], sizeof pointer);
        if (!is_kernel_pointer(pointer)) {
            complain("argument %zu of %s is %s, which the device can't use", at, kernel.name,
                     describe(pointer).c_str());
            return false;
        }
    }
    return true;
}

void run(void* argument) { run_grid(*static_cast<const Grid*>(argument)); }

void run_launch(Context& context, const Function& function, Grid grid, const Arguments& arguments) {
    if (function.module.expired()) {
        complain("the module of the queued kernel %s was unloaded before its turn", grid.kernel->name);
        set_sticky(context, CUDA_ERROR_ILLEGAL_ADDRESS);
        return;
    }
    if (!are_device_pointers(*grid.kernel, arguments)) {
        set_sticky(context, CUDA_ERROR_ILLEGAL_ADDRESS);
        return;
    }
    grid.arguments = arguments.pointers.data();
    grid.shuffle = uint64_t(control.shuffle);
    control.blocks += int64_t(grid.blocks.x) * grid.blocks.y * grid.blocks.z;
    Fault fault;
    if (!guarded(run, &grid, fault)) {
        complain("%s (%s)", fault.what.c_str(), running_thread().c_str());
        set_sticky(context, CUresult(fault.error));
        return;
    }
    const std::string damage = find_damage();
    if (!damage.empty()) {
        complain("%s (%s)", damage.c_str(), grid.kernel->name);
        set_sticky(context, CUDA_ERROR_ILLEGAL_ADDRESS);
    }
}

bool is_sticky_kind(int64_t error) { return error == 700 || error == 702 || error == 710 || (error >= 714 && error <= 719); }

CUresult check_shape(const Function& function, const dim3& blocks, const dim3& threads, size_t shared) {
    if (blocks.x == 0 || blocks.y == 0 || blocks.z == 0 || threads.x == 0 || threads.y == 0 || threads.z == 0 ||
        blocks.x > 2147483647u || blocks.y > 65535 || blocks.z > 65535 || threads.x > MAX_THREADS ||
        threads.y > MAX_THREADS || threads.z > 64 || uint64_t(threads.x) * threads.y * threads.z > MAX_THREADS) {
        complain("%s: a grid of (%u,%u,%u) blocks of (%u,%u,%u) threads", function.kernel->name, blocks.x, blocks.y,
                 blocks.z, threads.x, threads.y, threads.z);
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (int(threads.x * threads.y * threads.z) > max_threads(function)) {
        complain("%s: %u threads, but its __launch_bounds__ say at most %d", function.kernel->name,
                 threads.x * threads.y * threads.z, max_threads(function));
        return CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES;
    }
    if (shared > size_t(function.dynamic_shared_limit < 0 ? 0 : function.dynamic_shared_limit)) {
        complain("%s: %zu bytes of dynamic shared memory, of %d at most; cuFuncSetAttribute raises that to %zu",
                 function.kernel->name, shared, function.dynamic_shared_limit,
                 SHARED_LIMIT - function.entry.shared_bytes);
        return CUDA_ERROR_INVALID_VALUE;
    }
    return CUDA_SUCCESS;
}

}  // namespace

}  // namespace standin

using namespace standin;

STANDIN_EXPORT CUresult cuFuncGetAttribute(int* value, CUfunction_attribute attribute, CUfunction handle) {
    STANDIN_BEGIN(CONTEXT);
    STANDIN_RESULT(value);
    const std::shared_ptr<Function> function = function_of(handle);
    if (function == nullptr) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    switch (attribute) {
        case CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK: *value = max_threads(*function); break;
        case CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES: *value = int(function->entry.shared_bytes); break;
        case CU_FUNC_ATTRIBUTE_NUM_REGS: *value = 32; break;
        case CU_FUNC_ATTRIBUTE_PTX_VERSION: *value = std::shared_ptr<Module>(function->module)->ptx.target; break;
        case CU_FUNC_ATTRIBUTE_BINARY_VERSION: *value = int(control.compute_capability); break;
        case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES: *value = function->dynamic_shared_limit; break;
        case CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT: *value = -1; break;
        case CU_FUNC_ATTRIBUTE_CONST_SIZE_BYTES:
        case CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES:
        case CU_FUNC_ATTRIBUTE_CACHE_MODE_CA: *value = 0; break;
        default: complain("attribute %d isn't supported here", int(attribute)); return CUDA_ERROR_INVALID_VALUE;
    }
    return CUDA_SUCCESS;
}

STANDIN_EXPORT CUresult cuFuncSetAttribute(CUfunction handle, CUfunction_attribute attribute, int value) {
    STANDIN_BEGIN(CONTEXT);
    const std::shared_ptr<Function> function = function_of(handle);
    if (function == nullptr) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    if (attribute == CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT && value >= -1 && value <= 100) {
        return CUDA_SUCCESS;
    }
    if (attribute != CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES || value < 0 ||
        size_t(value) + function->entry.shared_bytes > SHARED_LIMIT) {
        complain("%s: attribute %d can't be %d", function->kernel->name, int(attribute), value);
        return CUDA_ERROR_INVALID_VALUE;
    }
    function->dynamic_shared_limit = value;
    return CUDA_SUCCESS;
}

STANDIN_EXPORT CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, CUfunction handle, int block_size,
                                                                    size_t shared) {
    STANDIN_BEGIN(CONTEXT);
    STANDIN_RESULT(blocks);
    const std::shared_ptr<Function> function = function_of(handle);
    if (function == nullptr) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    if (block_size <= 0 || block_size > int(MAX_THREADS)) {
        complain("a block of %d threads", block_size);
        return CUDA_ERROR_INVALID_VALUE;
    }
    const size_t limit = size_t(function->dynamic_shared_limit < 0 ? 0 : function->dynamic_shared_limit);
    const size_t each = shared + function->entry.shared_bytes + 1024;
    int count = 2048 / ((block_size + 31) / 32 * 32);
    count = count < 32 ? count : 32;
    count = size_t(count) * each > SHARED_LIMIT + 1024 ? int((SHARED_LIMIT + 1024) / each) : count;
    *blocks = block_size > max_threads(*function) || shared > limit ? 0 : count;
    return CUDA_SUCCESS;
}

STANDIN_EXPORT CUresult cuLaunchKernel(CUfunction handle, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                                       unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared_bytes,
                                       CUstream stream_handle, void** parameters, void** extra) {
    STANDIN_BEGIN(CONTEXT);
    const std::shared_ptr<Function> function = function_of(handle);
    const std::shared_ptr<Stream> stream = function == nullptr ? nullptr : stream_of(stream_handle);
    if (stream == nullptr) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    Grid grid;
    grid.kernel = function->kernel;
    grid.blocks = dim3(grid_x, grid_y, grid_z);
    grid.threads = dim3(block_x, block_y, block_z);
    grid.shared_bytes = shared_bytes;
    const CUresult shape = check_shape(*function, grid.blocks, grid.threads, shared_bytes);
    if (shape != CUDA_SUCCESS) {
        return shape;
    }
    if (extra != nullptr || (parameters == nullptr && grid.kernel->count > 0)) {
        complain("%s: no array of arguments, or `extra`, which isn't supported here", grid.kernel->name);
        return CUDA_ERROR_INVALID_VALUE;
    }
    control.launches++;
    state().launches[grid.kernel->name]++;
    if (strikes(control.fail_launch)) {
        if (is_sticky_kind(control.fail_launch_error)) {
            set_sticky(current_context(), CUresult(control.fail_launch_error));
        }
        return CUresult(control.fail_launch_error);
    }
    const std::shared_ptr<Arguments> arguments = copy_arguments(*grid.kernel, parameters);
    if (arguments == nullptr) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    submit(stream, [function, grid, arguments](Context& context) { run_launch(context, *function, grid, *arguments); });
    return CUDA_SUCCESS;
}
