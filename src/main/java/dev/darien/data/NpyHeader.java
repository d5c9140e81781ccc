// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The header of an npy file: a magic string, a version, a length and a Python dictionary literal with exactly
 * {@code descr}, {@code fortran_order} and {@code shape}.
 */
record NpyHeader(DType dtype, List<Long> shape, long dataBegin) {
    private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};
    private static final long LONGEST = 1 << 20;
    private static final Pattern ENTRY = Pattern.compile(
            "\\s*['\"](\\w+)['\"]\\s*:\\s*('[^']*'|\"[^\"]*\"|True|False|\\([^()]*\\)|\\[.*])\\s*(,|$)");

    static boolean hasMagic(MemorySegment bytes) {
        return bytes.byteSize() >= MAGIC.length
                && bytes.asSlice(0, MAGIC.length).mismatch(MemorySegment.ofArray(MAGIC)) < 0;
    }

    static NpyHeader parse(Path file, MemorySegment bytes) {
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
        if (length > LONGEST || begin + length > bytes.byteSize()) {
            throw new DataException("%s says that its header has %d bytes, but %s; it is damaged or truncated"
                    .formatted(
                            file,
                            length,
                            length > LONGEST
                                    ? "at most " + LONGEST + " are allowed"
                                    : "only " + (bytes.byteSize() - begin) + " follow"));
        }
        String literal = new String(
                bytes.asSlice(begin, length).toArray(ValueLayout.JAVA_BYTE),
                version == 3 ? StandardCharsets.UTF_8 : StandardCharsets.ISO_8859_1);
        NpyHeader header = parseLiteral(file, literal.strip(), begin + length);
        header.requireData(file, bytes.byteSize() - begin - length);
        return header;
    }

    private static NpyHeader parseLiteral(Path file, String literal, long dataBegin) {
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
        DType dtype = dtype(file, descr);
        if (!order.equals("False")) {
            throw new DataException(file + " is in Fortran order (columns first), but C order is needed; "
                    + "save it with numpy.ascontiguousarray");
        }
        return new NpyHeader(dtype, sizes(file, shape), dataBegin);
    }

    private static String once(Path file, String before, String value) {
        if (!before.isEmpty()) {
            throw malformed(file);
        }
        return value;
    }

    private static DType dtype(Path file, String descr) {
        String type = descr.startsWith("[") ? descr : descr.substring(1, descr.length() - 1);
        return switch (type) {
            case "<f4" -> DType.F32;
            case "<f2" -> DType.F16;
            case "<f8" -> DType.F64;
            case "<i4" -> DType.I32;
            case "<i8" -> DType.I64;
            default -> throw new DataException(file + " holds elements of type '" + type + "': " + refusal(type));
        };
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

    private static List<Long> sizes(Path file, String tuple) {
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

    private void requireData(Path file, long available) {
        long needed = dtype.bytes();
        try {
            for (long size : shape) {
                needed = Math.multiplyExact(needed, size);
            }
        } catch (ArithmeticException e) {
            throw new DataException(
                    file + " has the shape " + shape + ", more than any file can hold; save it again", e);
        }
        if (needed > available) {
            throw new DataException("%s is truncated: its shape %s takes %d bytes but only %d are there; copy it again"
                    .formatted(file, shape, needed, available));
        }
        if (needed < available) {
            throw new DataException("%s has %d bytes after its array of shape %s; save it again"
                    .formatted(file, available - needed, shape));
        }
    }

    private static DataException malformed(Path file) {
        return new DataException(file + " has a header that isn't a dictionary of descr, fortran_order and shape; "
                + "save it again with numpy.save");
    }
}
