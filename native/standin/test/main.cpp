// SPDX-License-Identifier: Apache-2.0
//
//   tests PTX_FOLDER [PART_OF_A_NAME]
//
// Runs the tests whose names contain the part; complaints go to stderr only with DARIEN_STANDIN_MESSAGES=1.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fstream>
#include <sstream>

#include "harness.h"

namespace test {

namespace {
const char* folder = "";
const char* running = "";
int failures = 0;
}  // namespace

std::vector<Test>& tests() {
    static std::vector<Test> all;
    return all;
}

void failed(const char* file, int line, const std::string& what) {
    failures++;
    const char* const name = strrchr(file, '/');
    fprintf(stderr, "%s (%s:%d): %s\n", running, name == nullptr ? file : name + 1, line, what.c_str());
}

void expect_message(const char* file, int line, const char* part) {
    const std::string message = darien_standin_message();
    if (message.find(part) == std::string::npos) {
        failed(file, line, "\"" + message + "\" doesn't contain \"" + part + "\"");
    }
}

std::string ptx(const std::string& name) {
    std::ifstream file(std::string(folder) + "/" + name + ".ptx");
    std::ostringstream text;
    text << file.rdbuf();
    if (text.str().empty()) {
        fprintf(stderr, "no %s.ptx in %s\n", name.c_str(), folder);
        exit(2);
    }
    return text.str();
}

Device::Device() {
    OK(cuInit(0));
    OK(cuDevicePrimaryCtxRetain(&context, 0));
    OK(cuCtxSetCurrent(context));
    OK(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
}

Device::~Device() {
    const CUresult expected = cuStreamSynchronize(stream);
    EXPECT(expected != CUDA_SUCCESS, broken);
    for (const CUdeviceptr pointer : allocated) {
        EXPECT(int(cuMemFree_v2(pointer)), expected);
    }
    for (const CUmodule module : modules) {
        EXPECT(int(cuModuleUnload(module)), expected);
    }
    EXPECT(int(cuStreamDestroy_v2(stream)), expected);
    EXPECT(darien_standin_get("live_objects"), 0);
    EXPECT(darien_standin_get("live_bytes"), 0);
    EXPECT(darien_standin_get("live_pinned_bytes"), 0);
    OK(cuDevicePrimaryCtxRelease_v2(0));
    EXPECT(darien_standin_get("leaks"), 0);
}

CUfunction Device::kernel(const char* file, const char* name) {
    size_t at = 0;
    while (at < module_names.size() && module_names[at] != file) {
        at++;
    }
    if (at == modules.size()) {
        modules.push_back(nullptr);
        module_names.push_back(file);
        OK(cuModuleLoadDataEx(&modules[at], ptx(file).c_str(), 0, nullptr, nullptr));
    }
    CUfunction function = nullptr;
    OK(cuModuleGetFunction(&function, modules[at], name));
    return function;
}

CUdeviceptr Device::allocate(size_t bytes) {
    CUdeviceptr pointer = 0;
    OK(cuMemAlloc_v2(&pointer, bytes));
    allocated.push_back(pointer);
    return pointer;
}

CUdeviceptr Device::upload(const void* from, size_t bytes) {
    const CUdeviceptr to = allocate(bytes);
    OK(cuMemcpyHtoDAsync_v2(to, from, bytes, stream));
    OK(cuStreamSynchronize(stream));
    return to;
}

void Device::download(void* to, CUdeviceptr from, size_t bytes) {
    OK(cuMemcpyDtoHAsync_v2(to, from, bytes, stream));
    OK(cuStreamSynchronize(stream));
}

}  // namespace test

int main(int count, char** arguments) {
    using namespace test;
    if (count < 2) {
        fprintf(stderr, "usage: tests PTX_FOLDER [PART_OF_A_NAME]\n");
        return 2;
    }
    folder = arguments[1];
    int run = 0;
    for (const Test& each : tests()) {
        if (count > 2 && strstr(each.name, arguments[2]) == nullptr) {
            continue;
        }
        running = each.name;
        darien_standin_reset();
        if (getenv("DARIEN_STANDIN_MESSAGES") == nullptr) {
            darien_standin_set("messages", 0);
        }
        each.run();
        run++;
    }
    printf("%d tests, %d failures\n", run, failures);
    return failures > 0 || run == 0 ? 1 : 0;
}
