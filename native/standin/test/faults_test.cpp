// SPDX-License-Identifier: Apache-2.0
//
// That a kernel which is wrong ends in the device's error, with a line that says what, where and in which thread.
#include <stdlib.h>
#include <sys/mman.h>

#include "harness.h"

using namespace test;

namespace {

// Launches a kernel that must fail, and checks that the context stays broken, as on a device.
template <typename... A>
void expect_fault(int error, const char* message, const char* kernel, Size blocks, Size threads, unsigned shared,
                  Device& device, A... arguments) {
    const CUfunction function = device.kernel("faulty", kernel);
    OK(launch(function, device.stream, blocks, threads, shared, arguments...));
    EXPECT(int(cuStreamSynchronize(device.stream)), error);
    EXPECT_MESSAGE(message);
    CUdeviceptr none = 0;
    EXPECT(int(cuMemAlloc_v2(&none, 16)), error);
    EXPECT(int(launch(function, device.stream, blocks, threads, shared, arguments...)), error);
    device.broken = true;
}

}  // namespace

TEST(a_write_just_past_an_allocation_is_caught) {
    Device device;
    const CUdeviceptr x = device.allocate(1000);
    expect_fault(700, "0 bytes past the end of device memory no.", "write_at", 1, 1, 0, device, x, 250ll);
    EXPECT_MESSAGE("of 1000 bytes (write_at)");
}

TEST(a_write_just_before_an_allocation_is_caught) {
    Device device;
    const CUdeviceptr x = device.allocate(1000);
    expect_fault(700, "a write to", "write_at", 1, 1, 0, device, x, -1ll);
    EXPECT_MESSAGE("4 bytes before device memory no.");
}

TEST(a_write_far_past_an_allocation_is_caught) {
    Device device;
    const CUdeviceptr x = device.allocate(1000);
    expect_fault(700, "a write to", "write_at", 1, 1, 0, device, x, 256ll);
    EXPECT_MESSAGE("write_at, block (0,0,0), thread (0,0,0)");
}

TEST(a_read_past_an_allocation_is_caught) {
    Device device;
    const CUdeviceptr x = device.allocate(1024);
    expect_fault(700, "a read of", "read_at", 1, 1, 0, device, x, 256ll, device.allocate(4));
    EXPECT_MESSAGE("0 bytes past the end of device memory no.");
}

TEST(a_null_pointer_is_caught) {
    Device device;
    expect_fault(700, "near null", "read_at", 1, 1, 0, device, CUdeviceptr(0), 3ll, device.allocate(4));
}

TEST(an_address_that_cannot_be_one_is_caught) {
    Device device;
    expect_fault(700, "an address that can't be one", "read_address", 1, 1, 0, device, 0x7fc000007fc00000ull,
                 device.allocate(4));
}

TEST(freed_memory_is_out_of_reach) {
    Device device;
    CUdeviceptr x = 0;
    OK(cuMemAlloc_v2(&x, 4096));
    OK(cuMemFree_v2(x));
    expect_fault(700, "which was freed", "read_address", 1, 1, 0, device, x, device.allocate(4));
}

TEST(a_freed_pointer_is_no_argument) {
    Device device;
    CUdeviceptr x = 0;
    OK(cuMemAlloc_v2(&x, 4096));
    OK(cuMemFree_v2(x));
    expect_fault(700, "argument 0 of read_at is", "read_at", 1, 1, 0, device, x, 0ll, device.allocate(4));
    EXPECT_MESSAGE("which was freed, which the device can't use");
}

TEST(pageable_host_memory_is_no_argument) {
    Device device;
    float host = 0;
    expect_fault(700, "host memory that is neither pinned nor registered", "read_at", 1, 1, 0, device, &host, 0ll,
                 device.allocate(4));
}

TEST(pinned_memory_is_an_argument_only_when_mapped) {
    void* mapped = nullptr;
    void* unmapped = nullptr;
    {
        Device device;
        OK(cuMemHostAlloc(&mapped, 64, CU_MEMHOSTALLOC_DEVICEMAP));
        OK(cuMemHostAlloc(&unmapped, 64, 0));
        static_cast<float*>(mapped)[1] = 5.0f;
        const CUdeviceptr out = device.allocate(4);
        CUdeviceptr pointer = 0;
        OK(cuMemHostGetDevicePointer_v2(&pointer, mapped, 0));
        OK(launch(device.kernel("faulty", "read_at"), device.stream, 1, 1, 0, pointer, 1ll, out));
        EXPECT(device.download<float>(out, 1)[0], 5.0f);
        expect_fault(700, "argument 0 of read_at", "read_at", 1, 1, 0, device, unmapped, 1ll, out);
        EXPECT(int(cuMemFreeHost(mapped)), 700);
        EXPECT(int(cuMemFreeHost(unmapped)), 700);
    }
}

TEST(memory_registered_for_reading_cannot_be_written) {
    Device device;
    void* const page = mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    OK(cuMemHostRegister_v2(page, 4096, CU_MEMHOSTREGISTER_DEVICEMAP | CU_MEMHOSTREGISTER_READ_ONLY));
    expect_fault(700, "a write to", "write_at", 1, 1, 0, device, page, 0ll);
    EXPECT(int(cuMemHostUnregister(page)), 700);
    munmap(page, 4096);
}

