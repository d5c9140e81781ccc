// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

/** Which operand of a matrix product is transposed. */
public enum Product {
    /** A[m, k] · B[k, n]. */
    NN,
    /** A[m, k] · B[n, k]ᵀ. */
    NT,
    /** A[k, m]ᵀ · B[k, n]. */
    TN
}
