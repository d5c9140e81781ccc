// SPDX-License-Identifier: Apache-2.0
//
// The usual blocked product: panels of A and B are packed as floats, and a micro-kernel holds a tile of C in registers.
// It multiplies and adds separately (-ffp-contract=off), so that AVX2 gives the bits of SSE2.
#include "gemm.h"

#include <string.h>

#include <vector>

namespace standin {

namespace {

constexpr int64_t ROWS = 16;      // of a panel of A
constexpr int64_t COLUMNS = 4;    // of a panel of B
constexpr int64_t BLOCK_M = 256;  // rows, columns and depth of what is packed at a time
constexpr int64_t BLOCK_N = 96;
constexpr int64_t BLOCK_K = 256;
static_assert(BLOCK_M % ROWS == 0 && BLOCK_N % COLUMNS == 0, "whole panels");

float from_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

uint32_t to_bits(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

float round(float value, Rounding rounding) {
    const uint32_t bits = to_bits(value);
    if (rounding == Rounding::NONE || (bits & 0x7f800000u) == 0x7f800000u) {
        return value;
    }
    if (rounding == Rounding::TF32) {
        return from_bits((bits + 0x1000u) & 0xffffe000u);  // ties away from zero, as cvt.rna.tf32
    }
    return from_bits((bits + 0x7fffu + (bits >> 16 & 1u)) & 0xffff0000u);  // ties to even
}

// Element `at` of A or B as a float.
float load(const void* matrix, int64_t at, const Gemm& gemm) {
    if (gemm.element == Element::BF16) {
        return from_bits(uint32_t(static_cast<const uint16_t*>(matrix)[at]) << 16);
    }
    return round(static_cast<const float*>(matrix)[at], gemm.rounding);
}

// Packs `count` rows of A, or columns of B, from `first`, and their k from `depth`: in panels of `width`, k by k, with
// zeros where a panel goes past the end. `along` and `across` are the steps in memory from one k and one row to the next.
void pack(const void* matrix, int64_t along, int64_t across, int64_t first, int64_t count, int64_t depth,
          int64_t depth_count, int64_t width, const Gemm& gemm, float* packed) {
    for (int64_t panel = 0; panel < count; panel += width) {
        const int64_t filled = count - panel < width ? count - panel : width;
        for (int64_t p = 0; p < depth_count; p++) {
            for (int64_t at = 0; at < width; at++) {
                packed[p * width + at] =
                    at < filled ? load(matrix, (first + panel + at) * across + (depth + p) * along, gemm) : 0.0f;
            }
        }
        packed += width * depth_count;
    }
}

// Adds the product of a panel of A and one of B to a tile of `sums`, whose columns are BLOCK_M apart.
template <int LANES>
inline __attribute__((always_inline)) void multiply_panels(const float* a, const float* b, int64_t depth, float* sums) {
    typedef float Vector __attribute__((vector_size(LANES * sizeof(float)), aligned(4)));
    constexpr int VECTORS = int(ROWS) / LANES;
    Vector tile[COLUMNS][VECTORS] = {};
    for (int64_t p = 0; p < depth; p++) {
        const Vector* const rows = reinterpret_cast<const Vector*>(a + p * ROWS);
#pragma GCC unroll 8
        for (int column = 0; column < COLUMNS; column++) {
#pragma GCC unroll 8
            for (int row = 0; row < VECTORS; row++) {
                tile[column][row] += rows[row] * b[p * COLUMNS + column];
            }
        }
    }
    for (int column = 0; column < COLUMNS; column++) {
        for (int row = 0; row < VECTORS; row++) {
            reinterpret_cast<Vector*>(sums + column * BLOCK_M)[row] += tile[column][row];
        }
    }
}

using Multiply = void (*)(const float* a, const float* b, int64_t depth, float* sums);

void multiply_plain(const float* a, const float* b, int64_t depth, float* sums) {
    multiply_panels<4>(a, b, depth, sums);
}

#ifdef __x86_64__
__attribute__((target("avx2"))) void multiply_avx2(const float* a, const float* b, int64_t depth, float* sums) {
    multiply_panels<8>(a, b, depth, sums);
}
Multiply choose_multiply() { return __builtin_cpu_supports("avx2") ? multiply_avx2 : multiply_plain; }
#else
Multiply choose_multiply() { return multiply_plain; }
#endif

struct Block {
    int64_t row, rows, column, columns;
};

// One block of C, all of k.
void run_block(const Gemm& gemm, const Block& block, Multiply multiply) {
    // Kept, because an error of the memory access ends a product by a jump that frees nothing.
    static std::vector<float>& a = *new std::vector<float>(BLOCK_M * BLOCK_K);
    static std::vector<float>& b = *new std::vector<float>(BLOCK_N * BLOCK_K);
    static std::vector<float>& sums = *new std::vector<float>(BLOCK_M * BLOCK_N);
    memset(sums.data(), 0, sums.size() * sizeof(float));
    for (int64_t depth = 0; gemm.alpha != 0 && depth < gemm.k; depth += BLOCK_K) {
        const int64_t depth_count = gemm.k - depth < BLOCK_K ? gemm.k - depth : BLOCK_K;
        pack(gemm.a, gemm.transpose_a ? 1 : gemm.lda, gemm.transpose_a ? gemm.lda : 1, block.row, block.rows, depth,
             depth_count, ROWS, gemm, a.data());
        pack(gemm.b, gemm.transpose_b ? gemm.ldb : 1, gemm.transpose_b ? 1 : gemm.ldb, block.column, block.columns,
             depth, depth_count, COLUMNS, gemm, b.data());
        for (int64_t column = 0; column < block.columns; column += COLUMNS) {
            for (int64_t row = 0; row < block.rows; row += ROWS) {
                multiply(a.data() + row * depth_count, b.data() + column * depth_count, depth_count,
                         sums.data() + column * BLOCK_M + row);
            }
        }
    }
    for (int64_t column = 0; column < block.columns; column++) {
        float* const c = gemm.c + (block.column + column) * gemm.ldc + block.row;
        const float* const sum = sums.data() + column * BLOCK_M;
        for (int64_t row = 0; row < block.rows; row++) {
            const float product = gemm.alpha == 0 ? 0 : gemm.alpha * sum[row];
            c[row] = gemm.beta == 0 ? product : product + gemm.beta * c[row];
        }
    }
}

}  // namespace

void run_gemm(const Gemm& gemm) {
    static const Multiply multiply = choose_multiply();
    for (int64_t column = 0; column < gemm.n; column += BLOCK_N) {
        for (int64_t row = 0; row < gemm.m; row += BLOCK_M) {
            const int64_t rows = gemm.m - row < BLOCK_M ? gemm.m - row : BLOCK_M;
            const int64_t columns = gemm.n - column < BLOCK_N ? gemm.n - column : BLOCK_N;
            run_block(gemm, Block{row, rows, column, columns}, multiply);
        }
    }
}

}  // namespace standin
