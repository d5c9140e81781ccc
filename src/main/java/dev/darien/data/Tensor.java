// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A tensor in a file of any kind, with any strides: what a {@link TensorFile} holds. Nothing is read before it is asked
 * for, and nothing is copied but what was asked for. Sizes and strides have been checked against the data.
 */
public final class Tensor {
    /** Element types by the names that safetensors gives them, with their sizes; others are listed and not read. */
    private static final Map<String, Integer> BYTES = Map.ofEntries(
            Map.entry("BOOL", 1),
            Map.entry("U8", 1),
            Map.entry("I8", 1),
            Map.entry("I16", 2),
            Map.entry("F16", 2),
            Map.entry("BF16", 2),
            Map.entry("I32", 4),
            Map.entry("F32", 4),
            Map.entry("I64", 8),
            Map.entry("F64", 8));

    private final String name;
    private final String what;
    private final String dtype;
    private final List<Long> shape;
    private final long[] strides;
    private final TensorBytes bytes;

    private Tensor(String name, String what, String dtype, List<Long> shape, long[] strides, TensorBytes bytes) {
        this.name = name;
        this.what = what;
        this.dtype = dtype;
        this.shape = List.copyOf(shape);
        this.strides = strides;
        this.bytes = bytes;
    }

    /**
     * A tensor whose first element is the first of {@code bytes}.
     *
     * @param file named in messages
     * @param dtype as {@link #dtype()}
     * @param strides elements from one index to the next, for each dimension; null for those of C order
     * @param available how many bytes there are
     * @throws DataException if the tensor reaches beyond its data, or names one element several times
     */
    static Tensor of(
            String file,
            String name,
            String dtype,
            List<Long> shape,
            long @Nullable [] strides,
            TensorBytes bytes,
            long available) {
        String what = name.isEmpty() ? file : file + ", tensor '" + name + "'";
        long[] steps = strides == null ? contiguous(shape) : strides.clone();
        int elementBytes = bytes(dtype);
        if (elementBytes > 0) {
            requireInside(what, shape, steps, available / elementBytes);
        }
        return new Tensor(name, what, dtype, shape, steps, bytes);
    }

    /** Size of an element; 0 for types that aren't read. */
    static int bytes(String dtype) {
        return BYTES.getOrDefault(dtype, 0);
    }

    /** Strides in C order. */
    static long[] contiguous(List<Long> shape) {
        long[] strides = new long[shape.size()];
        long step = 1;
        for (int i = strides.length - 1; i >= 0; i--) {
            strides[i] = step;
            // An overflow shows in the check against the data: a size of 0 is the only way to have none.
            step = saturatedProduct(step, Math.max(1, shape.get(i)));
        }
        return strides;
    }

    private static long saturatedProduct(long a, long b) {
        return a > Long.MAX_VALUE / b ? Long.MAX_VALUE : a * b;
    }

    /** Each element lies inside the data and is another one, so that no shape asks for more than the file has. */
    private static void requireInside(String what, List<Long> shape, long[] strides, long elements) {
        if (shape.contains(0L)) {
            return;
        }
        Integer[] order = new Integer[strides.length];
        Arrays.setAll(order, i -> i);
        Arrays.sort(order, (a, b) -> Long.compare(strides[a], strides[b]));
        long last = 0;
        for (int i : order) {
            long size = shape.get(i);
            if (size < 0 || strides[i] < 0) {
                throw new DataException(what + " has a negative size or stride; save it again");
            }
            if (size == 1) {
                continue;
            }
            if (strides[i] <= last) {
                throw new DataException(
                        "%s has the shape %s with the strides %s, which name one element several times; "
                                        .formatted(what, shape, Arrays.toString(strides))
                                + "save it as .contiguous()");
            }
            long span = saturatedProduct(size - 1, strides[i]);
            last = span > Long.MAX_VALUE - last ? Long.MAX_VALUE : last + span;
        }
        if (last >= elements) {
            throw new DataException(
                    "%s has the shape %s with the strides %s, which reach beyond the %d elements that are "
                                    .formatted(what, shape, Arrays.toString(strides), elements)
                            + "there; it is damaged or truncated");
        }
    }

    /** The tensor's name in its file; empty for the only array of an npy file. */
    public String name() {
        return name;
    }

    /** File and tensor, for messages. */
    public String what() {
        return what;
    }

    /** Element type as safetensors names it, {@code BF16}, or as the file does where safetensors has no such type. */
    public String dtype() {
        return dtype;
    }

    /** Sizes of the dimensions; empty for a scalar. */
    public List<Long> shape() {
        return shape;
    }

    /** {@code F16 [98304, 128]}. */
    public String describe() {
        return dtype + " " + shape;
    }

    /** Whether the elements are floating-point numbers that can be read. */
    public boolean isFloating() {
        return switch (dtype) {
            case "F32", "F16", "BF16", "F64" -> true;
            default -> false;
        };
    }

    /** Rows and columns of a matrix exchanged, without moving anything. */
    public Tensor transposed() {
        requireDimensions(2);
        return new Tensor(name, what, dtype, shape.reversed(), new long[] {strides[1], strides[0]}, bytes);
    }

    /**
     * All elements of a vector or a scalar.
     *
     * @throws DataException if it has more dimensions, or elements that aren't numbers
     */
    public double[] values() {
        if (shape.size() > 1) {
            throw new DataException(what + " has the shape " + shape + " where a vector was expected");
        }
        int size = bytes(dtype);
        if (size == 0) {
            throw new DataException(what + " is of type " + dtype + ", which can't be read; convert it to float32");
        }
        long count = shape.isEmpty() ? 1 : shape.getFirst();
        if (count > Integer.MAX_VALUE - 8) {
            throw new DataException(what + " has " + count + " elements, more than can be read");
        }
        double[] values = new double[(int) count];
        try (TensorBytes.Loan loan = bytes.borrow()) {
            long step = shape.isEmpty() ? 0 : strides[0] * size;
            for (int i = 0; i < values.length; i++) {
                values[i] = element(loan.segment(), i * step);
            }
        }
        return values;
    }

    private double element(MemorySegment segment, long at) {
        return switch (dtype) {
            case "F32" -> segment.get(Matrix.FLOAT, at);
            case "F64" -> segment.get(Matrix.DOUBLE, at);
            case "F16" -> Float.float16ToFloat(segment.get(Matrix.SHORT, at));
            case "BF16" -> DType.bfloat16ToFloat(segment.get(Matrix.SHORT, at));
            case "I64" -> segment.get(Matrix.LONG, at);
            case "I32" -> segment.get(Matrix.INT, at);
            case "I16" -> segment.get(Matrix.SHORT, at);
            case "I8" -> segment.get(ValueLayout.JAVA_BYTE, at);
            default -> segment.get(ValueLayout.JAVA_BYTE, at) & 0xFF;
        };
    }

    /**
     * Access to the rows of a matrix of floating-point numbers. Compressed data are held, inflated, until it is closed.
     *
     * @throws DataException if it isn't such a matrix
     */
    public TensorRows rows() {
        requireDimensions(2);
        if (!isFloating()) {
            throw new DataException(what + " is of type " + dtype + " where F32, F16, BF16 or F64 was expected");
        }
        return new TensorRows(
                DType.valueOf(dtype), bytes.borrow(), shape.getFirst(), shape.getLast(), strides[0], strides[1]);
    }

    private void requireDimensions(int wanted) {
        if (shape.size() != wanted) {
            throw new DataException(
                    what + " has the shape " + shape + " where " + wanted + " dimensions were expected");
        }
    }

    @Override
    public String toString() {
        return what + ": " + describe();
    }
}
