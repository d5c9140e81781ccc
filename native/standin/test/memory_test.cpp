// SPDX-License-Identifier: Apache-2.0
//
// That memory is handed out, checked and taken back as the driver does it.
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <thread>

#include "harness.h"

using namespace test;

TEST(nothing_works_without_a_context) {
    CUdeviceptr pointer = 0;
    Device device;
    int result = 0;
    std::thread([&] { result = int(cuMemAlloc_v2(&pointer, 16)); }).join();
    EXPECT(result, CUDA_ERROR_INVALID_CONTEXT);
    EXPECT_MESSAGE("cuMemAlloc_v2: no context is current on this thread");
    std::thread([&] {
        OK(cuCtxSetCurrent(device.context));
        CUcontext current = nullptr;
        OK(cuCtxGetCurrent(&current));
        EXPECT_TRUE(current == device.context);
        OK(cuMemAlloc_v2(&pointer, 16));
        OK(cuMemFree_v2(pointer));
        OK(cuCtxSetCurrent(nullptr));
        EXPECT(int(cuMemAlloc_v2(&pointer, 16)), CUDA_ERROR_INVALID_CONTEXT);
    }).join();
}

TEST(a_context_lives_as_long_as_it_is_retained) {
    OK(cuInit(0));
    CUcontext first = nullptr;
    CUcontext second = nullptr;
    OK(cuDevicePrimaryCtxRetain(&first, 0));
    OK(cuDevicePrimaryCtxRetain(&second, 0));
    EXPECT_TRUE(first == second);
    OK(cuCtxSetCurrent(first));
    OK(cuDevicePrimaryCtxRelease_v2(0));
    OK(cuCtxSynchronize());
    OK(cuDevicePrimaryCtxRelease_v2(0));
    EXPECT(int(cuCtxSynchronize()), CUDA_ERROR_CONTEXT_IS_DESTROYED);
    EXPECT(int(cuDevicePrimaryCtxRelease_v2(0)), CUDA_ERROR_INVALID_CONTEXT);
    EXPECT(int(cuCtxSetCurrent(first)), CUDA_ERROR_INVALID_CONTEXT);
    EXPECT(int(cuDevicePrimaryCtxRetain(&first, 1)), CUDA_ERROR_INVALID_DEVICE);
}

TEST(leaks_are_told_at_the_last_release) {
    OK(cuInit(0));
    CUcontext context = nullptr;
    CUstream stream = nullptr;
    CUevent event = nullptr;
    CUmodule module = nullptr;
    CUdeviceptr pointer = 0;
    void* pinned = nullptr;
    OK(cuDevicePrimaryCtxRetain(&context, 0));
    OK(cuCtxSetCurrent(context));
    OK(cuStreamCreate(&stream, 0));
    OK(cuEventCreate(&event, 0));
    OK(cuModuleLoadDataEx(&module, ptx("sums").c_str(), 0, nullptr, nullptr));
    OK(cuMemAlloc_v2(&pointer, 123));
    OK(cuMemHostAlloc(&pinned, 77, 0));
    void* const page = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    OK(cuMemHostRegister_v2(page, 4096, 0));
    EXPECT(darien_standin_get("live_objects"), 6);
    EXPECT(darien_standin_get("live_bytes"), 123);
    EXPECT(darien_standin_get("live_pinned_bytes"), 77 + 4096);
    OK(cuDevicePrimaryCtxRelease_v2(0));
    EXPECT(darien_standin_get("leaks"), 6);
    EXPECT(darien_standin_get("complaints"), 6);
    EXPECT(darien_standin_get("live_objects"), 0);
    munmap(page, 4096);
}

