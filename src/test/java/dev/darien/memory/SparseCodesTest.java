// SPDX-License-Identifier: Apache-2.0
package dev.darien.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class SparseCodesTest {
    private static SparseCodes example(Allocator allocator) {
        SparseCodes codes = SparseCodes.allocate(allocator, 3, 100, 8);
        int[] offsets = {0, 2, 2, 5};
        int[] latents = {3, 99, 0, 50, 51};
        for (int row = 0; row < offsets.length; row++) {
            codes.offsets().setLong(0, row, offsets[row]);
        }
        for (int entry = 0; entry < latents.length; entry++) {
            codes.indices().setLong(0, entry, latents[entry]);
            codes.values().set(0, entry, entry + 0.5f);
        }
        return codes;
    }

    @Test
    void entriesOfARowLieBetweenItsOffsets() {
        try (Allocator allocator = Allocator.host("test");
                SparseCodes codes = example(allocator)) {
            assertThat(codes.rows()).isEqualTo(3);
            assertThat(codes.entries()).isEqualTo(5);
            assertThat(codes.capacity()).isEqualTo(8);
            assertThat(codes.start(1)).isEqualTo(codes.start(2));
            assertThat(codes.latent(codes.start(2))).isZero();
            assertThat(codes.value(1)).isEqualTo(1.5f);
        }
    }

    @Test
    void theFirstRowsShareTheMemory() {
        try (Allocator allocator = Allocator.host("test");
                SparseCodes codes = example(allocator)) {
            SparseCodes first = codes.firstRows(1);
            assertThat(first.rows()).isEqualTo(1);
            assertThat(first.entries()).isEqualTo(2);
            first.values().set(0, 0, 7);
            assertThat(codes.value(0)).isEqualTo(7);
            first.close();
            assertThat(codes.value(0)).isEqualTo(7);
        }
    }

    @Test
    void sizesAndTypesAreChecked() {
        try (Allocator allocator = Allocator.host("test");
                SparseCodes codes = example(allocator)) {
            assertThatThrownBy(() -> SparseCodes.allocate(allocator, 4, 10, -1))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> SparseCodes.allocate(allocator, 4, 10, 1L << 31))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("use a smaller batch");
            assertThatThrownBy(() -> new SparseCodes(codes.values(), codes.indices(), codes.values(), 5))
                    .isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void failureHalfwayLeavesNothingCounted() {
        Allocator allocator = Allocator.over("small", bytes -> {
            if (bytes > 1000) {
                throw new OutOfMemoryError("full");
            }
            return Storage.HOST.allocate(bytes);
        });
        assertThatThrownBy(() -> SparseCodes.allocate(allocator, 4, 10, 1000)).isInstanceOf(OutOfMemoryError.class);
        assertThat(allocator.allocatedBytes()).isZero();
        allocator.close();
    }

    @Test
    void useAfterCloseIsAnException() {
        try (Allocator allocator = Allocator.host("test")) {
            SparseCodes codes = example(allocator);
            codes.close();
            codes.close();
            assertThat(allocator.allocatedBytes()).isZero();
            assertThatThrownBy(codes::entries).isInstanceOf(IllegalStateException.class);
            assertThatThrownBy(() -> codes.value(0)).isInstanceOf(IllegalStateException.class);
        }
    }
}
