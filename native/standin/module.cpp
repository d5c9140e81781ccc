// SPDX-License-Identifier: Apache-2.0
//
// Modules. The kernels are those compiled into this library, but only those that the given PTX holds too, and with the
// same parameters, can be had: a PTX file older than its sources is found out without nvcc.
#include <stdio.h>
#include <string.h>

#include "api.h"
#include "fault.h"
#include "shared.h"
#include "state.h"

namespace standin {

namespace {

// Fills a log buffer among the options, and writes its length over its size, as the JIT does.
void write_log(unsigned count, const CUjit_option* options, void** values, const std::string& text) {
    char* buffer = nullptr;
    size_t size = 0;
    for (unsigned at = 0; at < count; at++) {
        if (options[at] == CU_JIT_ERROR_LOG_BUFFER) {
            buffer = static_cast<char*>(values[at]);
        } else if (options[at] == CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES) {
            size = size_t(reinterpret_cast<uintptr_t>(values[at])) & 0xffffffffu;
        }
    }
    if (buffer == nullptr || size == 0) {
        return;
    }
    snprintf(buffer, size, "%s", text.c_str());
    for (unsigned at = 0; at < count; at++) {
        if (options[at] == CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES) {
            values[at] = reinterpret_cast<void*>(strlen(buffer) + (text.empty() ? 0 : 1));
        }
    }
}

struct Image {
    const char* start;
    size_t length;
};

void measure(void* argument) {
    Image& image = *static_cast<Image*>(argument);
    image.length = strlen(image.start);
}

bool is_binary(const char* image) {
    return memcmp(image, "\177ELF", 4) == 0 || memcmp(image, "\x50\xed\x55\xba", 4) == 0;
}

CUresult load(const char* image, Ptx& ptx, std::string& error) {
    Image text = {image, 0};
    Fault fault;
    if (!guarded(measure, &text, fault)) {
        error = "the image isn't a text that ends in a null byte: " + fault.what;
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (text.length >= 4 && is_binary(image)) {
        error = "machine code, not PTX: the stand-in takes PTX only";
        return CUDA_ERROR_NO_BINARY_FOR_GPU;
    }
    if (!parse_ptx(std::string(image, text.length), ptx, error)) {
        error = "not PTX: " + error;
        return CUDA_ERROR_INVALID_PTX;
    }
    const int newest = newest_ptx(int(control.driver_version));
    char line[200];
    if (ptx.version > newest) {
        snprintf(line, sizeof line, "PTX .version %d.%d is not supported: the newest that this driver takes is %d.%d",
                 ptx.version / 10, ptx.version % 10, newest / 10, newest % 10);
        error = line;
        return CUDA_ERROR_UNSUPPORTED_PTX_VERSION;
    }
    if (ptx.target > control.compute_capability) {
        snprintf(line, sizeof line, "PTX .target sm_%d is higher than the device's compute capability, %d", ptx.target,
                 int(control.compute_capability));
        error = line;
        return CUDA_ERROR_INVALID_PTX;
    }
    return CUDA_SUCCESS;
}

bool same(const Parameter& compiled, const PtxParameter& ptx) {
    return compiled.bytes == ptx.bytes && (compiled.kind == Parameter::Kind::FLOATING) == ptx.floating &&
           (compiled.kind == Parameter::Kind::BYTES) == ptx.array;
}

std::string describe(const Kernel& kernel) {
    std::string list;
    for (size_t at = 0; at < kernel.count; at++) {
        const Parameter& parameter = kernel.parameters[at];
        list += at == 0 ? "" : ", ";
        list += parameter.kind == Parameter::Kind::FLOATING  ? "float "
                : parameter.kind == Parameter::Kind::BYTES   ? "struct "
                : parameter.kind == Parameter::Kind::POINTER ? "pointer "
                                                             : "integer ";
        list += std::to_string(parameter.bytes);
    }
    return list;
}

std::string describe(const PtxEntry& entry) {
    std::string list;
    for (const PtxParameter& parameter : entry.parameters) {
        list += list.empty() ? "" : ", ";
        list += parameter.floating ? "float " : parameter.array ? "struct " : "integer ";
        list += std::to_string(parameter.bytes);
    }
    return list;
}

bool same(const Kernel& kernel, const PtxEntry& entry) {
    if (kernel.count != entry.parameters.size()) {
        return false;
    }
    for (size_t at = 0; at < kernel.count; at++) {
        if (!same(kernel.parameters[at], entry.parameters[at])) {
            return false;
        }
    }
    return true;
}

}  // namespace

}  // namespace standin

using namespace standin;

STANDIN_EXPORT CUresult cuModuleLoadDataEx(CUmodule* module, const void* image, unsigned count, CUjit_option* options,
                                           void** values) {
    STANDIN_BEGIN(CONTEXT);
    STANDIN_RESULT(module);
    STANDIN_RESULT(image);
    if (count > 0) {
        STANDIN_RESULT(options);
        STANDIN_RESULT(values);
    }
    const auto made = std::make_shared<Module>();
    made->context = &current_context();
    std::string error;
    const CUresult result = load(static_cast<const char*>(image), made->ptx, error);
    write_log(count, options, values, error);
    if (result != CUDA_SUCCESS) {
        complain("%s", error.c_str());
        return result;
    }
    control.live_objects++;
    *module = state().modules.add(made);
    return CUDA_SUCCESS;
}

STANDIN_EXPORT CUresult cuModuleUnload(CUmodule handle) {
    STANDIN_BEGIN_END();
    const std::shared_ptr<Module> module = state().modules.find(handle);
    if (module == nullptr || module->context != &current_context()) {
        complain("no such module in this context; it may have been unloaded");
        return CUDA_ERROR_INVALID_HANDLE;
    }
    for (const auto& function : module->functions) {
        state().functions.remove(function.second);
    }
    state().modules.remove(handle);
    control.live_objects--;
    return refused;
}

STANDIN_EXPORT CUresult cuModuleGetFunction(CUfunction* function, CUmodule handle, const char* name) {
    STANDIN_BEGIN(CONTEXT);
    STANDIN_RESULT(function);
    STANDIN_RESULT(name);
    const std::shared_ptr<Module> module = state().modules.find(handle);
    if (module == nullptr || module->context != &current_context()) {
        complain("no such module in this context; it may have been unloaded");
        return CUDA_ERROR_INVALID_HANDLE;
    }
    const auto known = module->functions.find(name);
    if (known != module->functions.end()) {
        *function = known->second;
        return CUDA_SUCCESS;
    }
    for (const PtxEntry& entry : module->ptx.entries) {
        if (entry.name != name) {
            continue;
        }
        const Kernel* const kernel = find_kernel(name);
        if (kernel == nullptr) {
            complain("the PTX has a kernel %s, the stand-in has none: is the PTX stale, or a DARIEN_EXPORT missing?",
                     name);
            return CUDA_ERROR_INVALID_IMAGE;
        }
        if (!same(*kernel, entry)) {
            complain("the PTX is stale: there %s takes (%s), in the source (%s)", name, describe(entry).c_str(),
                     describe(*kernel).c_str());
            return CUDA_ERROR_INVALID_IMAGE;
        }
        const auto made = std::make_shared<Function>();
        made->module = module;
        made->context = module->context;
        made->kernel = kernel;
        made->entry = entry;
        made->dynamic_shared_limit = int(SHARED_DEFAULT_LIMIT) - int(entry.shared_bytes);
        *function = module->functions[name] = state().functions.add(made);
        return CUDA_SUCCESS;
    }
    return CUDA_ERROR_NOT_FOUND;
}
