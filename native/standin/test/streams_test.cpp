// SPDX-License-Identifier: Apache-2.0
//
// That work runs when it must and, in deferred mode, not earlier.
#include <string.h>
#include <sys/mman.h>

#include "harness.h"

using namespace test;

TEST(deferred_work_waits_for_somebody_who_waits) {
    darien_standin_set("deferred", 1);
    Device device;
    const CUdeviceptr a = device.allocate(4);
    int from = 1, to = 0;
    OK(cuMemcpyHtoDAsync_v2(a, &from, 4, device.stream));
    from = 2;  // too early: what the copy reads is this
    OK(cuMemcpyDtoHAsync_v2(&to, a, 4, device.stream));
    EXPECT(to, 0);
    OK(cuStreamSynchronize(device.stream));
    EXPECT(to, 2);
    EXPECT(darien_standin_get("synchronisations"), 1);
}

TEST(immediate_work_has_run_on_return) {
    Device device;
    const CUdeviceptr a = device.allocate(4);
    int from = 1, to = 0;
    OK(cuMemcpyHtoDAsync_v2(a, &from, 4, device.stream));
    from = 2;
    OK(cuMemcpyDtoHAsync_v2(&to, a, 4, device.stream));
    EXPECT(to, 1);
    OK(cuStreamQuery(device.stream));
}

TEST(a_query_says_not_ready_once) {
    darien_standin_set("deferred", 1);
    Device device;
    CUevent event = nullptr;
    OK(cuEventCreate(&event, 0));
    OK(cuEventQuery(event));
    OK(cuEventSynchronize(event));
    const CUdeviceptr a = device.upload(std::vector<int>{7});
    int to = 0;
    OK(cuMemcpyDtoHAsync_v2(&to, a, 4, device.stream));
    EXPECT(int(cuStreamQuery(device.stream)), CUDA_ERROR_NOT_READY);
    OK(cuStreamQuery(device.stream));
    EXPECT(to, 7);
    to = 0;
    OK(cuMemcpyDtoHAsync_v2(&to, a, 4, device.stream));
    OK(cuEventRecord(event, device.stream));
    EXPECT(int(cuEventQuery(event)), CUDA_ERROR_NOT_READY);
    OK(cuEventQuery(event));
    EXPECT(to, 7);
    OK(cuEventDestroy_v2(event));
}

TEST(an_event_waits_for_what_was_before_it_only) {
    darien_standin_set("deferred", 1);
    Device device;
    CUevent event = nullptr;
    OK(cuEventCreate(&event, CU_EVENT_DISABLE_TIMING));
    const CUdeviceptr a = device.upload(std::vector<int>{7});
    int before = 0, after = 0;
    OK(cuMemcpyDtoHAsync_v2(&before, a, 4, device.stream));
    OK(cuEventRecord(event, device.stream));
    OK(cuMemcpyDtoHAsync_v2(&after, a, 4, device.stream));
    OK(cuEventSynchronize(event));
    EXPECT(before, 7);
    EXPECT(after, 0);
    OK(cuCtxSynchronize());
    EXPECT(after, 7);
    OK(cuEventDestroy_v2(event));
}

TEST(a_stream_waits_for_another_through_an_event) {
    for (const bool waits : {true, false}) {
        darien_standin_set("deferred", 1);
        Device device;
        CUstream second = nullptr;
        CUevent event = nullptr;
        OK(cuStreamCreate(&second, CU_STREAM_NON_BLOCKING));
        OK(cuEventCreate(&event, 0));
        const CUdeviceptr a = device.allocate(4);
        int to = 0;
        OK(cuMemsetD32Async(a, 5, 1, device.stream));
        OK(cuEventRecord(event, device.stream));
        if (waits) {
            OK(cuStreamWaitEvent(second, event, 0));
        }
        // What counts is the record at the time of the wait, not this later one, nor the event's life.
        OK(cuMemsetD32Async(a, 6, 1, device.stream));
        OK(cuEventRecord(event, device.stream));
        OK(cuEventDestroy_v2(event));
        OK(cuMemcpyDtoHAsync_v2(&to, a, 4, second));
        OK(cuStreamSynchronize(second));
        EXPECT(to, waits ? 5 : -1);
        OK(cuStreamDestroy_v2(second));
    }
}

