// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

import java.util.Locale;

/**
 * What the inputs of matrix products are rounded to: those of the encoder's product in the encode kernels, and of {@link
 * Kernels#multiply}. Nothing else is: products are summed in F32, and weights, moments, codes, gradients and all other
 * kernels stay F32.
 */
public enum Precision {
    /** Not rounded: F32, 24 bits. The only one that a CPU has. */
    FP32,
    /** To 11 bits, with the exponent of F32: a GPU's matrix units, several times as fast. */
    TF32,
    /** To bfloat16, 8 bits with the exponent of F32: twice as fast again, with half of the memory traffic. */
    BF16;

    /** As options and reports have it: {@code tf32}. */
    public String id() {
        return name().toLowerCase(Locale.ROOT);
    }
}
