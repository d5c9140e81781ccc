// SPDX-License-Identifier: Apache-2.0
package dev.darien.interop;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** {@code docs/formats.md} knows every name, and no other. */
class FormatsDocTest {
    @Test
    void everyNameIsExplained() throws IOException {
        String page = Files.readString(Path.of("docs", "formats.md"));
        assertThat(SaeFile.names()).allSatisfy(name -> assertThat(page).contains("`" + name + "`"));
        String written = page.substring(page.indexOf("## What is written"));
        List<String> rows = Pattern.compile("(?m)^\\| `([a-z][a-z-]+)` \\|")
                .matcher(written)
                .results()
                .map(row -> row.group(1))
                .toList();
        assertThat(rows)
                .containsExactlyElementsOf(
                        SaeFormat.written().stream().map(SaeFormat::id).toList());

        SaeFormat.written().stream()
                .flatMap(format -> format.writer().files().stream())
                .forEach(file -> assertThat(written).contains("`" + file + "`"));
    }
}
