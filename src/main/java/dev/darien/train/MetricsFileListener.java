// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import dev.darien.data.DataException;
import dev.darien.data.JsonFile;
import java.io.BufferedWriter;
import java.io.FileWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Writes every report to {@code metrics.jsonl} and {@code metrics.csv} in the folder of its SAE. A resumed run goes on
 * after the step it resumed from: what was reported beyond that step is taken out, so that no step is there twice.
 */
public final class MetricsFileListener implements TrainingListener {
    /** One JSON object a line. */
    public static final String LINES = "metrics.jsonl";
    /** The same with commas, under a line of names. */
    public static final String TABLE = "metrics.csv";

    private final List<BufferedWriter> lines = new ArrayList<>();
    private final List<BufferedWriter> tables = new ArrayList<>();
    private final List<Path> folders;

    /**
     * Opens the files.
     *
     * @param folders one for each SAE of the run; they exist
     * @param resumedFrom the step that the run goes on from, 0 to start the files anew
     * @throws DataException if they can't be written
     */
    public MetricsFileListener(List<Path> folders, long resumedFrom) {
        this.folders = List.copyOf(folders);
        try {
            for (Path folder : folders) {
                List<Map<String, Object>> kept = read(folder.resolve(LINES)).stream()
                        .filter(line -> step(line) <= resumedFrom)
                        .toList();
                lines.add(restart(
                        folder.resolve(LINES),
                        kept.stream().map(line -> JsonFile.line(line) + "\n").collect(Collectors.joining())));
                tables.add(restart(
                        folder.resolve(TABLE),
                        kept.isEmpty()
                                ? ""
                                : header(kept.getFirst())
                                        + kept.stream()
                                                .map(MetricsFileListener::row)
                                                .collect(Collectors.joining())));
            }
        } catch (RuntimeException e) {
            close();
            throw e;
        }
    }

    /** The reports in {@code file}, oldest first; none if there is no such file. A line that was cut off is left out. */
    public static List<Map<String, Object>> read(Path file) {
        List<Map<String, Object>> reports = new ArrayList<>();
        if (!Files.exists(file)) {
            return reports;
        }
        try {
            for (String line : Files.readAllLines(file)) {
                try {
                    reports.add(JsonFile.parse(line, file.toString()));
                } catch (DataException cutOff) {
                    // The process was killed while it wrote this line.
                    break;
                }
            }
            return reports;
        } catch (IOException e) {
            throw new DataException(file + " can't be read: " + e.getMessage(), e);
        }
    }

    private static long step(Map<String, Object> report) {
        return report.get("step") instanceof Number step ? step.longValue() : Long.MAX_VALUE;
    }

    private static BufferedWriter restart(Path file, String content) {
        JsonFile.writeText(file, content);
        try {
            // Not a channel, which an interrupt of the thread would close.
            return new BufferedWriter(new FileWriter(file.toFile(), StandardCharsets.UTF_8, true));
        } catch (IOException e) {
            throw new DataException(file + " can't be written: " + e.getMessage(), e);
        }
    }

    private static String header(Map<String, Object> report) {
        return String.join(",", report.keySet()) + "\n";
    }

    private static String row(Map<String, Object> report) {
        return report.values().stream()
                        .map(value -> value == null ? "" : value.toString())
                        .collect(Collectors.joining(","))
                + "\n";
    }

    @Override
    public void onReport(int run, TrainingMetrics metrics) {
        try {
            // Read back from JSON, so that a resumed run writes the same text as one that wasn't interrupted.
            String line = JsonFile.line(metrics.asMap());
            Map<String, Object> report = JsonFile.parse(line, LINES);
            Path table = folders.get(run).resolve(TABLE);
            lines.get(run).write(line + "\n");
            lines.get(run).flush();
            if (Files.size(table) == 0) {
                tables.get(run).write(header(report));
            }
            tables.get(run).write(row(report));
            tables.get(run).flush();
        } catch (IOException e) {
            throw new DataException(
                    "the metrics in " + folders.get(run) + " can't be written: " + e.getMessage()
                            + "; free space or choose another place",
                    e);
        }
    }

    @Override
    public void close() {
        for (List<BufferedWriter> writers : List.of(lines, tables)) {
            for (BufferedWriter writer : writers) {
                try {
                    writer.close();
                } catch (IOException e) {
                    // Every report was flushed when it was written.
                    System.getLogger(MetricsFileListener.class.getName())
                            .log(System.Logger.Level.DEBUG, "a metrics file couldn't be closed", e);
                }
            }
        }
    }
}
