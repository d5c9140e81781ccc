// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Once warm, a step allocates next to nothing: no native memory, and on the heap some views and lambdas. Measured in a
 * process of its own, because what the compiler makes of the kernels depends on all that ran before.
 */
class AllocationTest {
    private static final List<String> CASES = List.of(
            "topk,64,16,256,0",
            "topk,300,40,1500,1",
            "batchtopk,300,40,1500,0",
            "batchtopk,64,33,500,1",
            "gradient-topk,64,16,256,0",
            "abs-topk,64,16,256,0",
            "matching-pursuit,64,16,256,0",
            "jumprelu,100,40,1500,0",
            "jumprelu,64,16,256,1",
            "relu,64,16,256,0",
            "april,64,16,256,1",
            "tanh,64,16,256,1",
            "matryoshka,64,16,256,1",
            "gated,64,16,256,1");
    private static final long MOST_BYTES = 10_000;

    @Test
    void aStepAllocatesNextToNothing(@TempDir Path folder) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of("--add-modules", "jdk.incubator.vector", "-cp", System.getProperty("java.class.path")));
        command.add(AllocationProbe.class.getName());
        command.addAll(CASES);
        Path output = folder.resolve("output");
        Path errors = folder.resolve("errors");
        int status = new ProcessBuilder(command)
                .redirectOutput(output.toFile())
                .redirectError(errors.toFile())
                .start()
                .waitFor();
        assertThat(status).as(() -> read(errors)).isZero();
        List<String> lines = Files.readAllLines(output);
        assertThat(lines).hasSameSizeAs(CASES);
        assertThat(lines).allSatisfy(line -> {
            String[] numbers = line.split(" ", -1);
            assertThat(Long.parseLong(numbers[1]))
                    .as("bytes on the training thread")
                    .isLessThan(MOST_BYTES);
            assertThat(Long.parseLong(numbers[2])).as("bytes on the workers").isLessThan(MOST_BYTES);
            assertThat(Long.parseLong(numbers[3])).as("native allocations").isZero();
            assertThat(Long.parseLong(numbers[4])).as("growth of the peak").isZero();
        });
    }

    private static String read(Path file) {
        try {
            return Files.readString(file, StandardCharsets.UTF_8);
        } catch (IOException e) {
            return e.toString();
        }
    }
}
