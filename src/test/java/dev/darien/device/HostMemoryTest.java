// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.darien.memory.Allocator;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What devices promise of the host's memory: when it may be overwritten, and which kernels take it. */
@Tag("device")
class HostMemoryTest {
    static Stream<String> devices() {
        return BatchQueueTest.devices();
    }

    private static Matrix row(Arena arena, float... values) {
        Matrix matrix = Matrix.of(arena.allocate(4096, 4096), DType.F32, 1, values.length);
        matrix.setRow(0, values);
        return matrix;
    }

    @ParameterizedTest
    @MethodSource("devices")
    void whatWasUploadedOrConvertedMayBeOverwritten(String name) {
        try (Device device = Device.open(name);
                DeviceFixture fixture = DeviceFixture.on(device, null);
                Arena arena = Arena.ofShared();
                Matrix staging = device.staging("staging", DType.F32, 1, 3)) {
            for (Matrix host : new Matrix[] {row(arena, 1, 2, 3), staging}) {
                host.setRow(0, 1, 2, 3);
                Matrix uploaded = fixture.matrix(DType.F32, 1, 3);
                Matrix converted = fixture.matrix(DType.F32, 1, 3);
                device.kernels().convert(host, 2, null, converted);
                host.setRow(0, 4, 5, 6);
                device.upload(host, uploaded);
                host.setRow(0, -1, -1, -1);
                device.kernels().exponentialAverage(uploaded, 0.5f, converted);
                device.download(converted, host);
                assertThat(host.toArray(0)).containsExactly(3, 4.5f, 6);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void memoryOfOneThreadIsRefused(String name) {
        try (Device device = Device.open(name);
                DeviceFixture fixture = DeviceFixture.on(device, null);
                Arena confined = Arena.ofConfined()) {
            Matrix host = row(confined, 1, 2, 3);
            Matrix there = fixture.matrix(DType.F32, 1, 3);
            assertThatThrownBy(() -> device.kernels().convert(host, 2, null, there))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("source F32[1, 3] is in memory that only one thread may use");
            // Copies are the caller's own work.
            device.upload(host, there);
            host.setRow(0, 0, 0, 0);
            device.download(there, host);
            assertThat(host.toArray(0)).containsExactly(1, 2, 3);
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void copiesAreOfTheSameShape(String name) {
        try (Device device = Device.open(name);
                Matrix there = device.memory().matrix("there", 2, 3);
                Matrix other = device.staging("other", DType.F32, 3, 2);
                Matrix half = device.staging("half", DType.F16, 2, 3)) {
            for (Matrix host : new Matrix[] {other, half}) {
                assertThatThrownBy(() -> device.upload(host, there)).isInstanceOf(IllegalArgumentException.class);
                assertThatThrownBy(() -> device.download(there, host)).isInstanceOf(IllegalArgumentException.class);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void pinnedMemoryIsUsedInPlace(String name) {
        try (Device device = Device.open(name);
                DeviceFixture fixture = DeviceFixture.on(device, null);
                Arena arena = Arena.ofShared()) {
            MemorySegment memory = arena.allocate(8192, 4096);
            Matrix whole = Matrix.of(memory, DType.F32, 4, 512);
            for (int row = 0; row < 4; row++) {
                whole.set(row, 0, 3 + row);
                whole.set(row, 1, 4);
            }
            Matrix norms = fixture.matrix(DType.F32, 1, 2);
            PinnedMemory pin = device.pin(memory);
            device.kernels().rowNorms(whole.slice(0, 2).prefix(2), norms);
            assertThat(fixture.scalar(norms)).isEqualTo(5);
            // Waited for by now.
            whole.set(1, 0, 0);
            device.kernels().scale(whole.slice(1, 1), 2);
            device.kernels().rowNorms(whole.slice(1, 2), norms);
            pin.close();
            pin.close();
            assertThat(whole.get(1, 1)).as("written by a kernel").isEqualTo(8);
            assertThat(fixture.scalar(norms)).isEqualTo(8);
            // What was given back may be pinned again.
            device.pin(memory).close();
            assertThatThrownBy(() -> device.pin(MemorySegment.ofArray(new float[8])))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("heap");
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void otherKernelsTakeHostMemoryOnlyWhereItIsTheDevices(String name) {
        try (Device device = Device.open(name);
                DeviceFixture fixture = DeviceFixture.on(device, null);
                Arena arena = Arena.ofShared()) {
            Matrix host = row(arena, 3, 4);
            Matrix norms = fixture.vector(0);
            if (norms.isHost()) {
                device.kernels().rowNorms(host, norms);
                assertThat(fixture.scalar(norms)).isEqualTo(5);
            } else {
                assertThatThrownBy(() -> device.kernels().rowNorms(host, norms))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageStartingWith("x F32[1, 2] is not in ");
                assertThatThrownBy(() -> device.kernels().convert(norms, 1, null, row(arena, 0)))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageStartingWith("out F32[1, 1] is not in ");
            }
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void memoryThatWasGivenBackIsAnException(String name) {
        try (Device device = Device.open(name)) {
            Matrix matrix = device.memory().matrix("gone", 4, 3);
            Matrix view = matrix.slice(1, 2).prefix(2);
            device.kernels().fill(matrix, 1);
            matrix.close();
            for (Matrix gone : new Matrix[] {matrix, view}) {
                assertThatThrownBy(() -> device.kernels().scale(gone, 2)).isInstanceOf(IllegalStateException.class);
                assertThatThrownBy(() -> device.kernels().fill(gone, 2)).isInstanceOf(IllegalStateException.class);
                try (Allocator memory = Allocator.host("host");
                        Matrix host = memory.matrix("host", gone.rows(), gone.columns())) {
                    assertThatThrownBy(() -> device.upload(host, gone)).isInstanceOf(IllegalStateException.class);
                    assertThatThrownBy(() -> device.download(gone, host)).isInstanceOf(IllegalStateException.class);
                }
            }
        }
    }
}