TEST(a_vector_access_must_be_aligned) {
    Device device;
    const CUdeviceptr x = device.allocate(64);
    const CUdeviceptr out = device.allocate(16);
    OK(launch(device.kernel("faulty", "read_vector"), device.stream, 1, 1, 0, x, 4, out));
    OK(cuStreamSynchronize(device.stream));
    expect_fault(716, "isn't a multiple of 16", "read_vector", 1, 1, 0, device, x, 3, out);
    EXPECT_MESSAGE("faulty.cu:");
}

TEST(a_skipped_barrier_is_divergence) {
    for (int seed = 0; seed <= 5; seed++) {
        Device device;
        darien_standin_set("shuffle", seed);
        expect_fault(719, "barrier divergence in skip_barrier", "skip_barrier", 1, 96, 0, device, device.allocate(400));
        darien_standin_reset();
        darien_standin_set("messages", 0);
        device.broken = false;
    }
}

TEST(what_can_never_go_on_is_divergence) {
    Device device;
    expect_fault(719, "barrier divergence in deadlock", "deadlock", 1, 32, 0, device, device.allocate(400));
    EXPECT_MESSAGE("lanes 0xffff0000 of warp 0 wait at");
    EXPECT_MESSAGE("lanes 0xffff of warp 0 wait in __syncwarp for lanes 0xffffffff");
}

TEST(a_lane_must_be_in_its_mask) {
    Device device;
    expect_fault(719, "lane 8 calls __shfl_sync with the mask 0xff", "wrong_mask", 1, 32, 0, device,
                 device.allocate(400));
}

TEST(a_forgotten_barrier_shows_when_the_order_is_shuffled) {
    Device device;
    const CUdeviceptr out = device.allocate(256);
    const auto right = [&] {
        OK(launch(device.kernel("faulty", "forgotten_barrier"), device.stream, 1, 64, 0, out));
        bool all = true;
        for (const float value : device.download<float>(out, 64)) {
            all = all && value == 3.0f;
        }
        return all;
    };
    EXPECT_TRUE(right());
    int wrong = 0;
    for (int seed = 1; seed <= 10; seed++) {
        darien_standin_set("shuffle", seed);
        wrong += !right();
    }
    EXPECT_TRUE(wrong >= 9);
}

TEST(shared_memory_begins_poisoned) {
    Device device;
    const CUdeviceptr out = device.allocate(8);
    OK(launch(device.kernel("faulty", "unwritten_shared"), device.stream, 1, 1, 64, out));
    const std::vector<unsigned> bits = device.download<unsigned>(out, 2);
    EXPECT(bits[0], 0xffffffffu);
    EXPECT(bits[1], 0xffffffffu);
}

TEST(device_memory_begins_poisoned) {
    Device device;
    for (const unsigned char byte : device.download<unsigned char>(device.allocate(1000), 1000)) {
        EXPECT(byte, 0xff);
    }
}

TEST(an_index_past_a_shared_array_is_caught) {
    Device device;
    const CUdeviceptr out = device.allocate(4 * 32);
    OK(launch(device.kernel("faulty", "past_array"), device.stream, 1, 32, 0, out, 0));
    OK(cuStreamSynchronize(device.stream));
    expect_fault(700, "index 8 of an array", "past_array", 1, 32, 0, device, out, 1);
}

TEST(a_write_past_dynamic_shared_memory_is_caught) {
    {
        Device device;
        OK(launch(device.kernel("faulty", "past_dynamic"), device.stream, 1, 1, 40, 9));
        OK(cuStreamSynchronize(device.stream));
        expect_fault(700, "past the end of dynamic shared memory", "past_dynamic", 1, 1, 0, device, 0);
    }
    for (const int index : {10, 12, 4096, -1}) {
        darien_standin_reset();
        darien_standin_set("messages", 0);
        Device device;
        expect_fault(700, "dynamic shared memory", "past_dynamic", 1, 1, 40, device, index);
    }
}

TEST(a_division_by_zero_is_caught) {
    Device device;
    expect_fault(719, "an integer division by zero", "divide", 1, 1, 0, device, device.upload(std::vector<int>{1}), 0);
}

TEST(a_shift_beyond_the_type_is_caught) {
    Device device;
    expect_fault(719, "a shift by 32", "shift_by", 1, 1, 0, device, device.upload(std::vector<int>{1}), 32);
}

TEST(local_variables_that_do_not_fit_are_told) {
    Device device;
    const CUdeviceptr x = device.upload(std::vector<int>{1, 0});
    OK(launch(device.kernel("faulty", "large_frame"), device.stream, 1, 1, 0, x, 100));
    OK(cuStreamSynchronize(device.stream));
    expect_fault(700, "local variables that don't fit", "large_frame", 1, 1, 0, device, x, 3000);
}

TEST(a_lock_that_nobody_releases_times_out) {
    Device device;
    expect_fault(702, "a lock which nobody releases", "lock_for_ever", 1, 1, 0, device,
                 device.upload(std::vector<int>{0}));
}

TEST(a_broken_context_can_be_replaced) {
    {
        Device device;
        expect_fault(700, "near null", "read_at", 1, 1, 0, device, CUdeviceptr(0), 3ll, device.allocate(4));
    }
    Device device;
    EXPECT(device.download<unsigned char>(device.allocate(4), 1)[0], 0xff);
}
