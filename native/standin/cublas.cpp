// SPDX-License-Identifier: Apache-2.0
#include "cublas_api.h"

#include <string.h>

#include "api.h"
#include "fault.h"
#include "gemm.h"
#include "memory.h"
#include "range.h"
#include "state.h"

namespace standin {

namespace {

// The library's own answers to what the driver refuses.
cublasStatus_t refuse_blas() {
    const CUresult refused = refuse(Needs::CONTEXT);
    return refused == CUDA_SUCCESS   ? CUBLAS_STATUS_SUCCESS
           : is_sticky(refused)      ? CUBLAS_STATUS_EXECUTION_FAILED
                                     : CUBLAS_STATUS_NOT_INITIALIZED;
}

#define STANDIN_BEGIN_BLAS()                                                              \
    standin::Lock standin_lock(__func__);                                                 \
    if (const cublasStatus_t refused = refuse_blas(); refused != CUBLAS_STATUS_SUCCESS) { \
        return refused;                                                                   \
    }                                                                                     \
    static_assert(true, "")

std::shared_ptr<BlasHandle> blas_of(cublasHandle_t handle) {
    const std::shared_ptr<BlasHandle> found = state().blas_handles.find(handle);
    if (found == nullptr || found->context != &current_context()) {
        complain("no such handle in this context; it may have been destroyed");
        return nullptr;
    }
    return found;
}

size_t bytes_of(Element element) { return element == Element::F32 ? 4 : 2; }

// A column-major operand of `rows` × `columns`.
struct Operand {
    const char* name;
    uintptr_t base;
    int64_t rows, columns, leading;
    size_t unit;

    size_t bytes() const { return size_t((columns - 1) * leading + rows) * unit; }

