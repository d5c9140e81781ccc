// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.darien.device.Device;
import dev.darien.device.DeviceOptions;
import dev.darien.device.Devices;
import dev.darien.device.PackedEncoder;
import dev.darien.device.PinnedMemory;
import dev.darien.device.Precision;
import dev.darien.device.Product;
import dev.darien.memory.DType;
import dev.darien.memory.LeakException;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What only a GPU has: memory that Java can't read, pinned memory, streams, precisions. */
@Tag("cuda")
class CudaDeviceTest {
    private static final String NAME = "cuda:0";

    private static Matrix onDevice(Device device, float... values) {
        Matrix matrix = device.memory().vector("test", values.length);
        try (Matrix host = device.staging("test", DType.F32, 1, values.length)) {
            host.setRow(0, values);
            device.upload(host, matrix);
        }
        return matrix;
    }

    private static float[] read(Device device, Matrix matrix) {
        try (Matrix host = device.staging("read", DType.F32, matrix.rows(), matrix.columns())) {
            device.download(matrix, host);
            return host.toArray(0);
        }
    }

    @Test
    void saysWhatItIs() {
        try (Device device = Device.open("cuda")) {
            assertThat(device.name()).isEqualTo(NAME);
            assertThat(device.describe()).contains("compute capability", "driver for CUDA", "cuBLAS");
            assertThat(device.kernelsName()).startsWith("cuda-");
        }
        try (Device device = Devices.open(NAME, new DeviceOptions(0, Precision.TF32))) {
            assertThat(device.kernelsName()).endsWith("-tf32");
        }
    }

