// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FilesAsideTest {
    /** Above what Linux numbers processes with. */
    private static final String GONE = "99999999-1f.tmp";

    @TempDir
    private Path folder;

    @Test
    void whatKilledProcessesLeftIsRemovedAndNothingElse() throws Exception {
        Path target = folder.resolve("a.json");
        Path running = FilesAside.of(target);
        for (Path left : List.of(aside(".a.json."), aside(".a.json.offsets."), aside(".b.json."), running)) {
            Files.writeString(left, "half");
        }
        Files.writeString(Files.createDirectory(aside(".folder.")).resolve("half"), "half");

        JsonFile.write(target, Map.of());
        FilesAside.removeAbandoned(folder.resolve("folder"));

        assertThat(aside(".a.json.")).doesNotExist();
        assertThat(aside(".a.json.offsets.")).doesNotExist();
        assertThat(aside(".folder.")).doesNotExist();
        assertThat(aside(".b.json.")).exists();
        assertThat(running).exists();
        assertThat(target).exists();
    }

    private Path aside(String beginning) {
        return folder.resolve(beginning + GONE);
    }
}
