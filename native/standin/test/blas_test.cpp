// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <string.h>

#include "harness.h"

using namespace test;

namespace {

struct Blas {
    explicit Blas(Device& device) {
        OK(cublasCreate_v2(&handle));
        OK(cublasSetStream_v2(handle, device.stream));
    }
    ~Blas() { OK(cublasDestroy_v2(handle)); }
    cublasHandle_t handle = nullptr;
};

std::vector<float> numbers(size_t count, unsigned seed) {
    std::vector<float> values(count);
    uint64_t random = seed + 1;
    for (float& value : values) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        value = float(random >> 40) / float(1 << 24) - 0.5f;
    }
    return values;
}

uint16_t to_bf16(float value) {
    uint32_t bits;
    memcpy(&bits, &value, 4);
    return uint16_t((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

float from_bf16(uint16_t bits) {
    const uint32_t wide = uint32_t(bits) << 16;
    float value;
    memcpy(&value, &wide, 4);
    return value;
}

const float* floats(CUdeviceptr pointer) { return reinterpret_cast<const float*>(pointer); }

// C = 1.5 · op(A)·op(B) + 0.5 · C for the given shape, against sums in double.
void check(Device& device, cublasHandle_t handle, bool ta, bool tb, int m, int n, int k, bool bf16) {
    const int lda = (ta ? k : m) + 3, ldb = (tb ? n : k) + 1, ldc = m + 2;
    std::vector<float> a = numbers(size_t(lda) * (ta ? m : k), 1);
    std::vector<float> b = numbers(size_t(ldb) * (tb ? k : n), 2);
    const std::vector<float> c = numbers(size_t(ldc) * n, 3);
    std::vector<uint16_t> a_half(a.size()), b_half(b.size());
    for (size_t at = 0; bf16 && at < a.size(); at++) {
        a[at] = from_bf16(a_half[at] = to_bf16(a[at]));
    }
    for (size_t at = 0; bf16 && at < b.size(); at++) {
        b[at] = from_bf16(b_half[at] = to_bf16(b[at]));
    }
    // The last column needs no more than its rows.
    const CUdeviceptr a_there =
        bf16 ? device.upload(a_half.data(), (a.size() - 3) * 2) : device.upload(a.data(), (a.size() - 3) * 4);
    const CUdeviceptr b_there =
        bf16 ? device.upload(b_half.data(), (b.size() - 1) * 2) : device.upload(b.data(), (b.size() - 1) * 4);
    const CUdeviceptr c_there = device.upload(c.data(), (c.size() - 2) * 4);
    const float alpha = 1.5f, beta = 0.5f;
    const cublasOperation_t op_a = ta ? CUBLAS_OP_T : CUBLAS_OP_N, op_b = tb ? CUBLAS_OP_T : CUBLAS_OP_N;
    const cudaDataType type = bf16 ? CUDA_R_16BF : CUDA_R_32F;
    if (bf16 || k % 2 == 0) {
        OK(cublasGemmEx(handle, op_a, op_b, m, n, k, &alpha, floats(a_there), type, lda, floats(b_there), type, ldb,
                        &beta, reinterpret_cast<float*>(c_there), CUDA_R_32F, ldc, CUBLAS_COMPUTE_32F, -1));
    } else {
        OK(cublasSgemm_v2(handle, op_a, op_b, m, n, k, &alpha, floats(a_there), lda, floats(b_there), ldb, &beta,
                          reinterpret_cast<float*>(c_there), ldc));
    }
    const std::vector<float> got = device.download<float>(c_there, c.size() - 2);
    for (int column = 0; column < n; column++) {
        for (int row = 0; row < m; row++) {
            double sum = 0;
            for (int p = 0; p < k; p++) {
                sum += double(ta ? a[size_t(row) * lda + p] : a[size_t(p) * lda + row]) *
                       (tb ? b[size_t(p) * ldb + column] : b[size_t(column) * ldb + p]);
            }
            const size_t at = size_t(column) * ldc + row;
            EXPECT_TRUE(fabs(got[at] - (1.5 * sum + 0.5 * c[at])) < 1e-6 * (k + 10));
        }
        for (int row = m; row < ldc && column < n - 1; row++) {
            EXPECT(got[size_t(column) * ldc + row], c[size_t(column) * ldc + row]);
        }
    }
}

}  // namespace

TEST(products_are_right_for_all_shapes) {
    Device device;
    const Blas blas(device);
    const int shapes[][3] = {{1, 1, 1}, {16, 4, 8}, {17, 5, 3}, {3, 130, 7}, {257, 97, 5}, {31, 33, 257}, {5, 7, 600}};
    for (const auto& shape : shapes) {
        for (int variant = 0; variant < 8; variant++) {
            check(device, blas.handle, variant & 1, variant & 2, shape[0], shape[1], shape[2], variant & 4);
        }
    }
    EXPECT(darien_standin_get("gemms"), 56);
}

TEST(zero_factors_read_nothing) {
    Device device;
    const Blas blas(device);
    const CUdeviceptr a = device.upload(std::vector<float>{1, 2});
    const CUdeviceptr c = device.allocate(16);  // NaN
    const float one = 1, zero = 0;
    float* const to = reinterpret_cast<float*>(c);
    OK(cublasSgemm_v2(blas.handle, CUBLAS_OP_N, CUBLAS_OP_N, 2, 2, 1, &one, floats(a), 2, floats(a), 1, &zero, to, 2));
    const float expected[] = {1, 2, 2, 4};
    std::vector<float> got = device.download<float>(c, 4);
    for (int at = 0; at < 4; at++) {
        EXPECT(got[at], expected[at]);
    }
    OK(cublasSgemm_v2(blas.handle, CUBLAS_OP_N, CUBLAS_OP_N, 2, 2, 0, &one, nullptr, 2, nullptr, 1, &one, to, 2));
    OK(cublasSgemm_v2(blas.handle, CUBLAS_OP_N, CUBLAS_OP_N, 2, 0, 1, &one, nullptr, 2, nullptr, 1, &one, nullptr, 2));
    OK(cublasSgemm_v2(blas.handle, CUBLAS_OP_N, CUBLAS_OP_N, 2, 2, 1, &zero, nullptr, 2, nullptr, 1, &one, to, 2));
    got = device.download<float>(c, 4);
    for (int at = 0; at < 4; at++) {
        EXPECT(got[at], expected[at]);
    }
}

TEST(tf32_keeps_ten_bits) {
    Device device;
    const Blas blas(device);
    const float fine = 1.0f + 1.0f / 4096, one = 1, zero = 0;
    const CUdeviceptr a = device.upload(std::vector<float>{fine});
    const CUdeviceptr b = device.upload(std::vector<float>{1.0f});
    const CUdeviceptr c = device.allocate(4);
    const auto product = [&](cublasComputeType_t compute) {
        OK(cublasGemmEx(blas.handle, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &one, floats(a), CUDA_R_32F, 1, floats(b),
                        CUDA_R_32F, 1, &zero, reinterpret_cast<float*>(c), CUDA_R_32F, 1, compute, -1));
        return device.download<float>(c, 1)[0];
    };
    EXPECT(product(CUBLAS_COMPUTE_32F), fine);
    EXPECT(product(CUBLAS_COMPUTE_32F_FAST_TF32), 1.0f);
    OK(cublasSetMathMode(blas.handle, CUBLAS_TF32_TENSOR_OP_MATH));
    EXPECT(product(CUBLAS_COMPUTE_32F), 1.0f);
    EXPECT(product(CUBLAS_COMPUTE_32F_PEDANTIC), fine);
    OK(cublasSetMathMode(blas.handle, CUBLAS_DEFAULT_MATH));
    EXPECT(product(CUBLAS_COMPUTE_32F), fine);
    EXPECT(int(cublasSetMathMode(blas.handle, cublasMath_t(64))), CUBLAS_STATUS_INVALID_VALUE);
}

TEST(products_are_held_to_their_memory) {
    Device device;
    const Blas blas(device);
    const CUdeviceptr a = device.allocate(100 * 4), c = device.allocate(100 * 4);
    const float one = 1;
    const auto product = [&](CUdeviceptr from, int m, int n, int k, int lda, CUdeviceptr to, int ldc) {
        return int(cublasSgemm_v2(blas.handle, CUBLAS_OP_N, CUBLAS_OP_N, m, n, k, &one, floats(from), lda, floats(from),
                                  k > 0 ? k : 1, &one, reinterpret_cast<float*>(to), ldc));
    };
    OK(product(a, 10, 10, 10, 10, c, 10));
    EXPECT(product(a, 10, 10, 10, 11, c, 10), CUBLAS_STATUS_EXECUTION_FAILED);
    EXPECT_MESSAGE("A: 436 bytes from");
    EXPECT(product(a, 10, 10, 10, 10, c + 4, 10), CUBLAS_STATUS_EXECUTION_FAILED);
    EXPECT(product(a, 10, 10, 10, 10, c + 2, 10), CUBLAS_STATUS_EXECUTION_FAILED);
    EXPECT(product(a, 10, 10, 10, 9, c, 10), CUBLAS_STATUS_INVALID_VALUE);
    EXPECT(product(a, 10, 10, 10, 10, c, 9), CUBLAS_STATUS_INVALID_VALUE);
    EXPECT(product(a, -1, 10, 10, 10, c, 10), CUBLAS_STATUS_INVALID_VALUE);
    EXPECT(product(a, 5, 5, 5, 5, a + 40, 5), CUBLAS_STATUS_EXECUTION_FAILED);
    EXPECT_MESSAGE("C overlaps A or B");
    EXPECT(product(reinterpret_cast<CUdeviceptr>(&one), 1, 1, 1, 1, c, 1), CUBLAS_STATUS_EXECUTION_FAILED);
    EXPECT(int(cublasSgemm_v2(blas.handle, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, floats(a), floats(a), 1, floats(a), 1,
                              &one, reinterpret_cast<float*>(c), 1)),
           CUBLAS_STATUS_INVALID_VALUE);
    EXPECT_MESSAGE("alpha must be host memory");
    EXPECT(int(cublasGemmEx(blas.handle, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &one, floats(a), CUDA_R_16F, 1, floats(a),
                            CUDA_R_16F, 1, &one, reinterpret_cast<float*>(c), CUDA_R_32F, 1, CUBLAS_COMPUTE_32F, -1)),
           CUBLAS_STATUS_NOT_SUPPORTED);
}

TEST(a_handle_needs_a_stream_and_forgets_its_workspace_with_it) {
    Device device;
    cublasHandle_t handle = nullptr;
    OK(cublasCreate_v2(&handle));
    const CUdeviceptr a = device.upload(std::vector<float>{2}), c = device.allocate(4), space = device.allocate(256);
    const float one = 1, zero = 0;
    const auto product = [&] {
        return int(cublasSgemm_v2(handle, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &one, floats(a), 1, floats(a), 1, &zero,
                                  reinterpret_cast<float*>(c), 1));
    };
    EXPECT(product(), CUBLAS_STATUS_EXECUTION_FAILED);
    OK(cublasSetStream_v2(handle, device.stream));
    OK(product());
    OK(cublasSetWorkspace_v2(handle, reinterpret_cast<void*>(space), 256));
    EXPECT(int(cublasSetWorkspace_v2(handle, reinterpret_cast<void*>(space), 257)), CUBLAS_STATUS_INVALID_VALUE);
    OK(product());
    EXPECT(device.download<unsigned char>(space, 1)[0], 0xa5);
    OK(cuMemsetD8Async(space, 0, 256, device.stream));
    OK(cublasSetStream_v2(handle, device.stream));
    OK(product());
    EXPECT(device.download<unsigned char>(space, 1)[0], 0);
    int version = 0;
    OK(cublasGetVersion_v2(handle, &version));
    EXPECT(version, 130000);
    EXPECT_TRUE(strcmp(cublasGetStatusName(CUBLAS_STATUS_NOT_SUPPORTED), "CUBLAS_STATUS_NOT_SUPPORTED") == 0);
    EXPECT_TRUE(cublasGetStatusString(cublasStatus_t(99)) != nullptr);
    OK(cublasDestroy_v2(handle));
    EXPECT(int(cublasDestroy_v2(handle)), CUBLAS_STATUS_NOT_INITIALIZED);
    EXPECT(product(), CUBLAS_STATUS_NOT_INITIALIZED);
}