TEST(a_context_waits_for_destroyed_streams_too) {
    darien_standin_set("deferred", 1);
    Device device;
    CUstream second = nullptr;
    OK(cuStreamCreate(&second, CU_STREAM_NON_BLOCKING));
    const CUdeviceptr a = device.upload(std::vector<int>{7});
    int to = 0;
    OK(cuMemcpyDtoHAsync_v2(&to, a, 4, second));
    OK(cuStreamDestroy_v2(second));
    EXPECT(int(cuStreamSynchronize(second)), CUDA_ERROR_INVALID_HANDLE);
    EXPECT(int(cuStreamDestroy_v2(second)), CUDA_ERROR_INVALID_HANDLE);
    EXPECT(to, 0);
    OK(cuCtxSynchronize());
    EXPECT(to, 7);
}

TEST(events_measure_time) {
    Device device;
    CUevent start = nullptr, end = nullptr, untimed = nullptr;
    OK(cuEventCreate(&start, CU_EVENT_DEFAULT));
    OK(cuEventCreate(&end, CU_EVENT_BLOCKING_SYNC));
    OK(cuEventCreate(&untimed, CU_EVENT_DISABLE_TIMING));
    EXPECT(int(cuEventCreate(&start, 64)), CUDA_ERROR_INVALID_VALUE);
    float milliseconds = -1;
    EXPECT(int(cuEventElapsedTime(&milliseconds, start, end)), CUDA_ERROR_INVALID_HANDLE);
    OK(cuEventRecord(start, device.stream));
    OK(cuEventRecord(untimed, device.stream));
    EXPECT(int(cuEventElapsedTime(&milliseconds, start, untimed)), CUDA_ERROR_INVALID_HANDLE);
    darien_standin_set("deferred", 1);
    OK(cuEventRecord(end, device.stream));
    EXPECT(int(cuEventElapsedTime(&milliseconds, start, end)), CUDA_ERROR_NOT_READY);
    OK(cuEventSynchronize(end));
    OK(cuEventElapsedTime(&milliseconds, start, end));
    EXPECT_TRUE(milliseconds >= 0);
    OK(cuEventElapsedTime_v2(&milliseconds, start, end));
    OK(cuEventDestroy_v2(start));
    OK(cuEventDestroy_v2(end));
    OK(cuEventDestroy_v2(untimed));
    EXPECT(int(cuEventDestroy_v2(start)), CUDA_ERROR_INVALID_HANDLE);
    EXPECT(int(cuEventRecord(start, device.stream)), CUDA_ERROR_INVALID_HANDLE);
}

TEST(handles_of_one_kind_are_none_of_another) {
    Device device;
    CUevent event = nullptr;
    OK(cuEventCreate(&event, 0));
    EXPECT(int(cuStreamSynchronize(reinterpret_cast<CUstream>(event))), CUDA_ERROR_INVALID_HANDLE);
    EXPECT(int(cuEventRecord(reinterpret_cast<CUevent>(device.stream), device.stream)), CUDA_ERROR_INVALID_HANDLE);
    EXPECT(int(cuStreamSynchronize(nullptr)), CUDA_ERROR_INVALID_HANDLE);
    EXPECT(int(cuEventRecord(event, nullptr)), CUDA_ERROR_INVALID_HANDLE);
    OK(cuEventDestroy_v2(event));
}

