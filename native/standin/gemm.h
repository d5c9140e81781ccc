// SPDX-License-Identifier: Apache-2.0
//
// C = alpha · op(A) · op(B) + beta · C on column-major matrices, on one thread. Each sum runs over k in the same order
// whatever the sizes and the processor: it has the same bits everywhere.
#pragma once

#include <stdint.h>

namespace standin {

enum class Element { F32, BF16 };
// What becomes of float inputs before they are multiplied.
enum class Rounding { NONE, TF32, BF16 };

struct Gemm {
    bool transpose_a = false, transpose_b = false;
    int64_t m = 0, n = 0, k = 0;
    float alpha = 1, beta = 0;
    Element element = Element::F32;  // of A and B
    Rounding rounding = Rounding::NONE;
    const void* a = nullptr;
    int64_t lda = 0;
    const void* b = nullptr;
    int64_t ldb = 0;
    float* c = nullptr;
    int64_t ldc = 0;
};

// With beta = 0 never reads C, and with alpha = 0 neither A nor B.
void run_gemm(const Gemm& gemm);

}  // namespace standin
