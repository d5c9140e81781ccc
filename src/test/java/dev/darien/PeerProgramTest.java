// SPDX-License-Identifier: Apache-2.0
package dev.darien;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.IntBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Darien's side of {@code ci/compare-pytorch}, which no other build compiles. */
final class PeerProgramTest {
    private static final int WIDTH = 8;
    private static final int LATENTS = 32;
    private static final int BATCH = 16;
    private static final int K = 4;

    @Test
    void answersEveryCommandWithALine(@TempDir Path folder) throws IOException, InterruptedException {
        Path data = folder.resolve("data.bin");
        Path selected = folder.resolve("selected.bin");
        Path commands = folder.resolve("commands");
        Files.write(
                commands,
                List.of(
                        "threads 1",
                        "open " + data + " 8 32 16 4",
                        "threshold",
                        "case topk 0.001 0 0.1 0",
                        "losses 8",
                        "run 1 2",
                        "case relu 0.001 0.01 0.1 0.5",
                        "losses 1",
                        "case jumprelu 0.001 0.01 0.1 0.5",
                        "losses 1",
                        "case encode 0 0 0 0",
                        "run 1 1",
                        "case sgemm 0 0 0 0",
                        "run 1 1",
                        "selected " + selected,
                        "memory",
                        "parts 1"));

        List<String> answers = answers(folder, commands);

        assertThat(answers).hasSize(17);
        assertThat(Files.size(data)).isEqualTo(4L * (4 * BATCH * WIDTH + LATENTS * WIDTH));
        double[] losses = numbers(answers.get(4));
        assertThat(losses).hasSize(8);
        // The fifth step sees the rows of the first again.
        assertThat(losses[4]).isPositive().isLessThan(losses[0]);
        assertThat(numbers(answers.get(5))).hasSize(2).doesNotContain(0);
        assertThat(numbers(answers.get(7))).hasSize(1);
        assertThat(numbers(answers.get(9))).hasSize(1);
        IntBuffer latents = ByteBuffer.wrap(Files.readAllBytes(selected))
                .order(ByteOrder.LITTLE_ENDIAN)
                .asIntBuffer();
        assertThat(latents.remaining()).isEqualTo(BATCH * K);
        while (latents.hasRemaining()) {
            assertThat(latents.get()).isBetween(0, LATENTS - 1);
        }
        assertThat(numbers(answers.get(15))[0]).isPositive();
        assertThat(numbers(answers.get(16))).hasSize(3);
    }

    private static double[] numbers(String line) {
        return Arrays.stream(line.split(" ", -1))
                .filter(word -> !word.isEmpty())
                .mapToDouble(Double::parseDouble)
                .toArray();
    }

    private static List<String> answers(Path folder, Path commands) throws IOException, InterruptedException {
        Path output = folder.resolve("output");
        Path errors = folder.resolve("errors");
        int status = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--add-modules",
                        "jdk.incubator.vector",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Path.of("ci", "peers", "CpuDarien.java").toString())
                .redirectInput(commands.toFile())
                .redirectOutput(output.toFile())
                .redirectError(errors.toFile())
                .start()
                .waitFor();
        assertThat(status).as(Files.readString(errors)).isZero();
        return Files.readAllLines(output);
    }
}
