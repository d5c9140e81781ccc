// SPDX-License-Identifier: Apache-2.0
//
// That faults strike when they are told to, that counters count, and what NVRTC's stand-in makes of a source.
#include <string.h>

#include "harness.h"

using namespace test;

typedef struct _nvrtcProgram* nvrtcProgram;
extern "C" {
int nvrtcVersion(int* major, int* minor);
int nvrtcCreateProgram(nvrtcProgram* program, const char* source, const char* name, int count,
                       const char* const* headers, const char* const* names);
int nvrtcDestroyProgram(nvrtcProgram* program);
int nvrtcCompileProgram(nvrtcProgram program, int count, const char* const* options);
int nvrtcGetPTXSize(nvrtcProgram program, size_t* bytes);
int nvrtcGetPTX(nvrtcProgram program, char* text);
int nvrtcGetProgramLogSize(nvrtcProgram program, size_t* bytes);
int nvrtcGetProgramLog(nvrtcProgram program, char* text);
const char* nvrtcGetErrorString(int result);
}

TEST(the_nth_allocation_fails) {
    Device device;
    darien_standin_set("fail_device_allocation", 2);
    darien_standin_set("fail_pinned_allocation", 1);
    darien_standin_set("fail_registration", 1);
    CUdeviceptr pointer = 0;
    void* pinned = nullptr;
    device.allocate(8);
    EXPECT(int(cuMemAlloc_v2(&pointer, 8)), CUDA_ERROR_OUT_OF_MEMORY);
    device.allocate(8);
    EXPECT(int(cuMemHostAlloc(&pinned, 8, 0)), CUDA_ERROR_OUT_OF_MEMORY);
    OK(cuMemHostAlloc(&pinned, 8, 0));
    OK(cuMemFreeHost(pinned));
    static char page[8192];
    EXPECT(int(cuMemHostRegister_v2(page, 8192, 0)), CUDA_ERROR_OUT_OF_MEMORY);
    OK(cuMemHostRegister_v2(page, 8192, 0));
    OK(cuMemHostUnregister(page));
    EXPECT(darien_standin_get("allocations"), 3);
    EXPECT(darien_standin_get("pinned_allocations"), 2);
}

TEST(the_nth_launch_fails) {
    Device device;
    const CUfunction axpy = device.kernel("sums", "axpy");
    const auto launch_one = [&] {
        return int(launch(axpy, device.stream, 1, 32, 0, 1.0f, CUdeviceptr(0), CUdeviceptr(0), 0ll));
    };
    darien_standin_set("fail_launch", 2);
    darien_standin_set("fail_launch_error", 701);
    OK(launch_one());
    EXPECT(launch_one(), 701);
    OK(launch_one());
    EXPECT(darien_standin_get("launches"), 3);
    EXPECT(darien_standin_get("launches.axpy"), 3);
    EXPECT(darien_standin_get("launches.row_sum"), 0);
    darien_standin_set("fail_launch", 1);
    darien_standin_set("fail_launch_error", 719);
    EXPECT(launch_one(), 719);
    EXPECT(launch_one(), 719);
    device.broken = true;
}

TEST(an_error_sticks) {
    Device device;
    darien_standin_set("sticky_after", 3);
    OK(cuCtxSynchronize());
    OK(cuCtxSynchronize());
    EXPECT(int(cuCtxSynchronize()), CUDA_ERROR_ILLEGAL_ADDRESS);
    EXPECT(int(cuStreamQuery(device.stream)), CUDA_ERROR_ILLEGAL_ADDRESS);
    cublasHandle_t handle = nullptr;
    EXPECT(int(cublasCreate_v2(&handle)), CUBLAS_STATUS_EXECUTION_FAILED);
    darien_standin_reset();
    OK(cuCtxSynchronize());
    darien_standin_set("sticky_after", 1);
    darien_standin_set("sticky_error", 214);
    EXPECT(int(cuCtxSynchronize()), 214);
    device.broken = true;
}

TEST(there_may_be_no_device) {
    darien_standin_set("no_device", 1);
    EXPECT(int(cuInit(0)), CUDA_ERROR_NO_DEVICE);
    CUdevice found = 0;
    EXPECT(int(cuDeviceGet(&found, 0)), CUDA_ERROR_INVALID_DEVICE);
}

TEST(a_device_is_what_it_is_told_to_be) {
    darien_standin_set("device_count", 3);
    darien_standin_set("device_memory", 5000);
    darien_standin_set("compute_capability", 86);
    darien_standin_set("multiprocessors", 7);
    darien_standin_set("driver_version", 12020);
    int value = 0;
    char name[64];
    size_t bytes = 0;
    OK(cuInit(0));
    OK(cuDeviceGetCount(&value));
    EXPECT(value, 3);
    OK(cuDeviceGet(&value, 2));
    OK(cuDeviceGetName(name, sizeof name, 2));
    EXPECT_TRUE(strcmp(name, "Host stand-in (no GPU)") == 0);
    OK(cuDeviceGetName(name, 5, 2));
    EXPECT_TRUE(strcmp(name, "Host") == 0);
    OK(cuDeviceTotalMem_v2(&bytes, 0));
    EXPECT(bytes, 5000u);
    OK(cuDeviceGetAttribute(&value, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, 0));
    EXPECT(value, 8);
    OK(cuDeviceGetAttribute(&value, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, 0));
    EXPECT(value, 6);
    OK(cuDeviceGetAttribute(&value, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, 0));
    EXPECT(value, 7);
    EXPECT(int(cuDeviceGetAttribute(&value, CUdevice_attribute(0), 0)), CUDA_ERROR_INVALID_VALUE);
    OK(cuDriverGetVersion(&value));
    EXPECT(value, 12020);
}

