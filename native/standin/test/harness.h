// SPDX-License-Identifier: Apache-2.0
//
// A few lines of test framework: a test is a function, a failure is a line, and all tests run in one process.
#pragma once

#include <stdint.h>

#include <string>
#include <vector>

#include "../cublas_api.h"
#include "../cuda_api.h"

extern "C" {
int darien_standin_set(const char* name, long long value);
long long darien_standin_get(const char* name);
void darien_standin_reset(void);
const char* darien_standin_message(void);
}

namespace test {

struct Test {
    const char* name;
    void (*run)();
};
std::vector<Test>& tests();

struct Registration {
    Registration(const char* name, void (*run)()) { tests().push_back({name, run}); }
};

void failed(const char* file, int line, const std::string& what);

template <typename A, typename B>
void expect_equal(const char* file, int line, const char* text, const A& actual, const B& expected) {
    if (!(actual == A(expected))) {
        failed(file, line, std::string(text) + " is " + std::to_string(actual) + ", not " + std::to_string(A(expected)));
    }
}

void expect_message(const char* file, int line, const char* part);

#define TEST(name)                                                  \
    static void name();                                             \
    static const test::Registration registration_of_##name(#name, name); \
    static void name()

#define EXPECT(actual, expected) test::expect_equal(__FILE__, __LINE__, #actual, (actual), (expected))
#define EXPECT_TRUE(condition) \
    if (!(condition)) test::failed(__FILE__, __LINE__, #condition " is false")
#define OK(call) EXPECT(int(call), 0)
// The newest complaint contains this.
#define EXPECT_MESSAGE(part) test::expect_message(__FILE__, __LINE__, part)

// The text of a PTX file of the test kernels: "sums", "features", "faulty".
std::string ptx(const std::string& name);

// The primary context of device 0 on this thread, one stream, and the test kernels. In its destructor everything must
// be gone: that no test leaves something is a test too.
class Device {
public:
    Device();
    ~Device();

    CUfunction kernel(const char* file, const char* name);
    CUdeviceptr upload(const void* from, size_t bytes);
    template <typename T>
    CUdeviceptr upload(const std::vector<T>& from) {
        return upload(from.data(), from.size() * sizeof(T));
    }
    template <typename T>
    std::vector<T> download(CUdeviceptr from, size_t count) {
        std::vector<T> to(count);
        download(to.data(), from, count * sizeof(T));
        return to;
    }
    void download(void* to, CUdeviceptr from, size_t bytes);
    // Freed in the destructor.
    CUdeviceptr allocate(size_t bytes);

    CUcontext context = nullptr;
    CUstream stream = nullptr;
    bool broken = false;  // a sticky error is expected, so that what is freed in the end answers with it

private:
    std::vector<CUdeviceptr> allocated;
    std::vector<CUmodule> modules;
    std::vector<std::string> module_names;
};

struct Size {
    unsigned x, y, z;
    Size(unsigned x, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};

template <typename... A>
CUresult launch(CUfunction function, CUstream stream, Size blocks, Size threads, unsigned shared, A... arguments) {
    void* parameters[] = {&arguments..., nullptr};
    return cuLaunchKernel(function, blocks.x, blocks.y, blocks.z, threads.x, threads.y, threads.z, shared, stream,
                          parameters, nullptr);
}

}  // namespace test
