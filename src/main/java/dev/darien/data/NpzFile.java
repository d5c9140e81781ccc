// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.Map;

/** An archive of arrays that {@code numpy.savez} or {@code savez_compressed} wrote: a zip of npy files. */
final class NpzFile {
    private static final String SUFFIX = ".npy";
    private static final long USUAL_HEADER = 256;
    /** The key of the archive's comment among the metadata. */
    static final String COMMENT = "comment";

    private NpzFile() {}

    /** The arrays by name, as {@link TensorFile#content()}. */
    static Map<String, Object> content(ZipDirectory zip) {
        Map<String, Object> arrays = new LinkedHashMap<>();
        zip.entries().forEach((file, entry) -> {
            if (!file.endsWith(SUFFIX)) {
                throw new DataException(entry.what() + " isn't an array, so that this is neither an npz file nor one of"
                        + " PyTorch; name the file that holds the weights");
            }
            String name = file.substring(0, file.length() - SUFFIX.length());
            try (Arena arena = Arena.ofConfined()) {
                arrays.put(
                        name,
                        array(zip.path().toString(), name, beginning(entry, arena), () -> borrow(entry), entry.size()));
            }
        });
        return arrays;
    }

    /** No more than the header, so that an archive of many arrays isn't inflated just to list them. */
    private static MemorySegment beginning(ZipDirectory.Entry entry, Arena arena) {
        MemorySegment first = entry.beginning(arena, USUAL_HEADER);
        return NpyHeader.end(first) <= USUAL_HEADER ? first : entry.beginning(arena, NpyHeader.MOST_BYTES);
    }

    /** Texts that the archive carries. */
    static Map<String, String> metadata(ZipDirectory zip) {
        return zip.comment().isEmpty() ? Map.of() : Map.of(COMMENT, zip.comment());
    }

    private static TensorBytes.Loan borrow(ZipDirectory.Entry entry) {
        if (!entry.deflated()) {
            return new TensorBytes.Loan(entry.data(), () -> {});
        }
        Arena arena = Arena.ofConfined();
        try {
            return new TensorBytes.Loan(entry.bytes(arena), arena::close);
        } catch (RuntimeException | Error e) {
            arena.close();
            throw e;
        }
    }

    /**
     * An array with its header.
     *
     * @param beginning of {@code bytes}, long enough for any header
     * @param size of {@code bytes}
     */
    static Tensor array(String file, String name, MemorySegment beginning, TensorBytes bytes, long size) {
        String what = name.isEmpty() ? file : file + ", array '" + name + "'";
        NpyHeader header = NpyHeader.parse(what, beginning, size);
        long begin = header.dataBegin();
        long[] strides =
                Tensor.contiguous(header.fortranOrder() ? header.shape().reversed() : header.shape());
        TensorBytes data = () -> {
            TensorBytes.Loan whole = bytes.borrow();
            return new TensorBytes.Loan(whole.segment().asSlice(begin), whole.release());
        };
        return Tensor.of(
                file,
                name,
                header.type(),
                header.shape(),
                header.fortranOrder() ? reversed(strides) : strides,
                data,
                size - begin);
    }

    private static long[] reversed(long[] values) {
        long[] reversed = new long[values.length];
        for (int i = 0; i < values.length; i++) {
            reversed[i] = values[values.length - 1 - i];
        }
        return reversed;
    }
}