    bool is_there(bool enqueueing) const {
        if (rows == 0 || columns == 0) {
            return true;
        }
        if (base % unit != 0) {
            complain("%s at %#llx is no multiple of %zu", name, (unsigned long long)(base), unit);
            return false;
        }
        return is_device_range(name, base, bytes(), enqueueing);
    }
    bool overlaps(const Operand& other) const {
        return rows > 0 && columns > 0 && other.rows > 0 && other.columns > 0 && base < other.base + other.bytes() &&
               other.base < base + bytes();
    }
};

Operand operand_a(const Gemm& gemm) {
    return {"A", reinterpret_cast<uintptr_t>(gemm.a), gemm.transpose_a ? gemm.k : gemm.m,
            gemm.transpose_a ? gemm.m : gemm.k, gemm.lda, bytes_of(gemm.element)};
}
Operand operand_b(const Gemm& gemm) {
    return {"B", reinterpret_cast<uintptr_t>(gemm.b), gemm.transpose_b ? gemm.n : gemm.k,
            gemm.transpose_b ? gemm.k : gemm.n, gemm.ldb, bytes_of(gemm.element)};
}
Operand operand_c(const Gemm& gemm) {
    return {"C", reinterpret_cast<uintptr_t>(gemm.c), gemm.m, gemm.n, gemm.ldc, sizeof(float)};
}

bool are_there(const Gemm& gemm, bool enqueueing) {
    const bool inputs = gemm.alpha == 0 || (operand_a(gemm).is_there(enqueueing) && operand_b(gemm).is_there(enqueueing));
    return inputs && operand_c(gemm).is_there(enqueueing);
}

bool is_leading(const Operand& operand) {
    if (operand.leading >= (operand.rows > 1 ? operand.rows : 1)) {
        return true;
    }
    complain("%s has %lld rows, but a leading dimension of %lld", operand.name, (long long)(operand.rows),
             (long long)(operand.leading));
    return false;
}

void multiply(void* argument) { run_gemm(*static_cast<const Gemm*>(argument)); }

void scribble(void* argument) {
    const BlasHandle& handle = *static_cast<BlasHandle*>(argument);
    memset(reinterpret_cast<void*>(handle.workspace), 0xa5, handle.workspace_bytes);
}

void run(Context& context, Gemm gemm, BlasHandle handle) {
    Fault fault;
    if (!are_there(gemm, false) || !guarded(multiply, &gemm, fault)) {
        complain("the memory of a queued product has gone before its turn %s", fault.what.c_str());
        set_sticky(context, CUDA_ERROR_ILLEGAL_ADDRESS);
        return;
    }
    // A caller who keeps something in the workspace, or has freed it, finds out.
    if (handle.workspace_bytes > 0 && (!is_device_range("the workspace", handle.workspace, handle.workspace_bytes, false) ||
                                       !guarded(scribble, &handle, fault))) {
        set_sticky(context, CUDA_ERROR_ILLEGAL_ADDRESS);
    }
}

cublasStatus_t enqueue(const BlasHandle& handle, const Gemm& gemm) {
    if (gemm.m < 0 || gemm.n < 0 || gemm.k < 0) {
        complain("m = %lld, n = %lld, k = %lld", (long long)(gemm.m), (long long)(gemm.n), (long long)(gemm.k));
        return CUBLAS_STATUS_INVALID_VALUE;
    }
    if (!is_leading(operand_a(gemm)) || !is_leading(operand_b(gemm)) || !is_leading(operand_c(gemm))) {
        return CUBLAS_STATUS_INVALID_VALUE;
    }
    const std::shared_ptr<Stream> stream = stream_of(handle.stream);
    if (stream == nullptr) {
        return CUBLAS_STATUS_EXECUTION_FAILED;
    }
    control.gemms++;
    if (gemm.m == 0 || gemm.n == 0) {
        return CUBLAS_STATUS_SUCCESS;
    }
    if (!are_there(gemm, true)) {
        return CUBLAS_STATUS_EXECUTION_FAILED;
    }
    if (operand_c(gemm).overlaps(operand_a(gemm)) || operand_c(gemm).overlaps(operand_b(gemm))) {
        complain("C overlaps A or B");
        return CUBLAS_STATUS_EXECUTION_FAILED;
    }
    submit(stream, [gemm, handle](Context& context) { run(context, gemm, handle); });
    return CUBLAS_STATUS_SUCCESS;
}

// The scalars are read at once, from the host.
bool read_scalars(const void* alpha, const void* beta, Gemm& gemm) {
    if (!is_host_range("alpha", reinterpret_cast<uintptr_t>(alpha), sizeof(float)) ||
        !is_host_range("beta", reinterpret_cast<uintptr_t>(beta), sizeof(float))) {
        return false;
    }
    memcpy(&gemm.alpha, alpha, sizeof(float));
    memcpy(&gemm.beta, beta, sizeof(float));
    return true;
}

Gemm shape(cublasOperation_t op_a, cublasOperation_t op_b, int m, int n, int k) {
    Gemm gemm;
    gemm.transpose_a = op_a != CUBLAS_OP_N;
    gemm.transpose_b = op_b != CUBLAS_OP_N;
    gemm.m = m;
    gemm.n = n;
    gemm.k = k;
    return gemm;
}

bool is_operation(int operation) { return operation >= CUBLAS_OP_N && operation <= CUBLAS_OP_C; }

Rounding rounding_of(const BlasHandle& handle) {
    const int mode = handle.math_mode & ~CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION;
    return mode == CUBLAS_TF32_TENSOR_OP_MATH ? Rounding::TF32 : Rounding::NONE;
}

}  // namespace

}  // namespace standin

using namespace standin;

STANDIN_EXPORT cublasStatus_t cublasCreate_v2(cublasHandle_t* handle) {
    STANDIN_BEGIN_BLAS();
    if (handle == nullptr) {
        complain("handle is null");
        return CUBLAS_STATUS_INVALID_VALUE;
    }
    if (control.fail_cublas_create != 0) {
        return CUBLAS_STATUS_NOT_INITIALIZED;
    }
    const auto made = std::make_shared<BlasHandle>();
    made->context = &current_context();
    control.live_objects++;
    *handle = static_cast<cublasHandle_t>(state().blas_handles.add(made));
    return CUBLAS_STATUS_SUCCESS;
}

STANDIN_EXPORT cublasStatus_t cublasDestroy_v2(cublasHandle_t handle) {
    Lock lock(__func__);
    const cublasStatus_t refused = refuse_blas();
    if (refused == CUBLAS_STATUS_NOT_INITIALIZED) {
        return refused;
    }
    if (blas_of(handle) == nullptr) {
        return CUBLAS_STATUS_NOT_INITIALIZED;
    }
    state().blas_handles.remove(handle);
    control.live_objects--;
    return refused;
}