TEST(memory_that_goes_before_its_turn_is_told) {
    for (int way = 0; way < 4; way++) {
        darien_standin_set("deferred", 1);
        Device device;
        const CUdeviceptr kept = device.allocate(4096);
        CUdeviceptr gone = 0;
        void* pinned = nullptr;
        void* page = nullptr;
        if (way == 0) {
            OK(cuMemAlloc_v2(&gone, 4096));
            OK(cuMemcpyDtoDAsync_v2(kept, gone, 4096, device.stream));
            OK(cuMemFree_v2(gone));
        } else if (way == 1) {
            OK(cuMemHostAlloc(&pinned, 4096, 0));
            OK(cuMemcpyHtoDAsync_v2(kept, pinned, 4096, device.stream));
            OK(cuMemFreeHost(pinned));
        } else if (way == 2) {
            page = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            OK(cuMemcpyHtoDAsync_v2(kept, page, 4096, device.stream));
            munmap(page, 4096);
        } else {
            OK(cuMemAlloc_v2(&gone, 4096));
            OK(cuMemsetD8Async(gone, 1, 4096, device.stream));
            OK(cuMemFree_v2(gone));
        }
        EXPECT(int(cuStreamSynchronize(device.stream)), CUDA_ERROR_ILLEGAL_ADDRESS);
        EXPECT_MESSAGE("has gone before its turn");
        device.broken = true;
    }
}

TEST(memory_is_allocated_and_freed_in_stream_order) {
    for (const int deferred : {0, 1}) {
        darien_standin_set("deferred", deferred);
        Device device;
        CUmemoryPool pool = nullptr;
        uint64_t threshold = ~0ull;
        OK(cuDeviceGetDefaultMemPool(&pool, 0));
        OK(cuMemPoolSetAttribute(pool, CU_MEMPOOL_ATTR_RELEASE_THRESHOLD, &threshold));
        EXPECT(int(cuMemPoolSetAttribute(pool, CUmemPool_attribute(99), &threshold)), CUDA_ERROR_INVALID_VALUE);
        CUdeviceptr a = 0;
        int to = 0;
        OK(cuMemAllocAsync(&a, 4, device.stream));
        OK(cuMemsetD32Async(a, 3, 1, device.stream));
        OK(cuMemcpyDtoHAsync_v2(&to, a, 4, device.stream));
        OK(cuMemFreeAsync(a, device.stream));
        EXPECT(darien_standin_get("live_bytes"), deferred == 1 ? 4 : 0);
        EXPECT(int(cuMemsetD32Async(a, 3, 1, device.stream)), CUDA_ERROR_INVALID_VALUE);
        EXPECT(int(cuMemFreeAsync(a, device.stream)), CUDA_ERROR_INVALID_VALUE);
        EXPECT(int(cuMemFree_v2(a)), CUDA_ERROR_INVALID_VALUE);
        OK(cuStreamSynchronize(device.stream));
        EXPECT(to, 3);
        EXPECT(darien_standin_get("live_bytes"), 0);
    }
}

TEST(a_context_does_what_is_left_before_it_goes) {
    darien_standin_set("deferred", 1);
    int to = 0;
    OK(cuInit(0));
    CUcontext context = nullptr;
    CUstream stream = nullptr;
    CUdeviceptr a = 0;
    OK(cuDevicePrimaryCtxRetain(&context, 0));
    OK(cuCtxSetCurrent(context));
    OK(cuStreamCreate(&stream, 0));
    OK(cuMemAlloc_v2(&a, 4));
    OK(cuMemsetD32Async(a, 3, 1, stream));
    OK(cuMemcpyDtoHAsync_v2(&to, a, 4, stream));
    OK(cuMemFreeAsync(a, stream));
    OK(cuStreamDestroy_v2(stream));
    OK(cuDevicePrimaryCtxRelease_v2(0));
    EXPECT(to, 3);
    EXPECT(darien_standin_get("leaks"), 0);
}

TEST(a_launch_copies_its_arguments_at_once) {
    darien_standin_set("deferred", 1);
    Device device;
    float a = 2;
    long long count = 1;
    CUdeviceptr x = device.upload(std::vector<float>{3});
    CUdeviceptr y = device.upload(std::vector<float>{4});
    void* parameters[] = {&a, &x, &y, &count};
    OK(cuLaunchKernel(device.kernel("sums", "axpy"), 1, 1, 1, 32, 1, 1, 0, device.stream, parameters, nullptr));
    const CUdeviceptr kept = y;
    a = 100;
    x = y = 0;
    parameters[0] = nullptr;
    EXPECT(device.download<float>(kept, 1)[0], 10.0f);
}
