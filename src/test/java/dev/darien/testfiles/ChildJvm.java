// SPDX-License-Identifier: Apache-2.0
package dev.darien.testfiles;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Runs a main class of the tests in a JVM of its own, for what could end this one. */
public final class ChildJvm {
    /** Which the child is to have as its parent has them. */
    private static final List<String> PROPERTIES = List.of(
            "darien.vector.bits", "darien.test.devices", "darien.cuda.lib", "darien.cublas.lib", "darien.nvrtc.lib");

    private ChildJvm() {}

    /**
     * How it ended, and what it said on both streams.
     *
     * @param status 0 if all went well, else of an exception or a signal
     */
    public record Outcome(int status, String said) {}

    public static Outcome run(Path folder, Class<?> main, String... arguments)
            throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx512m",
                "-XX:-UsePerfData",
                "-XX:-CreateCoredumpOnCrash",
                "-XX:ErrorFile=" + folder.resolve("crash.log"),
                "--add-modules",
                "jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path")));
        for (String property : PROPERTIES) {
            String value = System.getProperty(property);
            if (value != null) {
                command.add(1, "-D" + property + "=" + value);
            }
        }
        command.add(main.getName());
        command.addAll(Arrays.asList(arguments));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        return new Outcome(process.waitFor(), said);
    }
}
