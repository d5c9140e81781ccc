// SPDX-License-Identifier: Apache-2.0
//
// What kernels, and only they, are compiled to call by -fsanitize: an access that the device couldn't do, or an index
// past a declared array, ends the launch and names the source line. g++ comes with its own library of these functions,
// but that ends the process. The layouts are those of libsanitizer's ubsan_handlers.h.
#include <stdint.h>

#include "cuda_api.h"
#include "fault.h"

using standin::fail;

namespace {

struct Location {
    const char* file;
    uint32_t line;
    uint32_t column;
};

struct Type {
    uint16_t kind;
    uint16_t info;
    char name[1];
};

struct Mismatch {
    Location location;
    const Type* type;
    unsigned char log_alignment;
    unsigned char check;
};

struct OutOfBounds {
    Location location;
    const Type* array;
    const Type* index;
};

struct Arithmetic {
    Location location;
    const Type* type;
};

}  // namespace

extern "C" {
#pragma GCC visibility push(hidden)

[[noreturn]] void __ubsan_handle_type_mismatch_v1_abort(const Mismatch* data, uintptr_t pointer) {
    const uintptr_t alignment = uintptr_t(1) << data->log_alignment;
    if (pointer == 0) {
        fail(CUDA_ERROR_ILLEGAL_ADDRESS, "%s:%u: an access to %s through a null pointer", data->location.file,
             data->location.line, data->type->name);
    }
    fail(CUDA_ERROR_MISALIGNED_ADDRESS, "%s:%u: an access to %s at %#llx, which isn't a multiple of %u",
         data->location.file, data->location.line, data->type->name, (unsigned long long)(pointer),
         unsigned(alignment));
}

[[noreturn]] void __ubsan_handle_out_of_bounds_abort(const OutOfBounds* data, uintptr_t index) {
    fail(CUDA_ERROR_ILLEGAL_ADDRESS, "%s:%u: index %lld of an array %s", data->location.file, data->location.line,
         (long long)(index), data->array->name);
}

[[noreturn]] void __ubsan_handle_shift_out_of_bounds_abort(const Arithmetic* data, uintptr_t, uintptr_t distance) {
    fail(CUDA_ERROR_LAUNCH_FAILED, "%s:%u: a shift by %lld, of which C++ doesn't say what it gives",
         data->location.file, data->location.line, (long long)(distance));
}

[[noreturn]] void __ubsan_handle_divrem_overflow_abort(const Arithmetic* data, uintptr_t, uintptr_t) {
    fail(CUDA_ERROR_LAUNCH_FAILED, "%s:%u: an integer division by zero, or one that overflows", data->location.file,
         data->location.line);
}

#pragma GCC visibility pop
}
