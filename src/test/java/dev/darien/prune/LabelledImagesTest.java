// SPDX-License-Identifier: Apache-2.0
package dev.darien.prune;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.darien.data.DataException;
import dev.darien.memory.Matrix;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LabelledImagesTest {
    @TempDir
    private Path folder;

    private Path write(String images, int imageBytes, String labels, int... classes) throws IOException {
        String header = ("{\"images\":{\"dtype\":\"U8\",\"shape\":%s,\"data_offsets\":[0,%d]},"
                        + "\"labels\":{\"dtype\":\"U8\",\"shape\":%s,\"data_offsets\":[%d,%d]}}")
                .formatted(images, imageBytes, labels, imageBytes, imageBytes + classes.length);
        ByteBuffer bytes = ByteBuffer.allocate(8 + header.length() + imageBytes + classes.length)
                .order(ByteOrder.LITTLE_ENDIAN);
        bytes.putLong(header.length()).put(header.getBytes(StandardCharsets.UTF_8));
        for (int i = 0; i < imageBytes; i++) {
            bytes.put((byte) (255 - i));
        }
        for (int label : classes) {
            bytes.put((byte) label);
        }
        return Files.write(folder.resolve("images.safetensors"), bytes.array());
    }

    @Test
    void pixelsAreReadAsZeroToOne() throws IOException {
        LabelledImages images = LabelledImages.read(write("[3,2]", 6, "[3]", 0, 200, 3));

        assertThat(images.count()).isEqualTo(3);
        assertThat(images.width()).isEqualTo(2);
        assertThat(images.classes()).isEqualTo(201);
        assertThat(images.label(1)).isEqualTo(200);
        MemorySegment rows = MemorySegment.ofArray(new float[4]);
        images.slice(1, 2).copy(1, rows, 1);
        assertThat(rows.get(Matrix.FLOAT, 8)).isEqualTo(251 / 255f);
        assertThat(rows.get(Matrix.FLOAT, 12)).isEqualTo(250 / 255f);
        assertThat(rows.get(Matrix.FLOAT, 0)).isZero();
    }

    @Test
    void filesOfAnotherKindAreRefusedInASentence() throws IOException {
        Path flat = write("[6]", 6, "[3]", 0, 1, 2);
        assertThatThrownBy(() -> LabelledImages.read(flat))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("'images' is U8 [6] where U8 with 2 dimensions was expected");
        Path few = write("[3,2]", 6, "[2]", 0, 1);
        assertThatThrownBy(() -> LabelledImages.read(few)).hasMessageContaining("3 images of 2 pixels and 2 labels");
        Path one = write("[2,2]", 4, "[2]", 0, 0);
        assertThatThrownBy(() -> LabelledImages.read(one)).hasMessageContaining("only one class");
        Path none = write("[0,2]", 0, "[0]");
        assertThatThrownBy(() -> LabelledImages.read(none)).isInstanceOf(DataException.class);
    }

    @Test
    void generatedDigitsDependOnTheSeedOnly() {
        LabelledImages some = LabelledImages.generated(50, 16, 1);
        LabelledImages same = LabelledImages.generated(50, 16, 1);
        LabelledImages others = LabelledImages.generated(50, 16, 2);
        boolean differ = false;
        for (int i = 0; i < 50; i++) {
            assertThat(same.label(i)).isEqualTo(some.label(i));
            assertThat(row(same, i)).containsExactly(row(some, i));
            differ |= others.label(i) != some.label(i);
        }
        assertThat(differ).isTrue();
        assertThat(some.classes()).isEqualTo(10);
        assertThatThrownBy(() -> LabelledImages.generated(50, 12, 1)).hasMessageContaining("13 x 13");
    }

    private static float[] row(LabelledImages images, int image) {
        float[] row = new float[images.width()];
        images.copy(image, MemorySegment.ofArray(row), 0);
        return row;
    }
}
