// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The header of an npy file: a magic string, a version, a length and a Python dictionary literal with exactly
 * {@code descr}, {@code fortran_order} and {@code shape}.
 */
record NpyHeader(String what, String descr, boolean fortranOrder, List<Long> shape, long dataBegin) {
    private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};
    private static final long LONGEST = 1 << 20;
    /** Bytes that hold every header that is read. */
    static final long MOST_BYTES = LONGEST + 12;

    private static final Pattern ENTRY = Pattern.compile(
            "\\s*['\"](\\w+)['\"]\\s*:\\s*('[^']*'|\"[^\"]*\"|True|False|\\([^()]*\\)|\\[.*])\\s*(,|$)");

    static boolean hasMagic(MemorySegment bytes) {
        return bytes.byteSize() >= MAGIC.length
                && bytes.asSlice(0, MAGIC.length).mismatch(MemorySegment.ofArray(MAGIC)) < 0;
    }

    /** Where a header that begins so ends; 0 if it doesn't begin as one. */
    static long end(MemorySegment bytes) {
        if (!hasMagic(bytes) || bytes.byteSize() < 12) {
            return 0;
        }
        return bytes.get(ValueLayout.JAVA_BYTE, 6) == 1
                ? 10L + Short.toUnsignedInt(bytes.get(Matrix.SHORT, 8))
                : 12L + Integer.toUnsignedLong(bytes.get(Matrix.INT, 8));
    }

    /**
     * Reads the header of an array of {@code size} bytes, header included, that begins with {@code bytes}.
     *
     * @param file named in messages
     * @throws DataException if it isn't sound, or the array has another size than it says
     */
    static NpyHeader parse(String file, MemorySegment bytes, long size) {
        if (!hasMagic(bytes) || bytes.byteSize() < 12) {
            throw new DataException(file + " isn't an npy file: it doesn't begin as NumPy writes one");
        }
        int version = bytes.get(ValueLayout.JAVA_BYTE, 6);
        if (version < 1 || version > 3) {
            throw new DataException(file + " is an npy file of version " + version + ", but 1 to 3 can be read");
        }
        int begin = version == 1 ? 10 : 12;
        long length = version == 1
                ? Short.toUnsignedLong(bytes.get(Matrix.SHORT, 8))
                : Integer.toUnsignedLong(bytes.get(Matrix.INT, 8));
        if (length > LONGEST || begin + length > size) {
            throw new DataException("%s says that its header has %d bytes, but %s; it is damaged or truncated"
                    .formatted(
                            file,
                            length,
                            length > LONGEST
                                    ? "at most " + LONGEST + " are allowed"
                                    : "only " + (size - begin) + " follow"));
        }
        String literal = new String(
                bytes.asSlice(begin, length).toArray(ValueLayout.JAVA_BYTE),
                version == 3 ? StandardCharsets.UTF_8 : StandardCharsets.ISO_8859_1);
        NpyHeader header = parseLiteral(file, literal.strip(), begin + length);
        header.requireData(size - begin - length);
        return header;
    }

    private static NpyHeader parseLiteral(String file, String literal, long dataBegin) {
        if (!literal.startsWith("{") || !literal.endsWith("}")) {
            throw malformed(file);
        }
        String entries = literal.substring(1, literal.length() - 1).strip();
        String descr = "";
        String order = "";
        String shape = "";
        Matcher matcher = ENTRY.matcher(entries);
        int at = 0;
        while (at < entries.length()) {
            if (!matcher.region(at, entries.length()).lookingAt()) {
                throw malformed(file);
            }
            String value = matcher.group(2);
            switch (matcher.group(1)) {
                case "descr" -> descr = once(file, descr, value);
                case "fortran_order" -> order = once(file, order, value);
                case "shape" -> shape = once(file, shape, value);
                default -> throw malformed(file);
            }
            at = matcher.end();
        }
        if (descr.isEmpty() || order.isEmpty() || !shape.startsWith("(")) {
            throw malformed(file);
        }
        if ("'\"[".indexOf(descr.charAt(0)) < 0) {
            throw malformed(file);
        }
        String type = descr.startsWith("[") ? descr : descr.substring(1, descr.length() - 1);
        return new NpyHeader(file, type, !order.equals("False"), sizes(file, shape), dataBegin);
    }

    private static String once(String file, String before, String value) {
        if (!before.isEmpty()) {
            throw malformed(file);
        }
        return value;
    }

    /** The element type as safetensors names it; NumPy's name where safetensors has none. */
    String type() {
        return switch (descr) {
            case "<f4" -> "F32";
            case "<f2" -> "F16";
            case "<f8" -> "F64";
            case "<i8" -> "I64";
            case "<i4" -> "I32";
            case "<i2" -> "I16";
            case "|i1" -> "I8";
            case "|u1" -> "U8";
            case "|b1" -> "BOOL";
            default -> descr;
        };
    }

    /**
     * The element type of an array whose bytes are a matrix as they lie there.
     *
     * @throws DataException if they aren't
     */
    DType matrixType() {
        DType dtype =
                switch (descr) {
                    case "<f4" -> DType.F32;
                    case "<f2" -> DType.F16;
                    case "<f8" -> DType.F64;
                    case "<i4" -> DType.I32;
                    case "<i8" -> DType.I64;
                    default ->
                        throw new DataException(what + " holds elements of type '" + descr + "': " + refusal(descr));
                };
        if (fortranOrder) {
            throw new DataException(what + " is in Fortran order (columns first), but C order is needed; "
                    + "save it with numpy.ascontiguousarray");
        }
        return dtype;
    }

    private static String refusal(String type) {
        if (type.startsWith(">")) {
            return "big-endian numbers can't be read; save it with .astype('<f4')";
        }
        if (type.contains("O")) {
            return "Python objects can't be read; save an array of float32 instead";
        }
        if (type.startsWith("[")) {
            return "records can't be read; save one field as an array of float32";
        }
        if (type.equals("|V2") || type.equals("<V2")) {
            return "bfloat16 isn't a type of npy; save it as safetensors, or with .astype('<f4')";
        }
        return "only <f4, <f2, <f8, <i4 and <i8 can be read; save it with .astype('<f4')";
    }

    private static List<Long> sizes(String file, String tuple) {
        List<Long> sizes = new ArrayList<>();
        String inner = tuple.substring(1, tuple.length() - 1).strip();
        if (inner.isEmpty()) {
            return List.of();
        }
        String[] parts = (inner.endsWith(",") ? inner.substring(0, inner.length() - 1) : inner).split(",", -1);
        for (String part : parts) {
            // Python 2 wrote long integers with an L.
            String digits = part.strip().replaceFirst("L$", "");
            try {
                sizes.add(Long.parseLong(digits));
            } catch (NumberFormatException e) {
                throw malformed(file);
            }
            if (sizes.getLast() < 0) {
                throw new DataException(file + " has the shape " + tuple + " with a negative size; save it again");
            }
        }
        return List.copyOf(sizes);
    }

    private void requireData(long available) {
        int elementBytes = Tensor.bytes(type());
        if (elementBytes == 0) {
            // Listed, but never read.
            return;
        }
        long needed = elementBytes;
        try {
            for (long size : shape) {
                needed = Math.multiplyExact(needed, size);
            }
        } catch (ArithmeticException e) {
            throw new DataException(
                    what + " has the shape " + shape + ", more than any file can hold; save it again", e);
        }
        if (needed > available) {
            throw new DataException("%s is truncated: its shape %s takes %d bytes but only %d are there; copy it again"
                    .formatted(what, shape, needed, available));
        }
        if (needed < available) {
            throw new DataException("%s has %d bytes after its array of shape %s; save it again"
                    .formatted(what, available - needed, shape));
        }
    }

    private static DataException malformed(String file) {
        return new DataException(file + " has a header that isn't a dictionary of descr, fortran_order and shape; "
                + "save it again with numpy.save");
    }
}