TEST(freeing_twice_or_elsewhere_is_refused) {
    Device device;
    CUdeviceptr pointer = 0;
    OK(cuMemAlloc_v2(&pointer, 1000));
    EXPECT(int(cuMemFree_v2(pointer + 256)), CUDA_ERROR_INVALID_VALUE);
    OK(cuMemFree_v2(pointer));
    EXPECT(int(cuMemFree_v2(pointer)), CUDA_ERROR_INVALID_VALUE);
    EXPECT_MESSAGE("which was freed");
    EXPECT(int(cuMemFree_v2(0)), CUDA_ERROR_INVALID_VALUE);
    int local = 0;
    EXPECT(int(cuMemFreeHost(&local)), CUDA_ERROR_INVALID_VALUE);
    void* pinned = nullptr;
    OK(cuMemHostAlloc(&pinned, 10, 0));
    EXPECT(int(cuMemFree_v2(reinterpret_cast<CUdeviceptr>(pinned))), CUDA_ERROR_INVALID_VALUE);
    EXPECT(int(cuMemHostUnregister(pinned)), CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED);
    OK(cuMemFreeHost(pinned));
    EXPECT(static_cast<unsigned char*>(pinned)[0], 0xff);
    EXPECT(int(cuMemFreeHost(pinned)), CUDA_ERROR_INVALID_VALUE);
}

TEST(memory_runs_out) {
    Device device;
    darien_standin_set("device_memory", 1000);
    size_t free = 0, total = 0;
    const CUdeviceptr some = device.allocate(600);
    OK(cuMemGetInfo_v2(&free, &total));
    EXPECT(free, 400u);
    EXPECT(total, 1000u);
    CUdeviceptr more = 7;
    EXPECT(int(cuMemAlloc_v2(&more, 401)), CUDA_ERROR_OUT_OF_MEMORY);
    EXPECT(more, 7u);
    EXPECT(int(cuMemAlloc_v2(&more, size_t(1) << 50)), CUDA_ERROR_OUT_OF_MEMORY);
    EXPECT(int(cuMemAlloc_v2(&more, 0)), CUDA_ERROR_INVALID_VALUE);
    EXPECT(int(cuMemAlloc_v2(nullptr, 1)), CUDA_ERROR_INVALID_VALUE);
    OK(cuMemAlloc_v2(&more, 400));
    OK(cuMemFree_v2(more));
    EXPECT(some % 256, 0u);
    EXPECT(darien_standin_get("peak_bytes"), 1000);
}

TEST(copies_are_held_to_their_memory) {
    Device device;
    const CUdeviceptr a = device.allocate(1000);
    const CUdeviceptr b = device.allocate(1000);
    std::vector<char> host(2000, 'x');
    const auto from_host = [&](CUdeviceptr to, const void* from, size_t bytes) {
        return int(cuMemcpyHtoDAsync_v2(to, from, bytes, device.stream));
    };
    OK(from_host(a + 990, host.data(), 10));
    OK(from_host(a + 1000, host.data(), 0));
    EXPECT(from_host(a + 990, host.data(), 11), CUDA_ERROR_INVALID_VALUE);
    EXPECT_MESSAGE("cuMemcpyHtoDAsync_v2: the target: 11 bytes from");
    EXPECT(from_host(a, nullptr, 10), CUDA_ERROR_INVALID_VALUE);
    EXPECT(from_host(a, reinterpret_cast<void*>(b), 10), CUDA_ERROR_INVALID_VALUE);
    EXPECT_MESSAGE("the source must be host memory");
    EXPECT(from_host(a, reinterpret_cast<void*>(0x1000), 10), CUDA_ERROR_INVALID_VALUE);
    EXPECT_MESSAGE("can't be read");
    EXPECT(from_host(reinterpret_cast<CUdeviceptr>(host.data()), host.data(), 10), CUDA_ERROR_INVALID_VALUE);
    EXPECT(int(cuMemcpyDtoHAsync_v2(host.data(), a, 1001, device.stream)), CUDA_ERROR_INVALID_VALUE);
    OK(cuMemcpyDtoHAsync_v2(host.data(), a, 1000, device.stream));
    OK(cuMemcpyDtoDAsync_v2(b, a, 1000, device.stream));
    EXPECT(int(cuMemcpyDtoDAsync_v2(a + 10, a, 100, device.stream)), CUDA_ERROR_INVALID_VALUE);
    EXPECT(int(cuMemcpyDtoDAsync_v2(b, a, 100, nullptr)), CUDA_ERROR_INVALID_HANDLE);
    EXPECT_MESSAGE("the default stream isn't supported here");
    void* pinned = nullptr;
    OK(cuMemHostAlloc(&pinned, 100, 0));
    OK(from_host(a, pinned, 100));
    EXPECT(from_host(a, pinned, 101), CUDA_ERROR_INVALID_VALUE);
    OK(cuMemFreeHost(pinned));
    EXPECT(from_host(a, pinned, 10), CUDA_ERROR_INVALID_VALUE);
    EXPECT_MESSAGE("which was freed");
    EXPECT(darien_standin_get("host_to_device_bytes"), 110);
    EXPECT(darien_standin_get("device_to_host_bytes"), 1000);
}

