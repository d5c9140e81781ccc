// SPDX-License-Identifier: Apache-2.0
package dev.darien.testfiles;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * A tensor for tests, in C order.
 *
 * @param dtype as safetensors names it
 */
public record Values(String dtype, double[] data, int... shape) {

    /** Numbers that F32 holds exactly. */
    public static Values of(double[] data, int... shape) {
        return new Values("F32", data, shape);
    }

    public static Values of(double[][] rows) {
        double[] data = new double[rows.length * rows[0].length];
        for (int r = 0; r < rows.length; r++) {
            System.arraycopy(rows[r], 0, data, r * rows[0].length, rows[0].length);
        }
        return of(data, rows.length, rows[0].length);
    }

    public static Values scalar(String dtype, double value) {
        return new Values(dtype, new double[] {value});
    }

    /** Random numbers that F32, F16 and BF16 all hold exactly: few bits each. */
    public static Values random(Random random, double spread, int... shape) {
        int count = IntStream.of(shape).reduce(1, (a, b) -> a * b);
        double[] data = new double[count];
        for (int i = 0; i < count; i++) {
            data[i] = Math.rint(Math.clamp(random.nextGaussian() * spread * 32, -96, 96)) / 32;
        }
        return of(data, shape);
    }

    public Values as(String other) {
        return new Values(other, data, shape);
    }

    /** A matrix with rows and columns exchanged. */
    public Values transposed() {
        double[] moved = new double[data.length];
        for (int r = 0; r < shape[0]; r++) {
            for (int c = 0; c < shape[1]; c++) {
                moved[c * shape[0] + r] = data[r * shape[1] + c];
            }
        }
        return new Values(dtype, moved, shape[1], shape[0]);
    }

    public double at(int row, int column) {
        return data[row * shape[1] + column];
    }

    /** The little-endian bytes. */
    public byte[] bytes() {
        ByteBuffer buffer = ByteBuffer.allocate(data.length * elementBytes()).order(ByteOrder.LITTLE_ENDIAN);
        for (double value : data) {
            switch (dtype) {
                case "F32" -> buffer.putFloat((float) value);
                case "F64" -> buffer.putDouble(value);
                case "F16" -> buffer.putShort(Float.floatToFloat16((float) value));
                case "BF16" -> buffer.putShort((short) (Float.floatToRawIntBits((float) value) >>> 16));
                case "I64" -> buffer.putLong((long) value);
                case "I32" -> buffer.putInt((int) value);
                default -> buffer.put((byte) value);
            }
        }
        return buffer.array();
    }

    public int elementBytes() {
        return switch (dtype) {
            case "F64", "I64" -> 8;
            case "F32", "I32" -> 4;
            case "F16", "BF16" -> 2;
            default -> 1;
        };
    }
}
