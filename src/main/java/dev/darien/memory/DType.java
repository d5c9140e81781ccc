// SPDX-License-Identifier: Apache-2.0
package dev.darien.memory;

/** The element types that a {@link Matrix} can hold, little-endian. Kernels compute in {@link #F32}; the halves are for storage. */
public enum DType {
    /** IEEE 754 single precision. */
    F32(4, true),
    /** IEEE 754 half precision. */
    F16(2, true),
    /** The upper half of a single-precision number. */
    BF16(2, true),
    /** IEEE 754 double precision, for sums over many terms. */
    F64(8, true),
    /** Signed 32-bit integers, for latent and row numbers. */
    I32(4, false),
    /** Signed 64-bit integers, for offsets into codes. */
    I64(8, false);

    private final int bytes;
    private final boolean floating;

    DType(int bytes, boolean floating) {
        this.bytes = bytes;
        this.floating = floating;
    }

    /** Size of one element in bytes. */
    public int bytes() {
        return bytes;
    }

    /** Whether elements are floating-point numbers. */
    public boolean isFloating() {
        return floating;
    }

    /** The single-precision number nearest to what {@code half}'s bits mean as bfloat16 (exact). */
    public static float bfloat16ToFloat(short half) {
        return Float.intBitsToFloat(half << 16);
    }

    /** The bfloat16 nearest to {@code value}, ties to even; NaN stays NaN. */
    public static short floatToBfloat16(float value) {
        int bits = Float.floatToRawIntBits(value);
        if (Float.isNaN(value)) {
            return (short) ((bits >>> 16) | 0x40);
        }
        return (short) ((bits + 0x7FFF + ((bits >>> 16) & 1)) >>> 16);
    }
}
