// SPDX-License-Identifier: Apache-2.0
//
//   timing PTX_FOLDER
//
// Prints how long some things take here; nothing is asserted. Medians of 21 runs.
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <sstream>
#include <vector>

#include "../../cublas_api.h"
#include "../../cuda_api.h"

namespace {

double now() {
    timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return double(time.tv_sec) * 1e3 + double(time.tv_nsec) / 1e6;
}

void print(const char* what, const std::function<void()>& action) {
    std::vector<double> times;
    for (int run = 0; run < 21; run++) {
        const double start = now();
        action();
        times.push_back(now() - start);
    }
    std::nth_element(times.begin(), times.begin() + 10, times.end());
    printf("%8.3f ms  %s\n", times[10], what);
}

}  // namespace

int main(int count, char** arguments) {
    std::ifstream file(std::string(count > 1 ? arguments[1] : ".") + "/sums.ptx");
    std::ostringstream text;
    text << file.rdbuf();
    CUcontext context;
    CUstream stream;
    CUmodule module;
    if (cuInit(0) != 0 || cuDevicePrimaryCtxRetain(&context, 0) != 0 || cuCtxSetCurrent(context) != 0 ||
        cuStreamCreate(&stream, 1) != 0 || cuModuleLoadDataEx(&module, text.str().c_str(), 0, nullptr, nullptr) != 0) {
        return 1;
    }
    CUdeviceptr a, b, c;
    cuMemAlloc_v2(&a, 64 << 20);
    cuMemAlloc_v2(&b, 64 << 20);
    cuMemAlloc_v2(&c, 64 << 20);
    cuMemsetD32Async(a, 0x3f800000, 16 << 20, stream);
    cuMemsetD32Async(b, 0x3f800000, 16 << 20, stream);
    const auto launch = [&](const char* name, unsigned blocks, unsigned threads, std::vector<void*> parameters) {
        CUfunction function;
        cuModuleGetFunction(&function, module, name);
        cuLaunchKernel(function, blocks, 1, 1, threads, 1, 1, 0, stream, parameters.data(), nullptr);
        cuStreamSynchronize(stream);
    };
    float two = 2;
    long long million = 1 << 20, few = 1;
    int columns = 4096;
    print("64 blocks x 256 threads x (10 shuffles + 1 barrier)", [&] { launch("exchange_much", 64, 256, {&c}); });
    print("row_sum, 256 rows of 4096", [&] { launch("row_sum", 256, 256, {&a, &c, &columns}); });
    print("axpy of 1 Mi floats, a thread for each", [&] { launch("axpy", 4096, 256, {&two, &a, &b, &million}); });
    print("axpy of 1 float, 1 block", [&] { launch("axpy", 1, 32, {&two, &a, &b, &few}); });
    cublasHandle_t blas;
    cublasCreate_v2(&blas);
    cublasSetStream_v2(blas, stream);
    float one = 1, zero = 0;
    const float* const x = reinterpret_cast<const float*>(a);
    const float* const y = reinterpret_cast<const float*>(b);
    float* const z = reinterpret_cast<float*>(c);
    print("sgemm 1024 x 1024 x 128", [&] {
        cublasSgemm_v2(blas, CUBLAS_OP_N, CUBLAS_OP_N, 1024, 1024, 128, &one, x, 1024, y, 128, &zero, z, 1024);
    });
    print("sgemm 1024 x 1024 x 128, A transposed", [&] {
        cublasSgemm_v2(blas, CUBLAS_OP_T, CUBLAS_OP_N, 1024, 1024, 128, &one, x, 128, y, 128, &zero, z, 1024);
    });
    print("sgemm 1024 x 1024 x 1024", [&] {
        cublasSgemm_v2(blas, CUBLAS_OP_T, CUBLAS_OP_N, 1024, 1024, 1024, &one, x, 1024, y, 1024, &zero, z, 1024);
    });
    print("cuMemAlloc and cuMemFree of 1 MiB", [&] {
        CUdeviceptr pointer;
        cuMemAlloc_v2(&pointer, 1 << 20);
        cuMemFree_v2(pointer);
    });
    return 0;
}
