// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JsonFileTest {
    @TempDir
    private Path folder;

    @Test
    void numbersThatJsonLacksAreNullAtAnyDepth() {
        Map<String, Object> object =
                Map.of("runs", List.of(Map.of("loss", Double.NaN), List.of(Float.POSITIVE_INFINITY, 1.5)));

        assertThat(JsonFile.line(object)).isEqualTo("{\"runs\":[{\"loss\":null},[null,1.5]]}");
    }

    @Test
    void whatIsWrittenIsReadBack() {
        Path file = folder.resolve("a.json");
        JsonFile.write(file, Map.of("k", 4, "text", "ä", "nested", Map.of("x", 1.0e-4)));

        assertThat(JsonFile.read(file)).isEqualTo(Map.of("k", 4, "text", "ä", "nested", Map.of("x", 1.0e-4)));
    }

    @Test
    void whatIsNoObjectIsRefusedWithTheNameOfTheFile() throws Exception {
        for (String text : List.of("null", "[1]", "3", "{", "")) {
            Path file = Files.writeString(folder.resolve("bad.json"), text);
            assertThatThrownBy(() -> JsonFile.read(file))
                    .as(text)
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("bad.json is not a JSON object");
        }
        Path binary = Files.write(folder.resolve("binary.json"), new byte[] {(byte) 0xff, (byte) 0xfe});
        assertThatThrownBy(() -> JsonFile.read(binary))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("isn't text in UTF-8");
        assertThatThrownBy(() -> JsonFile.read(folder.resolve("missing.json")))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("missing.json can't be read: it doesn't exist");
    }
}
