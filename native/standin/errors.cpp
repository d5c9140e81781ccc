// SPDX-License-Identifier: Apache-2.0
//
// Names and texts of the errors that the stand-in gives or can be told to give.
#include "api.h"

using namespace standin;

namespace {

struct Error {
    CUresult number;
    const char* name;
    const char* text;
};

#define STANDIN_ERROR(name, text) {name, #name, text}
constexpr Error ERRORS[] = {
    STANDIN_ERROR(CUDA_SUCCESS, "no error"),
    STANDIN_ERROR(CUDA_ERROR_INVALID_VALUE, "invalid argument"),
    STANDIN_ERROR(CUDA_ERROR_OUT_OF_MEMORY, "out of memory"),
    STANDIN_ERROR(CUDA_ERROR_NOT_INITIALIZED, "initialization error"),
    STANDIN_ERROR(CUDA_ERROR_DEINITIALIZED, "driver shutting down"),
    STANDIN_ERROR(CUDA_ERROR_STUB_LIBRARY, "a stub library was loaded in place of the driver"),
    STANDIN_ERROR(CUDA_ERROR_DEVICE_UNAVAILABLE, "devices are busy or unavailable"),
    STANDIN_ERROR(CUDA_ERROR_NO_DEVICE, "no CUDA-capable device is detected"),
    STANDIN_ERROR(CUDA_ERROR_INVALID_DEVICE, "invalid device ordinal"),
    STANDIN_ERROR(CUDA_ERROR_INVALID_IMAGE, "device kernel image is invalid"),
    STANDIN_ERROR(CUDA_ERROR_INVALID_CONTEXT, "invalid device context"),
    STANDIN_ERROR(CUDA_ERROR_NO_BINARY_FOR_GPU, "no kernel image is available for the device"),
    STANDIN_ERROR(CUDA_ERROR_ECC_UNCORRECTABLE, "uncorrectable ECC error"),
    STANDIN_ERROR(CUDA_ERROR_INVALID_PTX, "a PTX JIT compilation failed"),
    STANDIN_ERROR(CUDA_ERROR_JIT_COMPILER_NOT_FOUND, "PTX JIT compiler library not found"),
    STANDIN_ERROR(CUDA_ERROR_UNSUPPORTED_PTX_VERSION, "the PTX was compiled with an unsupported toolchain"),
    STANDIN_ERROR(CUDA_ERROR_INVALID_SOURCE, "device kernel source is invalid"),
    STANDIN_ERROR(CUDA_ERROR_FILE_NOT_FOUND, "file not found"),
    STANDIN_ERROR(CUDA_ERROR_OPERATING_SYSTEM, "an operating system call failed"),
    STANDIN_ERROR(CUDA_ERROR_INVALID_HANDLE, "invalid resource handle"),
    STANDIN_ERROR(CUDA_ERROR_ILLEGAL_STATE, "illegal state"),
    STANDIN_ERROR(CUDA_ERROR_NOT_FOUND, "named symbol not found"),
    STANDIN_ERROR(CUDA_ERROR_NOT_READY, "device not ready"),
    STANDIN_ERROR(CUDA_ERROR_ILLEGAL_ADDRESS, "an illegal memory access was encountered"),
    STANDIN_ERROR(CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES, "too many resources requested for launch"),
    STANDIN_ERROR(CUDA_ERROR_LAUNCH_TIMEOUT, "the launch timed out and was terminated"),
    STANDIN_ERROR(CUDA_ERROR_PRIMARY_CONTEXT_ACTIVE, "the primary context is already active"),
    STANDIN_ERROR(CUDA_ERROR_CONTEXT_IS_DESTROYED, "context is destroyed"),
    STANDIN_ERROR(CUDA_ERROR_ASSERT, "device-side assert triggered"),
    STANDIN_ERROR(CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED, "part or all of the memory range is already registered"),
    STANDIN_ERROR(CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED, "the pointer is not that of registered memory"),
    STANDIN_ERROR(CUDA_ERROR_HARDWARE_STACK_ERROR, "hardware stack error"),
    STANDIN_ERROR(CUDA_ERROR_ILLEGAL_INSTRUCTION, "an illegal instruction was encountered"),
    STANDIN_ERROR(CUDA_ERROR_MISALIGNED_ADDRESS, "misaligned address"),
    STANDIN_ERROR(CUDA_ERROR_INVALID_ADDRESS_SPACE, "operation not supported on this address space"),
    STANDIN_ERROR(CUDA_ERROR_INVALID_PC, "invalid program counter"),
    STANDIN_ERROR(CUDA_ERROR_LAUNCH_FAILED, "unspecified launch failure"),
    STANDIN_ERROR(CUDA_ERROR_NOT_PERMITTED, "operation not permitted"),
    STANDIN_ERROR(CUDA_ERROR_NOT_SUPPORTED, "operation not supported"),
    STANDIN_ERROR(CUDA_ERROR_SYSTEM_NOT_READY, "system not yet initialized"),
    STANDIN_ERROR(CUDA_ERROR_SYSTEM_DRIVER_MISMATCH, "the display driver and CUDA driver don't match"),
    STANDIN_ERROR(CUDA_ERROR_TIMEOUT, "wait operation timed out"),
    STANDIN_ERROR(CUDA_ERROR_UNKNOWN, "unknown error"),
};

const Error* find(CUresult number) {
    for (const Error& error : ERRORS) {
        if (error.number == number) {
            return &error;
        }
    }
    return nullptr;
}

}  // namespace

STANDIN_EXPORT CUresult cuGetErrorName(CUresult number, const char** name) {
    STANDIN_BEGIN(NOTHING);
    STANDIN_RESULT(name);
    const Error* const error = find(number);
    *name = error == nullptr ? nullptr : error->name;
    return error == nullptr ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
}

STANDIN_EXPORT CUresult cuGetErrorString(CUresult number, const char** text) {
    STANDIN_BEGIN(NOTHING);
    STANDIN_RESULT(text);
    const Error* const error = find(number);
    *text = error == nullptr ? nullptr : error->text;
    return error == nullptr ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
}
