// SPDX-License-Identifier: Apache-2.0
package dev.darien;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The README's library example compiles as it stands there and trains an SAE on the shipped activations. */
class ReadmeTest {
    @TempDir
    private Path folder;

    @Test
    void theLibraryExampleCompilesAndTrainsAnSae() throws Exception {
        String readme = Files.readString(Path.of("README.md"));
        Matcher block = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL).matcher(readme);
        assertThat(block.find()).as("a java block in README.md").isTrue();
        Path source = folder.resolve("Example.java");
        Files.writeString(source, block.group(1));
        String classPath = Path.of("target", "classes").toAbsolutePath() + ":" + System.getProperty("java.class.path");
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        StringWriter complaints = new StringWriter();
        try (var manager = compiler.getStandardFileManager(null, null, null)) {
            var options = List.of("-classpath", classPath, "-d", folder.toString());
            boolean compiled = compiler.getTask(
                            complaints, manager, null, options, null, manager.getJavaFileObjects(source))
                    .call();
            assertThat(compiled).as(complaints.toString()).isTrue();
        }

        Path sae = Files.createDirectory(folder.resolve("sae"));
        Path output = folder.resolve("output.txt");
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--add-modules",
                        "jdk.incubator.vector",
                        "-classpath",
                        folder + ":" + classPath,
                        "Example",
                        Path.of("samples", "tiny-lm-heldout.safetensors")
                                .toAbsolutePath()
                                .toString(),
                        sae.toString())
                .redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .start();
        assertThat(process.waitFor(3, TimeUnit.MINUTES)).as("ended by itself").isTrue();

        String said = Files.readString(output);
        assertThat(process.exitValue()).as(said).isZero();
        assertThat(sae.resolve("cfg.json")).exists();
        Matcher fvu = Pattern.compile("FVU ([0-9.E-]+)").matcher(said);
        assertThat(fvu.find()).as(said).isTrue();
        assertThat(Double.parseDouble(fvu.group(1))).as(said).isBetween(0.0, 0.5);
        assertThat(said).containsPattern("Strongest latents \\[Active\\[latent=\\d+, value=[0-9.]+], Active");
    }
}
