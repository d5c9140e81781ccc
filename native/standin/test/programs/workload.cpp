// SPDX-License-Identifier: Apache-2.0
//
//   workload PTX_FOLDER [MISTAKE]
//
// A small program in the manner of Darien's device: batches go through a pinned buffer to row_sum and back, over two
// streams and an event. Exit 0 when every call went well, the sums are right, and the stand-in has nothing to complain
// of. With a mistake it must not: test.sh sees to that, so that each check is known to be able to fail.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "../../cuda_api.h"

extern "C" long long darien_standin_get(const char* name);

namespace {

constexpr int ROWS = 4;
constexpr int COLUMNS = 1000;
constexpr int BATCHES = 3;
constexpr size_t BYTES = size_t(ROWS) * COLUMNS * sizeof(float);

std::string mistake;
int failures = 0;

bool is(const char* name) { return mistake == name; }

void check(const char* call, CUresult result) {
    if (result != CUDA_SUCCESS) {
        const char* name = nullptr;
        cuGetErrorName(result, &name);
        fprintf(stderr, "%s: %s\n", call, name == nullptr ? "?" : name);
        failures++;
    }
}
#define CHECK(call) check(#call, call)

float value(int batch, int at) { return float((batch + 1) * (at % 7)); }

void fill(float* host, int batch) {
    for (int at = 0; at < ROWS * COLUMNS; at++) {
        host[at] = value(batch, at);
    }
}

void compare(const float* sums, int batch) {
    for (int row = 0; row < ROWS; row++) {
        double expected = 0;
        for (int column = 0; column < COLUMNS; column++) {
            expected += value(batch, row * COLUMNS + column);
        }
        if (!(fabs(sums[row] - expected) < 1e-3)) {
            fprintf(stderr, "wrong sum: batch %d, row %d: %g, not %g\n", batch, row, double(sums[row]), expected);
            failures++;
        }
    }
}

}  // namespace

int main(int count, char** arguments) {
    mistake = count > 2 ? arguments[2] : "";
    std::ifstream file(std::string(count > 1 ? arguments[1] : ".") + "/sums.ptx");
    std::ostringstream text;
    text << file.rdbuf();
    CUcontext context = nullptr;
    CUstream copies = nullptr, kernels = nullptr;
    CUevent copied = nullptr;
    CUmodule module = nullptr;
    CUfunction row_sum = nullptr;
    CUdeviceptr x = 0, y = 0;
    void* pinned = nullptr;
    float sums[ROWS] = {};
    int columns = COLUMNS;

    CHECK(cuInit(0));
    CHECK(cuDevicePrimaryCtxRetain(&context, 0));
    CHECK(cuCtxSetCurrent(context));
    CHECK(cuStreamCreate(&copies, CU_STREAM_NON_BLOCKING));
    CHECK(cuStreamCreate(&kernels, CU_STREAM_NON_BLOCKING));
    CHECK(cuEventCreate(&copied, CU_EVENT_DISABLE_TIMING));
    CHECK(cuModuleLoadDataEx(&module, text.str().c_str(), 0, nullptr, nullptr));
    CHECK(cuModuleGetFunction(&row_sum, module, "row_sum"));
    CHECK(cuMemAlloc_v2(&x, BYTES));
    CHECK(cuMemAlloc_v2(&y, sizeof sums));
    CHECK(cuMemHostAlloc(&pinned, BYTES, CU_MEMHOSTALLOC_DEVICEMAP));
    float* const host = static_cast<float*>(pinned);

    for (int batch = 0; batch < BATCHES && failures == 0; batch++) {
        fill(host, batch);
        CHECK(cuMemcpyHtoDAsync_v2(x, host, is("copy-past-end") ? BYTES + 4 : BYTES, copies));
        CHECK(cuEventRecord(copied, copies));
        if (is("early-reuse")) {
            fill(host, batch + 1);
        }
        if (is("early-free") && batch == BATCHES - 1) {
            CHECK(cuMemFreeHost(pinned));
        }
        if (!is("missing-wait")) {
            CHECK(cuStreamWaitEvent(kernels, copied, 0));
        }
        if (is("use-after-free")) {
            CHECK(cuMemFree_v2(y));
        }
        void* parameters[] = {&x, &y, &columns};
        CHECK(cuLaunchKernel(row_sum, ROWS, 1, 1, 256, 1, 1, 0, kernels, parameters, nullptr));
        if (is("wrong-thread")) {
            std::thread([&] { CHECK(cuMemcpyDtoHAsync_v2(sums, y, sizeof sums, kernels)); }).join();
        } else {
            CHECK(cuMemcpyDtoHAsync_v2(sums, y, sizeof sums, kernels));
        }
        if (!is("missing-synchronise")) {
            CHECK(cuStreamSynchronize(kernels));
        }
        compare(sums, batch);
    }

    if (!is("early-free")) {
        CHECK(cuMemFreeHost(pinned));
    }
    CHECK(cuMemFree_v2(x));
    if (is("double-free")) {
        CHECK(cuMemFree_v2(x));
    }
    if (!is("leak")) {
        CHECK(cuMemFree_v2(y));
    }
    CHECK(cuModuleUnload(module));
    CHECK(cuEventDestroy_v2(copied));
    CHECK(cuStreamDestroy_v2(copies));
    CHECK(cuStreamDestroy_v2(kernels));
    CHECK(cuDevicePrimaryCtxRelease_v2(0));
    if (is("stale-context")) {
        CHECK(cuCtxSynchronize());
    }
    if (darien_standin_get("complaints") != 0 || darien_standin_get("leaks") != 0) {
        failures++;
    }
    return failures == 0 ? 0 : 1;
}
