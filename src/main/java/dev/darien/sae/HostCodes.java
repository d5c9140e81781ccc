// SPDX-License-Identifier: Apache-2.0
package dev.darien.sae;

import dev.darien.device.Device;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import java.util.ArrayList;
import java.util.List;

/** Codes in memory that Java can read. */
public final class HostCodes {
    private HostCodes() {}

    /** A copy of {@code codes}, which are on {@code device}; waits for them. The caller closes it. */
    public static SparseCodes copy(Device device, SparseCodes codes) {
        List<Matrix> made = new ArrayList<>();
        try {
            Matrix offsets = copy(device, "code offsets", codes.offsets(), made);
            int entries = Math.toIntExact(offsets.getLong(0, codes.rows()));
            return new SparseCodes(
                    offsets,
                    copy(device, "code indices", codes.indices().prefix(entries), made),
                    copy(device, "code values", codes.values().prefix(entries), made),
                    codes.latents());
        } catch (RuntimeException | Error e) {
            made.forEach(Matrix::close);
            throw e;
        }
    }

    private static Matrix copy(Device device, String label, Matrix matrix, List<Matrix> made) {
        Matrix copy = device.staging(label, matrix.dtype(), matrix.rows(), matrix.columns());
        made.add(copy);
        device.download(matrix, copy);
        return copy;
    }
}
