// SPDX-License-Identifier: Apache-2.0
package dev.darien.gpucheck;

import dev.darien.data.JsonFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * Runs commands on the machine that is checked, each under a time limit, in a folder that holds {@code samples/}.
 *
 * @param java the JVM
 * @param classPath of library and tests
 * @param home what the commands run in
 * @param work for files that nobody keeps
 * @param logs for what the commands print
 * @param device that is checked
 * @param deadline of the whole check, as {@link System#nanoTime()}
 */
record Machine(Path java, String classPath, Path home, Path work, Path logs, String device, long deadline) {

    /**
     * How a command ended.
     *
     * @param status its exit status, -1 if it was stopped at its time limit
     */
    record Ended(int status, String output, String errors, double seconds) {
        boolean well() {
            return status == 0;
        }

        /** The last line that says something, for people. */
        String lastWords() {
            String text = status == -1 ? "stopped at its time limit" : "exit status " + status;
            return Stream.of(errors, output)
                    .flatMap(String::lines)
                    .filter(line -> !line.isBlank())
                    .reduce((first, second) -> second)
                    .map(line -> text + ": " + line)
                    .orElse(text);
        }
    }

    /** The bundled JVM's command line, ready for a main class and its arguments. */
    List<String> jvm(String... more) {
        List<String> command = new ArrayList<>(List.of(
                java.toString(),
                "--add-modules",
                "jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED",
                "-Ddarien.test.devices=" + device));
        command.addAll(List.of("-cp", classPath));
        command.addAll(Arrays.asList(more));
        return command;
    }

    Ended darien(Duration limit, String... arguments) {
        List<String> command = jvm("dev.darien.cli.Main");
        command.addAll(Arrays.asList(arguments));
        return run("darien-" + arguments[0], limit, command);
    }

    /** What a command printed as one JSON object; empty if it failed or printed something else. */
    static Optional<Map<String, Object>> json(Ended ended) {
        if (!ended.well()) {
            return Optional.empty();
        }
        return ended.output()
                .lines()
                .filter(line -> line.startsWith("{"))
                .reduce((first, second) -> second)
                .map(line -> JsonFile.parse(line, "a report"));
    }

    /** A part of the time that is left. */
    Duration share(double part) {
        return Duration.ofNanos((long) (part * Math.max(0, deadline - System.nanoTime())));
    }

    static double number(Map<String, Object> map, String key) {
        return map.get(key) instanceof Number number ? number.doubleValue() : Double.NaN;
    }

    Ended run(String name, Duration limit, List<String> command) {
        long started = System.nanoTime();
        long left = Math.min(limit.toNanos(), deadline - started);
        if (left <= 0) {
            return new Ended(-1, "", "no time was left for it", 0);
        }
        Path out = logs.resolve(name + "-" + Long.toHexString(started) + ".out");
        Path err = logs.resolve(name + "-" + Long.toHexString(started) + ".err");
        try {
            Process process = new ProcessBuilder(command)
                    .directory(home.toFile())
                    .redirectOutput(out.toFile())
                    .redirectError(err.toFile())
                    .start();
            process.getOutputStream().close();
            boolean ended = process.waitFor(left, TimeUnit.NANOSECONDS);
            if (!ended) {
                process.descendants().forEach(ProcessHandle::destroyForcibly);
                process.destroyForcibly().waitFor();
            }
            double seconds = (System.nanoTime() - started) / 1e9;
            return new Ended(ended ? process.exitValue() : -1, text(out), text(err), seconds);
        } catch (IOException e) {
            return new Ended(127, "", e.getMessage(), 0);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", e);
        }
    }

    private static String text(Path file) throws IOException {
        return new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
    }

    /** Where a program is on the PATH. */
    static Optional<Path> find(String program, String... furtherFolders) {
        String path = Optional.ofNullable(System.getenv("PATH")).orElse("");
        return Stream.concat(Arrays.stream(path.split(":", -1)), Arrays.stream(furtherFolders))
                .filter(folder -> !folder.isEmpty())
                .map(folder -> Path.of(folder, program))
                .filter(Files::isExecutable)
                .findFirst();
    }
}