TEST(memory_is_filled) {
    Device device;
    const CUdeviceptr a = device.allocate(1000);
    OK(cuMemsetD32Async(a, 0x01020304, 250, device.stream));
    OK(cuMemsetD8Async(a + 3, 9, 2, device.stream));
    const std::vector<unsigned char> bytes = device.download<unsigned char>(a, 1000);
    const unsigned char expected[] = {4, 3, 2, 9, 9, 3, 2, 1};
    for (int at = 0; at < 8; at++) {
        EXPECT(int(bytes[at]), int(expected[at]));
    }
    EXPECT(int(cuMemsetD32Async(a + 2, 0, 1, device.stream)), CUDA_ERROR_INVALID_VALUE);
    EXPECT(int(cuMemsetD32Async(a, 0, 251, device.stream)), CUDA_ERROR_INVALID_VALUE);
    EXPECT(int(cuMemsetD8Async(a, 0, 1001, device.stream)), CUDA_ERROR_INVALID_VALUE);
    EXPECT(int(cuMemsetD32Async(a, 0, size_t(1) << 62, device.stream)), CUDA_ERROR_INVALID_VALUE);
    OK(cuMemsetD32Async(a, 0, 0, device.stream));
}

TEST(rows_are_copied) {
    Device device;
    const int rows = 5, columns = 7, stride = 9;
    std::vector<int> host(rows * stride);
    for (int at = 0; at < rows * stride; at++) {
        host[at] = at;
    }
    const CUdeviceptr to = device.allocate(rows * columns * 4);
    CUDA_MEMCPY2D copy = {};
    copy.srcMemoryType = CU_MEMORYTYPE_HOST;
    copy.srcHost = host.data();
    copy.srcPitch = stride * 4;
    copy.srcXInBytes = 4;
    copy.srcY = 1;
    copy.dstMemoryType = CU_MEMORYTYPE_DEVICE;
    copy.dstDevice = to;
    copy.dstPitch = columns * 4;
    copy.WidthInBytes = columns * 4;
    copy.Height = rows - 1;
    OK(cuMemcpy2DAsync_v2(&copy, device.stream));
    const std::vector<int> got = device.download<int>(to, (rows - 1) * columns);
    for (int at = 0; at < (rows - 1) * columns; at++) {
        EXPECT(got[at], host[(at / columns + 1) * stride + at % columns + 1]);
    }
    copy.Height = rows + 1;
    EXPECT(int(cuMemcpy2DAsync_v2(&copy, device.stream)), CUDA_ERROR_INVALID_VALUE);
    copy.Height = 1;
    copy.srcPitch = columns * 4;
    EXPECT(int(cuMemcpy2DAsync_v2(&copy, device.stream)), CUDA_ERROR_INVALID_VALUE);
    EXPECT_MESSAGE("a pitch of 28 for rows of 28 bytes from byte 4");
    copy.srcMemoryType = CU_MEMORYTYPE_ARRAY;
    EXPECT(int(cuMemcpy2DAsync_v2(&copy, device.stream)), CUDA_ERROR_INVALID_VALUE);
}

