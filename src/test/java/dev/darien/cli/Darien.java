// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.darien.data.JsonFile;
import java.io.File;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import picocli.CommandLine;

/** Runs the program, inside this JVM or as a process of its own. */
final class Darien {
    static final String DATA = "synthetic:d=16,true=32,p=0.1,rows=4096,seed=5";
    static final List<String> SMALL = List.of("--latents", "64", "--tokens", "4096", "--batch", "512");

    private Darien() {}

    /** What a command came to. */
    record Outcome(int status, String out, String err) {
        Map<String, Object> json() {
            assertThat(status).as(err).isZero();
            assertThat(out.strip().lines()).as("one line on standard output").hasSize(1);
            return JsonFile.parse(out, "standard output");
        }

        Outcome succeeded() {
            assertThat(status).as(err).isZero();
            return this;
        }

        /** Exit status 2, one line that says why, no stack trace, nothing on standard output. */
        Outcome refused(String... reasons) {
            assertThat(status).as(err).isEqualTo(2);
            assertThat(out).isEmpty();
            String[] lines = err.strip().split("\n");
            assertThat(lines[lines.length - 1]).startsWith("darien: ").contains(reasons);
            assertThat(err).doesNotContain("Exception", "\tat ");
            return this;
        }
    }

    static Outcome run(Object... arguments) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        Console console = new Console(new PrintWriter(out, true), new PrintWriter(err, true), false);
        int status = Main.run(console, Interruption.none(), words(arguments));
        return new Outcome(status, out.toString(), err.toString());
    }

    /** {@code train} with the small options, which later ones add to. */
    static Outcome train(String data, Path out, Object... options) {
        List<Object> all = new ArrayList<>(List.of("train", data, "--out", out, "--json", "--no-progress"));
        all.addAll(SMALL);
        all.addAll(List.of(options));
        return run(all.toArray());
    }

    /** Flattens lists and turns everything into text. */
    static String[] words(Object... arguments) {
        return Stream.of(arguments)
                .flatMap(argument -> argument instanceof List<?> list ? list.stream() : Stream.of(argument))
                .map(String::valueOf)
                .toArray(String[]::new);
    }

    /** The command of a process of its own, as the launcher would start it. */
    static List<String> command(List<String> before, Object... arguments) {
        List<String> command = new ArrayList<>(before);
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of(
                "-Xmx512m",
                "-XX:-UsePerfData",
                "--add-exports",
                "java.base/jdk.internal.module=ALL-UNNAMED",
                "-Ddarien.home=" + Path.of("").toAbsolutePath(),
                "-cp",
                classPath(),
                "dev.darien.cli.Main"));
        command.addAll(List.of(words(arguments)));
        return command;
    }

    private static String classPath() {
        return Stream.of(Main.class, CommandLine.class, ObjectMapper.class, JsonFactory.class, JsonInclude.class)
                .map(type -> {
                    try {
                        return Path.of(type.getProtectionDomain()
                                        .getCodeSource()
                                        .getLocation()
                                        .toURI())
                                .toString();
                    } catch (URISyntaxException e) {
                        throw new IllegalStateException(e);
                    }
                })
                .collect(Collectors.joining(File.pathSeparator));
    }

    /** Starts {@code command}, writing its streams to {@code out.txt} and {@code err.txt} in {@code folder}. */
    static Process start(Path folder, List<String> command) throws IOException {
        return new ProcessBuilder(command)
                .directory(folder.toFile())
                .redirectOutput(folder.resolve("out.txt").toFile())
                .redirectError(folder.resolve("err.txt").toFile())
                .start();
    }

    static Outcome await(Path folder, Process process) throws IOException, InterruptedException {
        try {
            assertThat(process.waitFor(2, TimeUnit.MINUTES)).as("ended in time").isTrue();
        } finally {
            process.destroyForcibly();
        }
        return new Outcome(
                process.exitValue(),
                Files.readString(folder.resolve("out.txt")),
                Files.readString(folder.resolve("err.txt")));
    }

    /** Runs the program as a process of its own. */
    static Outcome spawn(Path folder, Object... arguments) throws IOException, InterruptedException {
        return await(folder, start(folder, command(List.of(), arguments)));
    }

    static byte[] weights(Path sae) {
        try {
            return Files.readAllBytes(sae.resolve("sae_weights.safetensors"));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    /** Names of everything below {@code folder}; empty if it isn't there. */
    static List<String> contents(Path folder) throws IOException {
        if (!Files.exists(folder)) {
            return List.of();
        }
        try (Stream<Path> all = Files.walk(folder)) {
            return all.filter(path -> !path.equals(folder))
                    .map(path -> folder.relativize(path).toString())
                    .sorted()
                    .toList();
        }
    }

    /** How many files of this name lie in {@code folder} and the folders in it. */
    static long runs(Path folder, String file) {
        try {
            return contents(folder).stream()
                    .filter(name -> name.equals(file) || name.endsWith("/" + file))
                    .count();
        } catch (IOException | java.io.UncheckedIOException changing) {
            return 0;
        }
    }
}
