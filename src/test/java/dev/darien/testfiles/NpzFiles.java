// SPDX-License-Identifier: Apache-2.0
package dev.darien.testfiles;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.stream.Collectors;

/** Archives as {@code numpy.savez} and {@code savez_compressed} write them. */
public final class NpzFiles {
    private NpzFiles() {}

    public static Path write(Path file, Map<String, Values> arrays, boolean compressed) {
        ZipFiles zip = new ZipFiles(ZipFiles.Style.NUMPY);
        arrays.forEach((name, values) -> {
            byte[] npy = npy(values);
            if (compressed) {
                zip.deflated(name + ".npy", npy);
            } else {
                zip.stored(name + ".npy", npy);
            }
        });
        return zip.write(file);
    }

    public static byte[] npy(Values values) {
        String descr =
                switch (values.dtype()) {
                    case "F32" -> "<f4";
                    case "F64" -> "<f8";
                    case "F16" -> "<f2";
                    case "I64" -> "<i8";
                    case "I32" -> "<i4";
                    default -> "|u1";
                };
        String shape =
                Arrays.stream(values.shape()).mapToObj(size -> size + ",").collect(Collectors.joining(" ", "(", ")"));
        return npy("{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + ", }", values.bytes());
    }

    public static byte[] npy(String literal, byte[] data) {
        String padded = literal + " ".repeat(63 - (10 + literal.length()) % 64) + "\n";
        return new Bytes()
                .u8(0x93)
                .text("NUMPY")
                .u8(1, 0)
                .u16(padded.length())
                .text(padded)
                .raw(data)
                .array();
    }
}