    @Test
    void itsMemoryIsOutOfJavasReach() {
        try (Device device = Device.open(NAME);
                Matrix matrix = onDevice(device, 1, 2, 3)) {
            assertThat(matrix.isHost()).isFalse();
            assertThatThrownBy(() -> matrix.get(0, 0)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThat(read(device, matrix)).containsExactly(1, 2, 3);
        }
    }

    @Test
    void useAfterCloseIsAnException() {
        Device device = Device.open(NAME);
        Matrix closed = onDevice(device, 1, 2);
        try (Matrix open = onDevice(device, 3, 4)) {
            Matrix view = closed.slice(0, 1);
            closed.close();
            for (Matrix gone : List.of(closed, view)) {
                assertThatThrownBy(() -> device.kernels().scale(gone, 2))
                        .isInstanceOf(IllegalStateException.class)
                        .hasMessageContaining("given back");
                assertThatThrownBy(() -> device.download(gone, open)).isInstanceOf(IllegalStateException.class);
            }
            assertThat(read(device, open)).containsExactly(3, 4);
        }
        device.close();
        device.close();
        assertThatThrownBy(device::synchronize)
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("closed");
        assertThatThrownBy(() -> device.memory().vector("late", 1)).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void anEncoderWhoseWeightsAreGoneIsRefused() {
        try (Device device = Device.open(NAME);
                Matrix x = device.memory().matrix("x", 2, 3);
                Matrix bias = device.memory().vector("bias", 4);
                PackedEncoder encoder = device.packedEncoder(4, 3);
                SparseCodes codes = SparseCodes.allocate(device.memory(), 2, 4, 8)) {
            assertThatThrownBy(() -> device.kernels().encodeTopK(x, encoder, 2, null, codes))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("packed");
            Matrix weights = device.memory().matrix("weights", 4, 3);
            device.kernels().pack(weights, bias, encoder);
            weights.close();
            assertThatThrownBy(() -> device.kernels().encodeTopK(x, encoder, 2, null, codes))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("given back");
        }
    }

    @Test
    void memoryStillHeldWhenItClosesIsAnErrorThatSaysWhose() {
        Device device = Device.open(NAME);
        Matrix forgotten = device.memory().vector("forgotten", 100);
        Matrix staged = device.staging("staged", DType.F32, 1, 10);
        assertThatThrownBy(device::close).isInstanceOf(LeakException.class).satisfies(e -> assertThat(
                        e.getMessage() + List.of(e.getSuppressed()))
                .contains("forgotten", "staged"));
        assertThatThrownBy(() -> staged.get(0, 0)).isInstanceOf(IllegalStateException.class);
        forgotten.close();
        staged.close();
        try (Device again = Device.open(NAME)) {
            assertThat(again.memory().allocatedBytes()).isZero();
        }
    }

    @Test
    void aSegmentOfTheCallersIsUsedInPlace() {
        try (Device device = Device.open(NAME);
                Arena arena = Arena.ofShared();
                Matrix out = device.memory().vector("out", 3)) {
            // Not at the beginning of a page, as a part of somebody's own block.
            MemorySegment block = arena.allocate(10_000, 64);
            Matrix mine = Matrix.of(block.asSlice(4_512), DType.F32, 1, 3);
            mine.setRow(0, 1, 2, 3);
            assertThatThrownBy(() -> device.kernels().scale(mine, 2))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("pin");
            PinnedMemory pin = device.pin(block);
            try {
                assertThatThrownBy(() -> device.pin(block)).isInstanceOf(IllegalArgumentException.class);
                device.kernels().convert(mine, 10, null, out);
                device.synchronize();
                assertThat(read(device, out)).containsExactly(10, 20, 30);
                mine.setRow(0, 4, 5, 6);
                device.kernels().scale(mine, 2);
                device.synchronize();
                assertThat(mine.toArray(0)).as("written by a kernel").containsExactly(8, 10, 12);
            } finally {
                pin.close();
            }
            pin.close();
            assertThatThrownBy(() -> device.kernels().scale(mine, 2)).isInstanceOf(IllegalArgumentException.class);
            // Any host memory can be converted; what isn't pinned is copied.
            device.kernels().convert(mine, 1, null, out);
            assertThat(read(device, out)).containsExactly(8, 10, 12);
        }
    }

    @Test
    void memoryOfTheHeapCanNotBePinnedButCopied() {
        try (Device device = Device.open(NAME);
                Matrix out = device.memory().vector("out", 2)) {
            MemorySegment heap = MemorySegment.ofArray(new float[] {1, 2});
            assertThatThrownBy(() -> device.pin(heap)).isInstanceOf(IllegalArgumentException.class);
            device.upload(Matrix.of(heap, DType.F32, 1, 2), out);
            assertThat(read(device, out)).containsExactly(1, 2);
            MemorySegment back = MemorySegment.ofArray(new float[2]);
            device.download(out, Matrix.of(back, DType.F32, 1, 2));
            assertThat(back.toArray(Matrix.FLOAT)).containsExactly(1, 2);
        }
    }

    /** The driver's context belongs to a thread, so each call has to see to it. */
    @Test
    void anyThreadMayUseItOneAfterTheOther() {
        try (Device device = Device.open(NAME);
                Device other = Device.open(NAME);
                Matrix matrix = onDevice(device, 1, 2);
                Matrix others = onDevice(other, 3, 4)) {
            for (int round = 0; round < 3; round++) {
                CompletableFuture.runAsync(() -> device.kernels().scale(matrix, 2))
                        .join();
                CompletableFuture.runAsync(() -> other.kernels().scale(others, 3))
                        .join();
            }
            assertThat(read(device, matrix)).containsExactly(8, 16);
            assertThat(read(other, others)).containsExactly(81, 108);
        }
    }

    @Test
    void operandsAreRoundedOnlyWhenThatWasAskedFor() {
        // 1 + 2^-12 is exact in single precision, neither in TF32's 10 bits nor in BF16's 7.
        float value = 1 + 0x1p-12f;
        List<Float> results = new ArrayList<>();
        for (Precision precision : Precision.values()) {
            try (Device device = Devices.open(NAME, new DeviceOptions(0, precision));
                    Matrix a = device.memory().matrix("a", 16, 16);
                    Matrix b = device.memory().matrix("b", 16, 16);
                    Matrix out = device.memory().matrix("out", 16, 16)) {
                device.kernels().fill(a, value);
                device.kernels().fill(b, 1);
                device.kernels().multiply(Product.NT, a, b, out, false);
                results.add(read(device, out)[0]);
            }
        }
        assertThat(results.get(Precision.FP32.ordinal())).isEqualTo(16 * value);
        assertThat(results.get(Precision.TF32.ordinal())).isEqualTo(16f);
        assertThat(results.get(Precision.BF16.ordinal())).isEqualTo(16f);
    }

    /** The fast selection has room for a number of candidates; ties beyond it go the slow way, with the same result. */
    @Test
    void manyTiesAreSelectedLikeFew() {
        int latents = 5000;
        try (Device device = Device.open(NAME);
                Matrix x = device.memory().matrix("x", 3, 1);
                Matrix weights = device.memory().matrix("weights", latents, 1);
                Matrix bias = device.memory().vector("bias", latents);
                PackedEncoder encoder = device.packedEncoder(latents, 1);
                SparseCodes codes = SparseCodes.allocate(device.memory(), 3, latents, 3 * 600)) {
            device.kernels().fill(bias, 1);
            device.kernels().pack(weights, bias, encoder);
            for (int k : new int[] {1, 7, 512, 600}) {
                device.kernels().encodeTopK(x, encoder, k, null, codes);
                try (Matrix indices = device.staging("indices", DType.I32, 1, 3 * k)) {
                    device.download(codes.indices().prefix(3 * k), indices);
                    for (int at = 0; at < 3 * k; at++) {
                        assertThat(indices.getLong(0, at)).isEqualTo(at % k);
                    }
                }
            }
        }
    }

    @Test
    void measuresItsOwnPeaks() {
        try (Device device = Device.open(NAME)) {
            assertThat(device.measurePeaks()).isNotNull().satisfies(peaks -> {
                assertThat(peaks.fmaGflops()).isPositive();
                assertThat(peaks.copyGigabytesPerSecond()).isPositive();
            });
        }
    }
}
