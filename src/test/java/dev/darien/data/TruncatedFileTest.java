// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A file that becomes shorter while it is mapped: Linux sends SIGBUS, which would end a C program. */
class TruncatedFileTest {
    @TempDir
    private Path folder;

    @Test
    void readingOnIsAnErrorAndNotTheEndOfTheProcess() throws Exception {
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx256m",
                        "-XX:-UsePerfData",
                        "-XX:ErrorFile=" + folder.resolve("crash.log"),
                        "-cp",
                        System.getProperty("java.class.path"),
                        "dev.darien.data.TruncatedWhileMapped",
                        folder.toString())
                .redirectErrorStream(true)
                .start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(said).isZero();
        assertThat(said).contains("alive").doesNotContain(": read");
        for (String way : new String[] {"copy", "double values", "element", "rows", "scan"}) {
            assertThat(said).contains(way + ": a fault occurred in an unsafe memory access operation");
        }
    }
}