STANDIN_EXPORT cublasStatus_t cublasGetVersion_v2(cublasHandle_t, int* version) {
    Lock lock(__func__);
    if (version == nullptr) {
        complain("version is null");
        return CUBLAS_STATUS_INVALID_VALUE;
    }
    *version = int(control.driver_version) / 1000 * 10000 + int(control.driver_version) % 1000 / 10 * 100;
    return CUBLAS_STATUS_SUCCESS;
}

// As the real one, forgets the workspace.
STANDIN_EXPORT cublasStatus_t cublasSetStream_v2(cublasHandle_t handle, CUstream stream) {
    STANDIN_BEGIN_BLAS();
    const std::shared_ptr<BlasHandle> blas = blas_of(handle);
    if (blas == nullptr) {
        return CUBLAS_STATUS_NOT_INITIALIZED;
    }
    if (stream_of(stream) == nullptr) {
        return CUBLAS_STATUS_INVALID_VALUE;
    }
    blas->stream = stream;
    blas->workspace = 0;
    blas->workspace_bytes = 0;
    return CUBLAS_STATUS_SUCCESS;
}

STANDIN_EXPORT cublasStatus_t cublasSetWorkspace_v2(cublasHandle_t handle, void* workspace, size_t bytes) {
    STANDIN_BEGIN_BLAS();
    const std::shared_ptr<BlasHandle> blas = blas_of(handle);
    if (blas == nullptr) {
        return CUBLAS_STATUS_NOT_INITIALIZED;
    }
    const uintptr_t base = reinterpret_cast<uintptr_t>(workspace);
    if (base % 256 != 0 || (bytes > 0 && !is_device_range("the workspace", base, bytes))) {
        complain("a workspace of %zu bytes at %p", bytes, workspace);
        return CUBLAS_STATUS_INVALID_VALUE;
    }
    blas->workspace = base;
    blas->workspace_bytes = bytes;
    return CUBLAS_STATUS_SUCCESS;
}

STANDIN_EXPORT cublasStatus_t cublasSetMathMode(cublasHandle_t handle, cublasMath_t mode) {
    STANDIN_BEGIN_BLAS();
    const std::shared_ptr<BlasHandle> blas = blas_of(handle);
    if (blas == nullptr) {
        return CUBLAS_STATUS_NOT_INITIALIZED;
    }
    if ((int(mode) & ~(3 | CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION)) != 0) {
        complain("there is no math mode %d", int(mode));
        return CUBLAS_STATUS_INVALID_VALUE;
    }
    blas->math_mode = int(mode);
    return CUBLAS_STATUS_SUCCESS;
}

STANDIN_EXPORT cublasStatus_t cublasSgemm_v2(cublasHandle_t handle, cublasOperation_t op_a, cublasOperation_t op_b, int m,
                                             int n, int k, const float* alpha, const float* a, int lda, const float* b,
                                             int ldb, const float* beta, float* c, int ldc) {
    STANDIN_BEGIN_BLAS();
    const std::shared_ptr<BlasHandle> blas = blas_of(handle);
    if (blas == nullptr) {
        return CUBLAS_STATUS_NOT_INITIALIZED;
    }
    Gemm gemm = shape(op_a, op_b, m, n, k);
    gemm.rounding = rounding_of(*blas);
    gemm.a = a;
    gemm.lda = lda;
    gemm.b = b;
    gemm.ldb = ldb;
    gemm.c = c;
    gemm.ldc = ldc;
    if (!is_operation(op_a) || !is_operation(op_b) || !read_scalars(alpha, beta, gemm)) {
        return CUBLAS_STATUS_INVALID_VALUE;
    }
    return enqueue(*blas, gemm);
}

