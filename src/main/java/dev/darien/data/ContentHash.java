// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import dev.darien.memory.DType;

/** An order-dependent 64-bit hash with the rounds of xxHash64: four independent lanes, so that multiplications overlap. */
final class ContentHash {
    private static final long K0 = 0x9E3779B97F4A7C15L;
    private static final long K1 = 0xC2B2AE3D27D4EB4FL;
    private static final long K2 = 0x165667B19E3779F9L;

    private long a;
    private long b;
    private long c;
    private long d;

    ContentHash(long rows, long width, DType dtype) {
        a = rows * K0 + 1;
        b = width * K0 + 2;
        c = dtype.bytes() * K0 + 3;
        d = dtype.name().hashCode() * K0 + 4;
    }

    private static long round(long lane, long word) {
        return Long.rotateLeft(lane + word * K1, 31) * K0;
    }

    void add(long word) {
        long mixed = round(a, word);
        a = b;
        b = c;
        c = d;
        d = mixed;
    }

    void add(float[] values, int count) {
        long w = a;
        long x = b;
        long y = c;
        long z = d;
        int i = 0;
        for (; i <= count - 8; i += 8) {
            w = round(w, word(values, i));
            x = round(x, word(values, i + 2));
            y = round(y, word(values, i + 4));
            z = round(z, word(values, i + 6));
        }
        a = w;
        b = x;
        c = y;
        d = z;
        for (; i < count; i++) {
            add(Float.floatToRawIntBits(values[i]));
        }
    }

    void add(short[] values, int count) {
        long w = a;
        long x = b;
        long y = c;
        long z = d;
        int i = 0;
        for (; i <= count - 16; i += 16) {
            w = round(w, word(values, i));
            x = round(x, word(values, i + 4));
            y = round(y, word(values, i + 8));
            z = round(z, word(values, i + 12));
        }
        a = w;
        b = x;
        c = y;
        d = z;
        for (; i < count; i++) {
            add(values[i]);
        }
    }

    private static long word(float[] values, int at) {
        return (Float.floatToRawIntBits(values[at]) & 0xFFFFFFFFL)
                | ((long) Float.floatToRawIntBits(values[at + 1]) << 32);
    }

    private static long word(short[] values, int at) {
        return (values[at] & 0xFFFFL)
                | ((values[at + 1] & 0xFFFFL) << 16)
                | ((values[at + 2] & 0xFFFFL) << 32)
                | ((long) values[at + 3] << 48);
    }

    long value() {
        long h = Long.rotateLeft(a, 1) + Long.rotateLeft(b, 7) + Long.rotateLeft(c, 12) + Long.rotateLeft(d, 18);
        for (long lane : new long[] {a, b, c, d}) {
            h = (h ^ round(0, lane)) * K0 + K2;
        }
        h = (h ^ (h >>> 33)) * K1;
        h = (h ^ (h >>> 29)) * K2;
        return h ^ (h >>> 32);
    }
}
