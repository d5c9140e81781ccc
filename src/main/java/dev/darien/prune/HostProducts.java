// SPDX-License-Identifier: Apache-2.0
package dev.darien.prune;

import dev.darien.device.Device;
import dev.darien.device.Product;
import dev.darien.memory.Closing;
import dev.darien.memory.Matrix;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Products of matrices in the host's memory on any device. A CPU's kernels work on them in place. On a GPU the operands
 * and the result are copied each time, which a small classifier can afford.
 */
final class HostProducts implements AutoCloseable {
    private record Key(int role, long rows, int columns) {}

    private final Device device;
    private final boolean inPlace;
    private final Map<Key, Matrix> copies = new HashMap<>();

    HostProducts(Device device) {
        this.device = device;
        try (Matrix probe = device.memory().vector("probe", 1)) {
            this.inPlace = probe.isHost();
        }
    }

    /** {@code out = A·B} by {@code product}; {@code out} holds it when the call returns. */
    void multiply(Product product, Matrix a, Matrix b, Matrix out) {
        if (inPlace) {
            device.kernels().multiply(product, a, b, out, false);
            return;
        }
        Matrix left = copy(0, a);
        Matrix right = copy(1, b);
        Matrix result = copy(2, out);
        device.upload(a, left);
        device.upload(b, right);
        device.kernels().multiply(product, left, right, result, false);
        device.download(result, out);
    }

    private Matrix copy(int role, Matrix host) {
        return copies.computeIfAbsent(new Key(role, host.rows(), host.columns()), key -> device.memory()
                .matrix("copy of an operand", key.rows(), key.columns()));
    }

    @Override
    public void close() {
        Closing.all(List.copyOf(copies.values()));
        copies.clear();
    }
}
