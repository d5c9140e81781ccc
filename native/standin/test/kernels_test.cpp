// SPDX-License-Identifier: Apache-2.0
//
// That kernels compute what they would on a device.
#include <math.h>

#include "harness.h"

using namespace test;

namespace {

std::vector<float> numbers(size_t count, unsigned seed) {
    std::vector<float> values(count);
    uint64_t random = seed * 0x9e3779b97f4a7c15u + 1;
    for (float& value : values) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        value = float(random >> 40) / float(1 << 24) - 0.5f;
    }
    return values;
}

void check_row_sums(Device& device, int rows, int columns) {
    const std::vector<float> x = numbers(size_t(rows) * columns, unsigned(columns));
    const CUdeviceptr from = device.upload(x);
    const CUdeviceptr to = device.allocate(size_t(rows) * 4);
    OK(launch(device.kernel("sums", "row_sum"), device.stream, unsigned(rows), 256, 0, from, to, columns));
    const std::vector<float> sums = device.download<float>(to, size_t(rows));
    for (int row = 0; row < rows; row++) {
        double expected = 0;
        for (int column = 0; column < columns; column++) {
            expected += x[size_t(row) * columns + column];
        }
        EXPECT_TRUE(fabs(sums[row] - expected) < 1e-4);
    }
}

}  // namespace

TEST(rows_are_summed) {
    Device device;
    check_row_sums(device, 5, 1);
    check_row_sums(device, 7, 1000);
    check_row_sums(device, 2, 256);
}

TEST(rows_are_summed_in_any_order_of_threads) {
    Device device;
    for (int seed = 1; seed <= 20; seed++) {
        darien_standin_set("shuffle", seed);
        check_row_sums(device, 7, 300);
    }
}

TEST(rows_are_reversed_in_dynamic_shared_memory) {
    for (int seed = 0; seed <= 3; seed++) {
        Device device;
        darien_standin_set("shuffle", seed);
        const int columns = 97;
        const std::vector<float> x = numbers(3 * columns, 5);
        const CUdeviceptr rows = device.upload(x);
        OK(launch(device.kernel("sums", "reverse_rows"), device.stream, 3, 128, columns * 4, rows, columns));
        const std::vector<float> reversed = device.download<float>(rows, x.size());
        for (int at = 0; at < 3 * columns; at++) {
            EXPECT(reversed[at], x[at / columns * columns + columns - 1 - at % columns]);
        }
    }
}

TEST(a_kernel_without_barriers_covers_its_grid) {
    Device device;
    const long long count = 100'003;
    const std::vector<float> x = numbers(count, 1);
    const std::vector<float> y = numbers(count, 2);
    const CUdeviceptr to = device.upload(y);
    OK(launch(device.kernel("sums", "axpy"), device.stream, 60, 192, 0, 2.0f, device.upload(x), to, count));
    const std::vector<float> sum = device.download<float>(to, count);
    for (long long at = 0; at < count; at++) {
        EXPECT(sum[at], fmaf(2.0f, x[at], y[at]));
    }
    EXPECT(darien_standin_get("blocks"), 60);
    EXPECT(darien_standin_get("launches.axpy"), 1);
}

TEST(atomics_count) {
    Device device;
    const std::vector<float> x = {0.5f, 1.5f, 1.7f, 1.9f, 7.0f, 9.5f, -3.0f, 2.0f};
    const CUdeviceptr bins = device.upload(std::vector<unsigned>(8, 0u));
    const CUdeviceptr largest = device.upload(std::vector<unsigned>(1, 0u));
    OK(launch(device.kernel("sums", "histogram"), device.stream, 2, 3, 0, device.upload(x), int(x.size()), bins, 8,
              largest));
    const std::vector<unsigned> counts = device.download<unsigned>(bins, 8);
    const unsigned expected[] = {2, 3, 1, 0, 0, 0, 0, 2};
    for (int at = 0; at < 8; at++) {
        EXPECT(counts[at], expected[at]);
    }
    EXPECT(device.download<unsigned>(largest, 1)[0], 3u);
}

TEST(keys_are_ranked_by_matching) {
    for (int seed = 0; seed <= 3; seed++) {
        Device device;
        darien_standin_set("shuffle", seed);
        const int count = 117;
        std::vector<int> keys(count);
        for (int at = 0; at < count; at++) {
            keys[at] = at * at % 11;
        }
        const CUdeviceptr ranks = device.allocate(count * 4);
        const CUdeviceptr counts = device.upload(std::vector<int>(11, 0));
        OK(launch(device.kernel("sums", "rank_keys"), device.stream, 1, 32, 0, device.upload(keys), count, ranks, counts));
        const std::vector<int> got = device.download<int>(ranks, count);
        std::vector<int> seen(11, 0);
        for (int at = 0; at < count; at++) {
            EXPECT(got[at], seen[keys[at]]++);
        }
    }
}

