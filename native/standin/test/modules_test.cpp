// SPDX-License-Identifier: Apache-2.0
//
// That PTX is read, refused where a driver refuses it, and held against the compiled kernels; and that launches are
// held to their limits.
#include <string.h>

#include "harness.h"

using namespace test;

namespace {

std::string replaced(std::string text, const std::string& from, const std::string& to) {
    const size_t at = text.find(from);
    EXPECT_TRUE(at != std::string::npos);
    return text.replace(at, from.size(), to);
}

int load(const std::string& text, CUmodule* module) {
    return int(cuModuleLoadDataEx(module, text.c_str(), 0, nullptr, nullptr));
}

// What cuModuleGetFunction says of a kernel in a changed PTX.
int get(const std::string& text, const char* name) {
    CUmodule module = nullptr;
    CUfunction function = nullptr;
    OK(load(text, &module));
    const int result = int(cuModuleGetFunction(&function, module, name));
    OK(cuModuleUnload(module));
    return result;
}

}  // namespace

TEST(kernels_are_found_by_name) {
    Device device;
    CUmodule module = nullptr;
    OK(load(ptx("sums"), &module));
    CUfunction function = nullptr, again = nullptr;
    OK(cuModuleGetFunction(&function, module, "row_sum"));
    OK(cuModuleGetFunction(&again, module, "row_sum"));
    EXPECT_TRUE(function == again);
    EXPECT(int(cuModuleGetFunction(&function, module, "row_su")), CUDA_ERROR_NOT_FOUND);
    EXPECT(int(cuModuleGetFunction(&function, module, "write_at")), CUDA_ERROR_NOT_FOUND);
    OK(cuModuleUnload(module));
    EXPECT(int(cuModuleGetFunction(&function, module, "row_sum")), CUDA_ERROR_INVALID_HANDLE);
    EXPECT(int(cuModuleUnload(module)), CUDA_ERROR_INVALID_HANDLE);
    EXPECT(int(launch(again, device.stream, 1, 32, 0, CUdeviceptr(0), CUdeviceptr(0), 0)), CUDA_ERROR_INVALID_HANDLE);
}

TEST(stale_ptx_is_found_out) {
    Device device;
    const std::string text = ptx("sums");
    OK(get(text, "axpy"));
    EXPECT(get(replaced(text, ".f32 axpy_param_0", ".f64 axpy_param_0"), "axpy"), CUDA_ERROR_INVALID_IMAGE);
    EXPECT_MESSAGE(
        "there axpy takes (float 8, integer 8, integer 8, integer 8), in the source (float 4, pointer 8, "
        "pointer 8, integer 8)");
    EXPECT(get(replaced(text, ".f32 axpy_param_0", ".u32 axpy_param_0"), "axpy"), CUDA_ERROR_INVALID_IMAGE);
    EXPECT(get(replaced(text, ".u64 axpy_param_3", ".u64 axpy_param_3,\n\t.param .u32 more"), "axpy"),
           CUDA_ERROR_INVALID_IMAGE);
    EXPECT(get(replaced(text, ".entry axpy(", ".entry axpz("), "axpz"), CUDA_ERROR_INVALID_IMAGE);
    EXPECT_MESSAGE("the stand-in has none");
    OK(get(replaced(text, ".u64 axpy_param_1", ".u64 .ptr .global .align 4 axpy_param_1"), "axpy"));
    EXPECT(get(replaced(ptx("features"), "arithmetic_param_2[16]", "arithmetic_param_2[24]"), "arithmetic"),
           CUDA_ERROR_INVALID_IMAGE);
}

TEST(what_is_no_ptx_is_refused) {
    Device device;
    CUmodule module = nullptr;
    const std::string text = ptx("sums");
    EXPECT(load("", &module), CUDA_ERROR_INVALID_PTX);
    EXPECT(load("hello", &module), CUDA_ERROR_INVALID_PTX);
    EXPECT(load("// .version 7.5\n", &module), CUDA_ERROR_INVALID_PTX);
    EXPECT(load(text.substr(0, text.rfind('}')), &module), CUDA_ERROR_INVALID_PTX);
    EXPECT(load(text.substr(0, text.rfind('}') - 20), &module), CUDA_ERROR_INVALID_PTX);
    EXPECT(load("\177ELF", &module), CUDA_ERROR_NO_BINARY_FOR_GPU);
    EXPECT(int(cuModuleLoadDataEx(&module, nullptr, 0, nullptr, nullptr)), CUDA_ERROR_INVALID_VALUE);
    darien_standin_set("compute_capability", 70);
    EXPECT(load(text, &module), CUDA_ERROR_INVALID_PTX);
    EXPECT_MESSAGE("PTX .target sm_75 is higher");
}

TEST(newer_ptx_than_the_driver_is_refused_with_a_log) {
    Device device;
    CUmodule module = nullptr;
    char log[200] = "unchanged";
    CUjit_option options[] = {CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES};
    void* values[] = {log, reinterpret_cast<void*>(sizeof log)};
    const std::string start = ".version 9.0\n.target sm_75\n.address_size 64\n";
    OK(cuModuleLoadDataEx(&module, start.c_str(), 2, options, values));
    EXPECT(reinterpret_cast<size_t>(values[1]), 0u);
    OK(cuModuleUnload(module));
    values[1] = reinterpret_cast<void*>(sizeof log);
    darien_standin_set("driver_version", 12040);
    EXPECT(int(cuModuleLoadDataEx(&module, start.c_str(), 2, options, values)), CUDA_ERROR_UNSUPPORTED_PTX_VERSION);
    EXPECT_TRUE(strstr(log, "PTX .version 9.0 is not supported: the newest that this driver takes is 8.4") != nullptr);
    EXPECT(reinterpret_cast<size_t>(values[1]), strlen(log) + 1);
    OK(load(replaced(start, "9.0", "8.4"), &module));
    OK(cuModuleUnload(module));
    char small[8];
    values[0] = small;
    values[1] = reinterpret_cast<void*>(sizeof small);
    EXPECT(int(cuModuleLoadDataEx(&module, start.c_str(), 2, options, values)), CUDA_ERROR_UNSUPPORTED_PTX_VERSION);
    EXPECT(strlen(small), 7u);
}