TEST(host_memory_is_registered) {
    Device device;
    char* const pages =
        static_cast<char*>(mmap(nullptr, 5 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    munmap(pages + 4 * 4096, 4096);
    const unsigned mapped = CU_MEMHOSTREGISTER_DEVICEMAP;
    OK(cuMemHostRegister_v2(pages, 4096, mapped));
    EXPECT(int(cuMemHostRegister_v2(pages, 4096, mapped)), CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED);
    EXPECT(int(cuMemHostRegister_v2(pages + 4095, 10, mapped)), CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED);
    OK(cuMemHostRegister_v2(pages + 4096, 100, 0));
    EXPECT(int(cuMemHostRegister_v2(pages + 4096 + 200, 100, 0)), CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED);
    EXPECT(int(cuMemHostRegister_v2(pages + 3 * 4096, 8192, 0)), CUDA_ERROR_INVALID_VALUE);
    EXPECT(int(cuMemHostRegister_v2(nullptr, 8192, 0)), CUDA_ERROR_INVALID_VALUE);
    EXPECT(int(cuMemHostRegister_v2(pages + 3 * 4096, 0, 0)), CUDA_ERROR_INVALID_VALUE);
    mprotect(pages + 2 * 4096, 4096, PROT_READ);
    EXPECT(int(cuMemHostRegister_v2(pages + 2 * 4096, 4096, mapped)), CUDA_ERROR_INVALID_VALUE);
    EXPECT_MESSAGE("READ_ONLY wasn't asked for");
    OK(cuMemHostRegister_v2(pages + 2 * 4096, 4096, CU_MEMHOSTREGISTER_READ_ONLY));
    CUdeviceptr pointer = 0;
    OK(cuMemHostGetDevicePointer_v2(&pointer, pages + 100, 0));
    EXPECT_TRUE(pointer == reinterpret_cast<CUdeviceptr>(pages + 100));
    EXPECT(int(cuMemHostGetDevicePointer_v2(&pointer, pages + 4096, 0)), CUDA_ERROR_INVALID_VALUE);
    const CUdeviceptr to = device.allocate(4096);
    OK(cuMemcpyHtoDAsync_v2(to, pages, 4096, device.stream));
    EXPECT(int(cuMemcpyHtoDAsync_v2(to, pages + 4096, 101, device.stream)), CUDA_ERROR_INVALID_VALUE);
    EXPECT(int(cuMemHostUnregister(pages + 100)), CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED);
    OK(cuMemHostUnregister(pages));
    OK(cuMemHostUnregister(pages + 4096));
    OK(cuMemHostUnregister(pages + 2 * 4096));
    EXPECT(int(cuMemHostUnregister(pages)), CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED);
    darien_standin_set("read_only_registration", 0);
    EXPECT(int(cuMemHostRegister_v2(pages, 4096, CU_MEMHOSTREGISTER_READ_ONLY)), CUDA_ERROR_NOT_SUPPORTED);
    munmap(pages, 4 * 4096);
}

TEST(objects_of_another_context_are_refused) {
    darien_standin_set("device_count", 2);
    Device device;
    CUcontext other = nullptr;
    const CUdeviceptr pointer = device.allocate(16);
    OK(cuDevicePrimaryCtxRetain(&other, 1));
    OK(cuCtxSetCurrent(other));
    EXPECT(int(cuStreamSynchronize(device.stream)), CUDA_ERROR_INVALID_HANDLE);
    EXPECT_MESSAGE("belongs to another context");
    EXPECT(int(cuMemFree_v2(pointer)), CUDA_ERROR_INVALID_VALUE);
    OK(cuCtxSetCurrent(device.context));
    OK(cuDevicePrimaryCtxRelease_v2(1));
}