TEST(exchanges_give_what_the_hardware_gives) {
    for (int seed = 0; seed <= 5; seed++) {
        Device device;
        darien_standin_set("shuffle", seed);
        const CUdeviceptr out = device.upload(std::vector<int>(45 * 64, 0));
        OK(launch(device.kernel("features", "exchanges"), device.stream, 1, 45, 0, out));
        const std::vector<int> got = device.download<int>(out, 45 * 64);
        for (int thread = 0; thread < 45; thread++) {
            const int lane = thread % 32;
            const int lanes = thread < 32 ? 32 : 13;
            const bool full = thread < 32;
            int ballot = 0, evens = 0;
            for (int other = 0; other < lanes; other++) {
                ballot |= (other % 3 == 0) << other;
                evens |= (other % 2 == lane % 2) << other;
            }
            const int quad = 15 << (lane / 4 * 4);
            const int all = full ? -1 : 0x1fff;
            // What a lane that isn't there gives is poison, and all bits are 1.
            const auto from = [&](int other) { return other < lanes ? other : -1; };
            const int expected[] = {
                5,
                from((lane & ~7) | 3),
                from(lane ^ 1),
                (lane ^ 9) <= (lane | 7) ? lane ^ 9 : lane,
                lane >= 2 ? lane - 2 : lane,
                lane % 4 >= 2 ? lane - 2 : lane,
                lane % 4 == 0 ? from(lane + 3) : lane,
                from((lane & ~7) | 7) < 0 ? -1 : int(10000000000LL + ((lane & ~7) | 7)),
                2,
                4,
                6,
                1,
                ballot,
                1,
                0,
                1,
                full ? 0 : 0,
                quad & all,
                evens,
                1,
                1,
                23,
                (44 - thread) * 4,
                77,
                0,
                lane >= 16  ? int(0xffff0000u) & all
                : lane >= 8 ? (0xff00 & all & ~(1 << 9))
                            : 0xff,
            };
            int at = 0;
            for (const int value : expected) {
                EXPECT(got[thread * 64 + at], value);
                at++;
            }
            if (lane < 8) {
                EXPECT(got[thread * 64 + at], 0xff);
            }
        }
    }
}

TEST(arithmetic_gives_what_the_hardware_gives) {
    Device device;
    struct {
        CUdeviceptr data;
        int rows, columns;
    } shape = {device.upload(std::vector<float>{1, 2, 3, 4, 5, 6}), 2, 3};
    const CUdeviceptr out = device.allocate(64 * 4);
    const CUdeviceptr bits = device.allocate(64 * 4);
    OK(launch(device.kernel("features", "arithmetic"), device.stream, 1, 1, 0, out, bits, shape, true,
              static_cast<unsigned short>(40000), 0.25, static_cast<signed char>(-5)));
    const float floats[] = {10 + 3 * 6.0f, 3.5f + 3.25f, 4 + 3 + 2 + 0.25f, 3 + 1 + 2 + 2 + 1 + 0, 1 + 4 + 5 + 8 + 1 + 3,
                            5, 9, 6 + 2, -1, 39995, 1 + 2, 5, 1 + 4 + 3, 1 + 4 + 2 + 3 + 2 + 2 + 2, 16 + 400, 42};
    const int ints[] = {8 + 800, 31 + 6300 + 320000, 4, 0x8000, 0x3f800000, int(0xc0000000u), 0x3ff00000, 3, 3,
                        2 - 200};
    const std::vector<float> got = device.download<float>(out, 64);
    const std::vector<int> got_bits = device.download<int>(bits, 64);
    for (size_t at = 0; at < sizeof floats / sizeof floats[0]; at++) {
        EXPECT(got[at], floats[at]);
    }
    for (size_t at = 0; at < sizeof ints / sizeof ints[0]; at++) {
        EXPECT(got_bits[at], ints[at]);
    }
}

TEST(atomics_and_locks_give_what_the_hardware_gives) {
    for (int seed = 0; seed <= 3; seed++) {
        Device device;
        darien_standin_set("shuffle", seed);
        const CUdeviceptr ints = device.upload(std::vector<int>(32, 0));
        const CUdeviceptr unsigneds = device.upload(std::vector<unsigned>{0, 0, 99, 0, 0xffffffffu, 0});
        const CUdeviceptr longs = device.upload(std::vector<uint64_t>(4, 0));
        const CUdeviceptr floats = device.upload(std::vector<float>(4, 0));
        const CUdeviceptr doubles = device.upload(std::vector<double>(4, 0));
        OK(launch(device.kernel("features", "atomics"), device.stream, 1, 100, 0, ints, unsigneds, longs, floats, doubles));
        const std::vector<int> i = device.download<int>(ints, 8);
        const int expected[] = {4950, 99, -99, 7, 255};
        for (int at = 0; at < 5; at++) {
            EXPECT(i[at], expected[at]);
        }
        EXPECT_TRUE(i[5] >= 1 && i[5] <= 100);
        EXPECT(i[6], 100);
        const std::vector<unsigned> u = device.download<unsigned>(unsigneds, 6);
        const unsigned unsigned_expected[] = {100, 99, 3, 9, 0xf8, 0};
        for (int at = 0; at < 6; at++) {
            EXPECT(u[at], unsigned_expected[at]);
        }
        const std::vector<uint64_t> l = device.download<uint64_t>(longs, 3);
        EXPECT(l[0], 100ull << 33);
        EXPECT(l[1], 99ull << 40);
        EXPECT(l[2], 5u);
        EXPECT(device.download<float>(floats, 1)[0], 50.0f);
        EXPECT(device.download<double>(doubles, 1)[0], 25.0);
    }
}

TEST(blocks_and_threads_have_three_dimensions) {
    Device device;
    const unsigned count = 2 * 3 * 4 * 5 * 2 * 3;
    const CUdeviceptr out = device.allocate(count * 12);
    OK(launch(device.kernel("features", "indices"), device.stream, Size(2, 3, 4), Size(5, 2, 3), 0, out));
    const std::vector<unsigned> got = device.download<unsigned>(out, count * 3);
    for (unsigned at = 0; at < count; at++) {
        const unsigned block = at / 30, thread = at % 30;
        EXPECT(got[at * 3], thread % 5 + 100 * (block % 2));
        EXPECT(got[at * 3 + 1], thread / 5 % 2 + 100 * (block / 2 % 3));
        EXPECT(got[at * 3 + 2], thread / 10 + 100 * (block / 6));
    }
}