TEST(functions_tell_their_attributes) {
    Device device;
    int value = 0;
    const CUfunction row_sum = device.kernel("sums", "row_sum");
    OK(cuFuncGetAttribute(&value, CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK, row_sum));
    EXPECT(value, 256);
    OK(cuFuncGetAttribute(&value, CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES, row_sum));
    EXPECT(value, 32);
    OK(cuFuncGetAttribute(&value, CU_FUNC_ATTRIBUTE_PTX_VERSION, row_sum));
    EXPECT(value, 75);
    OK(cuFuncGetAttribute(&value, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, row_sum));
    EXPECT(value, 48 * 1024 - 32);
    EXPECT(int(cuFuncGetAttribute(&value, CUfunction_attribute(99), row_sum)), CUDA_ERROR_INVALID_VALUE);
    OK(cuOccupancyMaxActiveBlocksPerMultiprocessor(&value, row_sum, 256, 0));
    EXPECT(value, 8);
    OK(cuOccupancyMaxActiveBlocksPerMultiprocessor(&value, row_sum, 32, 40 * 1024));
    EXPECT(value, 5);
    OK(cuOccupancyMaxActiveBlocksPerMultiprocessor(&value, row_sum, 512, 0));
    EXPECT(value, 0);
}

TEST(launches_are_held_to_their_limits) {
    Device device;
    const CUfunction reverse = device.kernel("sums", "reverse_rows");
    const CUdeviceptr x = device.allocate(1 << 20);
    const auto try_launch = [&](Size blocks, Size threads, unsigned shared) {
        return int(launch(reverse, device.stream, blocks, threads, shared, x, 1));
    };
    OK(try_launch(1, 1024, 48 * 1024));
    EXPECT(try_launch(1, 1025, 4), CUDA_ERROR_INVALID_VALUE);
    EXPECT(try_launch(1, Size(32, 33), 4), CUDA_ERROR_INVALID_VALUE);
    EXPECT(try_launch(1, Size(1, 1, 65), 4), CUDA_ERROR_INVALID_VALUE);
    EXPECT(try_launch(0, 32, 4), CUDA_ERROR_INVALID_VALUE);
    EXPECT(try_launch(1, 0, 4), CUDA_ERROR_INVALID_VALUE);
    EXPECT(try_launch(Size(1, 65536), 32, 4), CUDA_ERROR_INVALID_VALUE);
    EXPECT(try_launch(1, 32, 48 * 1024 + 1), CUDA_ERROR_INVALID_VALUE);
    EXPECT_MESSAGE("cuFuncSetAttribute raises that to 232448");
    OK(cuFuncSetAttribute(reverse, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 227 * 1024));
    OK(try_launch(1, 32, 227 * 1024));
    EXPECT(int(cuFuncSetAttribute(reverse, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 227 * 1024 + 1)),
           CUDA_ERROR_INVALID_VALUE);
    EXPECT(int(cuFuncSetAttribute(reverse, CU_FUNC_ATTRIBUTE_NUM_REGS, 3)), CUDA_ERROR_INVALID_VALUE);
    const CUfunction row_sum = device.kernel("sums", "row_sum");
    EXPECT(int(launch(row_sum, device.stream, 1, 512, 0, x, x, 0)), CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES);
    EXPECT(int(cuLaunchKernel(row_sum, 1, 1, 1, 32, 1, 1, 0, device.stream, nullptr, nullptr)),
           CUDA_ERROR_INVALID_VALUE);
    void* parameters[] = {nullptr, nullptr, nullptr};
    EXPECT(int(cuLaunchKernel(row_sum, 1, 1, 1, 32, 1, 1, 0, device.stream, parameters, nullptr)),
           CUDA_ERROR_INVALID_VALUE);
    EXPECT_MESSAGE("the arguments of row_sum can't be read");
    EXPECT(int(launch(row_sum, nullptr, 1, 32, 0, x, x, 0)), CUDA_ERROR_INVALID_HANDLE);
    EXPECT(int(launch(nullptr, device.stream, 1, 32, 0, x, x, 0)), CUDA_ERROR_INVALID_HANDLE);
}

TEST(a_module_must_outlive_its_queued_kernels) {
    darien_standin_set("deferred", 1);
    Device device;
    CUmodule module = nullptr;
    CUfunction function = nullptr;
    OK(load(ptx("sums"), &module));
    OK(cuModuleGetFunction(&function, module, "axpy"));
    OK(launch(function, device.stream, 1, 32, 0, 1.0f, CUdeviceptr(0), CUdeviceptr(0), 0ll));
    OK(cuModuleUnload(module));
    EXPECT(int(cuStreamSynchronize(device.stream)), CUDA_ERROR_ILLEGAL_ADDRESS);
    EXPECT_MESSAGE("was unloaded before its turn");
    device.broken = true;
}