TEST(settings_and_counters_have_names) {
    EXPECT(darien_standin_set("no_such_thing", 1), -1);
    EXPECT(darien_standin_set("launches", 1), -1);
    EXPECT(darien_standin_set("guard", 0), -1);
    EXPECT(darien_standin_get("no_such_thing"), -1);
    OK(darien_standin_set("shuffle", 5));
    EXPECT(darien_standin_get("shuffle"), 5);
    darien_standin_reset();
    EXPECT(darien_standin_get("shuffle"), 0);
    EXPECT_TRUE(*darien_standin_message() == 0);
}

TEST(device_memory_can_be_hidden_from_the_host) {
    darien_standin_set("hide", 1);
    Device device;
    const CUdeviceptr a = device.upload(std::vector<float>(3, 1.0f));
    const CUdeviceptr b = device.upload(std::vector<float>(3, 2.0f));
    OK(launch(device.kernel("sums", "axpy"), device.stream, 1, 32, 0, 2.0f, a, b, 3ll));
    EXPECT(device.download<float>(b, 3)[2], 4.0f);
}

TEST(cublas_may_fail_to_start) {
    Device device;
    darien_standin_set("fail_cublas_create", 1);
    cublasHandle_t handle = nullptr;
    EXPECT(int(cublasCreate_v2(&handle)), CUBLAS_STATUS_NOT_INITIALIZED);
}

TEST(errors_have_names) {
    const char* text = nullptr;
    OK(cuGetErrorName(CUDA_ERROR_ILLEGAL_ADDRESS, &text));
    EXPECT_TRUE(strcmp(text, "CUDA_ERROR_ILLEGAL_ADDRESS") == 0);
    OK(cuGetErrorString(CUDA_ERROR_ILLEGAL_ADDRESS, &text));
    EXPECT_TRUE(strcmp(text, "an illegal memory access was encountered") == 0);
    EXPECT(int(cuGetErrorName(CUresult(12345), &text)), CUDA_ERROR_INVALID_VALUE);
    EXPECT_TRUE(text == nullptr);
}

namespace {

std::string compile(const char* source, std::vector<const char*> options, int expected, std::string& log) {
    const char* const header = "darien.cuh";
    const char* const empty = "";
    nvrtcProgram program = nullptr;
    OK(nvrtcCreateProgram(&program, source, "k.cu", 1, &empty, &header));
    EXPECT(nvrtcCompileProgram(program, int(options.size()), options.data()), expected);
    size_t bytes = 0;
    OK(nvrtcGetProgramLogSize(program, &bytes));
    std::vector<char> text(bytes);
    OK(nvrtcGetProgramLog(program, text.data()));
    log = text.data();
    std::string made;
    EXPECT(nvrtcGetPTXSize(program, &bytes) == 0, expected == 0);
    if (expected == 0) {
        text.resize(bytes);
        OK(nvrtcGetPTX(program, text.data()));
        made = text.data();
    }
    OK(nvrtcDestroyProgram(&program));
    EXPECT(nvrtcCompileProgram(program, 0, nullptr), 4);
    return made;
}

}  // namespace

TEST(nvrtc_compiles_the_kernels_that_a_source_names) {
    Device device;
    std::string log;
    const std::string made =
        compile("#include \"darien.cuh\"\nDARIEN_EXPORT(axpy)\nDARIEN_EXPORT(row_sum_2)\nvoid arithmetic() {}",
                {"--gpu-architecture=compute_80", "--std=c++17"}, 0, log);
    CUmodule module = nullptr;
    CUfunction function = nullptr;
    EXPECT_TRUE(made.find(".target sm_80") != std::string::npos);
    OK(cuModuleLoadDataEx(&module, made.c_str(), 0, nullptr, nullptr));
    OK(cuModuleGetFunction(&function, module, "axpy"));
    OK(launch(function, device.stream, 1, 32, 0, 1.0f, CUdeviceptr(0), CUdeviceptr(0), 0ll));
    OK(cuModuleGetFunction(&function, module, "arithmetic"));
    EXPECT(int(cuModuleGetFunction(&function, module, "row_sum")), CUDA_ERROR_NOT_FOUND);
    OK(cuModuleUnload(module));
    int major = 0, minor = -1;
    OK(nvrtcVersion(&major, &minor));
    EXPECT(major * 1000 + minor * 10, 13000);
}

TEST(nvrtc_refuses_what_a_preprocessor_refuses) {
    std::string log;
    compile(" \n", {}, 6, log);
    EXPECT_TRUE(log.find("the source is empty") != std::string::npos);
    compile("int a;\n#ifdef A\n#error no\n#endif\n  # error yes\n", {}, 6, log);
    EXPECT_TRUE(log.find("k.cu(5): catastrophic error: #error directive: yes") != std::string::npos);
    compile("#include \"other.h\"\n", {}, 6, log);
    EXPECT_TRUE(log.find("cannot open source file \"other.h\"") != std::string::npos);
    compile("#include \"other.h\"\n", {"-Isomewhere"}, 0, log);
    compile("int a;", {"wrong"}, 5, log);
    EXPECT_TRUE(strcmp(nvrtcGetErrorString(6), "NVRTC_ERROR_COMPILATION") == 0);
}