STANDIN_EXPORT cublasStatus_t cublasGemmEx(cublasHandle_t handle, cublasOperation_t op_a, cublasOperation_t op_b, int m,
                                           int n, int k, const void* alpha, const void* a, cudaDataType type_a, int lda,
                                           const void* b, cudaDataType type_b, int ldb, const void* beta, void* c,
                                           cudaDataType type_c, int ldc, cublasComputeType_t compute,
                                           cublasGemmAlgo_t) {
    STANDIN_BEGIN_BLAS();
    const std::shared_ptr<BlasHandle> blas = blas_of(handle);
    if (blas == nullptr) {
        return CUBLAS_STATUS_NOT_INITIALIZED;
    }
    Gemm gemm = shape(op_a, op_b, m, n, k);
    gemm.element = type_a == CUDA_R_16BF ? Element::BF16 : Element::F32;
    gemm.a = a;
    gemm.lda = lda;
    gemm.b = b;
    gemm.ldb = ldb;
    gemm.c = static_cast<float*>(c);
    gemm.ldc = ldc;
    switch (compute) {
        case CUBLAS_COMPUTE_32F: gemm.rounding = rounding_of(*blas); break;
        case CUBLAS_COMPUTE_32F_PEDANTIC: gemm.rounding = Rounding::NONE; break;
        case CUBLAS_COMPUTE_32F_FAST_16BF: gemm.rounding = Rounding::BF16; break;
        case CUBLAS_COMPUTE_32F_FAST_TF32: gemm.rounding = Rounding::TF32; break;
        default: complain("compute type %d isn't supported here", int(compute)); return CUBLAS_STATUS_NOT_SUPPORTED;
    }
    if (type_a != type_b || (type_a != CUDA_R_32F && type_a != CUDA_R_16BF) || type_c != CUDA_R_32F) {
        complain("types %d, %d and %d aren't supported here", int(type_a), int(type_b), int(type_c));
        return CUBLAS_STATUS_NOT_SUPPORTED;
    }
    if (!is_operation(op_a) || !is_operation(op_b) || !read_scalars(alpha, beta, gemm)) {
        return CUBLAS_STATUS_INVALID_VALUE;
    }
    return enqueue(*blas, gemm);
}

namespace {

struct Status {
    cublasStatus_t number;
    const char* name;
    const char* text;
};

constexpr Status STATUSES[] = {
    {CUBLAS_STATUS_SUCCESS, "CUBLAS_STATUS_SUCCESS", "success"},
    {CUBLAS_STATUS_NOT_INITIALIZED, "CUBLAS_STATUS_NOT_INITIALIZED", "the library was not initialized"},
    {CUBLAS_STATUS_ALLOC_FAILED, "CUBLAS_STATUS_ALLOC_FAILED", "the resource allocation failed"},
    {CUBLAS_STATUS_INVALID_VALUE, "CUBLAS_STATUS_INVALID_VALUE", "an invalid value was used as an argument"},
    {CUBLAS_STATUS_ARCH_MISMATCH, "CUBLAS_STATUS_ARCH_MISMATCH", "the device lacks a feature that is needed"},
    {CUBLAS_STATUS_MAPPING_ERROR, "CUBLAS_STATUS_MAPPING_ERROR", "an access to GPU memory space failed"},
    {CUBLAS_STATUS_EXECUTION_FAILED, "CUBLAS_STATUS_EXECUTION_FAILED", "the GPU program failed to execute"},
    {CUBLAS_STATUS_INTERNAL_ERROR, "CUBLAS_STATUS_INTERNAL_ERROR", "an internal operation failed"},
    {CUBLAS_STATUS_NOT_SUPPORTED, "CUBLAS_STATUS_NOT_SUPPORTED", "the parameter combination is not supported"},
    {CUBLAS_STATUS_LICENSE_ERROR, "CUBLAS_STATUS_LICENSE_ERROR", "the license is not valid"},
};

const Status* find(cublasStatus_t number) {
    for (const Status& status : STATUSES) {
        if (status.number == number) {
            return &status;
        }
    }
    return nullptr;
}

}  // namespace

STANDIN_EXPORT const char* cublasGetStatusName(cublasStatus_t number) {
    const Status* const status = find(number);
    return status == nullptr ? "(unknown cuBLAS status)" : status->name;
}

STANDIN_EXPORT const char* cublasGetStatusString(cublasStatus_t number) {
    const Status* const status = find(number);
    return status == nullptr ? "unknown status" : status->text;
}
