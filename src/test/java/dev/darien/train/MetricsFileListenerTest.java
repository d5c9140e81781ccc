// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.darien.data.DataException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MetricsFileListenerTest {
    @TempDir
    private Path folder;

    @Test
    void aResumedRunGoesOnWithoutAStepTwice() throws IOException {
        report(0, 10, 20, 30);
        // What a process that was killed leaves.
        Files.writeString(folder.resolve("metrics.jsonl"), "{\"step\":4", StandardOpenOption.APPEND);

        report(20, 30, 40);

        assertThat(steps()).containsExactly(10, 20, 30, 40);
        assertThat(Files.readAllLines(folder.resolve("metrics.csv")))
                .hasSize(5)
                .allSatisfy(line -> assertThat(line.chars().filter(c -> c == ',').count()).isEqualTo(10));
    }

    @Test
    void aNewRunBeginsNewFiles() {
        report(0, 10, 20);
        report(0, 5);

        assertThat(steps()).containsExactly(5);
    }

    @Test
    void aResumedRunWritesTheSameFilesAsAWholeOne() throws IOException {
        report(0, 10, 20, 30);
        byte[] lines = Files.readAllBytes(folder.resolve("metrics.jsonl"));
        byte[] table = Files.readAllBytes(folder.resolve("metrics.csv"));

        report(10, 20, 30);

        assertThat(Files.readAllBytes(folder.resolve("metrics.jsonl"))).isEqualTo(lines);
        assertThat(Files.readAllBytes(folder.resolve("metrics.csv"))).isEqualTo(table);
    }

    @Test
    void aFolderThatIsntThereIsADataException() {
        assertThatThrownBy(() -> new MetricsFileListener(List.of(folder.resolve("missing")), 0))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("metrics.jsonl");
    }

    private void report(long resumedFrom, long... steps) {
        try (MetricsFileListener listener = new MetricsFileListener(List.of(folder), resumedFrom)) {
            for (long step : steps) {
                // NaN is a number that JSON lacks: null in one file, nothing in the other.
                listener.onReport(
                        0, new TrainingMetrics(step, 100, step * 8, 1e-4 * step, 0.5, 16, 0, Double.NaN, 0, 1e-3, 9, step));
            }
        }
    }

    private List<Object> steps() {
        return MetricsFileListener.read(folder.resolve("metrics.jsonl")).stream()
                .map(report -> report.get("step"))
                .toList();
    }
}
