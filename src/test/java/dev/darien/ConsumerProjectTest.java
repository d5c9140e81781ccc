// SPDX-License-Identifier: Apache-2.0
package dev.darien;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The project in {@code src/it/consumer} compiles without a warning and runs against Darien and its one required
 * dependency, on the class path and on the module path, with and without the Vector API. Nothing optional is there:
 * neither picocli nor JSpecify.
 */
class ConsumerProjectTest {
    private static final Path SOURCES = Path.of("src", "it", "consumer");
    private static final String INCUBATOR_NOTICE = "WARNING: Using incubator modules: jdk.incubator.vector";

    @TempDir
    private Path folder;

    @ParameterizedTest(name = "module path {0}, Vector API {1}")
    @CsvSource({"false, false", "false, true", "true, false", "true, true"})
    void aConsumerCompilesAndRuns(boolean modulePath, boolean vectorApi) throws Exception {
        Path classes = compile(modulePath);

        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.add("-Xmx256m");
        // The default of a future JDK: nothing on the CPU side may need native access.
        command.add("--illegal-native-access=deny");
        if (vectorApi) {
            command.addAll(List.of("--add-modules", "jdk.incubator.vector"));
        }
        String path = darienAndJackson() + File.pathSeparator + classes;
        command.addAll(
                modulePath
                        ? List.of("--module-path", path, "--module", "consumer/consumer.Main")
                        : List.of("-classpath", path, "consumer.Main"));
        Path output = folder.resolve("output.txt");
        Path errors = folder.resolve("errors.txt");
        Process process = new ProcessBuilder(command)
                .directory(folder.toFile())
                .redirectOutput(output.toFile())
                .redirectError(errors.toFile())
                .start();
        boolean ended = process.waitFor(2, TimeUnit.MINUTES);
        if (!ended) {
            process.destroyForcibly().waitFor();
        }

        String said =
                "%s%noutput: %s%nerrors: %s".formatted(command, Files.readString(output), Files.readString(errors));
        assertThat(ended).as("ended by itself: %s", said).isTrue();
        assertThat(process.exitValue()).as(said).isZero();
        assertThat(Files.readAllLines(output)).as(said).containsExactly("consumer done");
        assertThat(Files.readAllLines(errors).contains(INCUBATOR_NOTICE))
                .as(said)
                .isEqualTo(vectorApi);
    }

    private Path compile(boolean modulePath) throws IOException {
        Path classes = Files.createDirectories(folder.resolve("classes"));
        List<Path> sources;
        try (Stream<Path> files = Files.walk(SOURCES)) {
            sources = files.filter(file -> file.toString().endsWith(".java"))
                    .filter(file -> modulePath || !file.endsWith("module-info.java"))
                    .toList();
        }
        assertThat(sources)
                .as("consumer sources under %s", SOURCES.toAbsolutePath())
                .isNotEmpty();
        List<String> options = List.of(
                "-Xlint:all,-incubating",
                "-Werror",
                modulePath ? "--module-path" : "-classpath",
                darienAndJackson(),
                "-d",
                classes.toString());
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        StringWriter complaints = new StringWriter();
        try (var manager = compiler.getStandardFileManager(null, null, null)) {
            boolean compiled = compiler.getTask(
                            complaints, manager, null, options, null, manager.getJavaFileObjectsFromPaths(sources))
                    .call();
            assertThat(compiled).as("%s%n%s", options, complaints).isTrue();
        }
        return classes;
    }

    private static String darienAndJackson() {
        String jackson = Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
                .filter(entry -> Path.of(entry).getFileName().toString().startsWith("jackson-"))
                .collect(Collectors.joining(File.pathSeparator));
        assertThat(jackson).as("Jackson on the test class path").isNotEmpty();
        return Path.of("target", "classes").toAbsolutePath() + File.pathSeparator + jackson;
    }
}
