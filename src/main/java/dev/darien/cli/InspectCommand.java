// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import dev.darien.data.CodesFile;
import dev.darien.data.DataException;
import dev.darien.data.JsonFile;
import dev.darien.data.NpyFile;
import dev.darien.data.SafetensorsFile;
import dev.darien.data.TensorInfo;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code darien inspect}. */
@Command(
        name = "inspect",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        description = {
            "Says what a file or folder is: tensors, types, shapes, configuration.",
            "",
            "Knows safetensors and npy files, folders with an SAE, and the folders that darien train writes.",
            ""
        })
final class InspectCommand implements Callable<Integer> {
    private static final byte[] NPY = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};

    private final Console console;

    @Parameters(index = "0", paramLabel = "FILE|DIR", description = "What to look at.")
    private Path path = Path.of("");

    @Option(names = "--json", description = "Print it as one JSON object.")
    private boolean json;

    InspectCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        Map<String, Object> found = Files.isDirectory(path) ? folder(path) : file(path);
        if (json) {
            console.json(found);
        } else {
            console.print(text(found));
        }
        return 0;
    }

    private static Map<String, Object> file(Path file) {
        Map<String, Object> found = new LinkedHashMap<>();
        found.put("path", file.toString());
        if (isNpy(file)) {
            try (NpyFile npy = NpyFile.open(file)) {
                found.put("kind", "npy file");
                found.put("tensors", List.of(tensor("", npy.dtype().name(), npy.shape())));
            }
            return found;
        }
        try (SafetensorsFile tensors = SafetensorsFile.open(file)) {
            boolean codes = tensors.tensors().keySet().containsAll(Set.of("offsets", "indices", "values"))
                    && tensors.metadata().containsKey(CodesFile.LATENTS);
            found.put("kind", codes ? "sparse codes in a safetensors file" : "safetensors file");
            found.put("metadata", tensors.metadata());
            found.put("tensors", tensors(tensors));
        }
        return found;
    }

    private static boolean isNpy(Path file) {
        if (!Files.isRegularFile(file)) {
            return false;
        }
        try (InputStream in = Files.newInputStream(file)) {
            return java.util.Arrays.equals(in.readNBytes(NPY.length), NPY);
        } catch (IOException e) {
            // Opening it as a safetensors file says what is wrong with it.
            return false;
        }
    }

    private static List<Map<String, Object>> tensors(SafetensorsFile file) {
        List<Map<String, Object>> tensors = new ArrayList<>();
        for (TensorInfo info : file.tensors().values()) {
            tensors.add(tensor(info.name(), info.dtype(), info.shape()));
        }
        return tensors;
    }

    private static Map<String, Object> tensor(String name, String dtype, List<Long> shape) {
        Map<String, Object> tensor = new LinkedHashMap<>();
        tensor.put("name", name);
        tensor.put("dtype", dtype);
        tensor.put("shape", shape);
        return tensor;
    }

    private static Map<String, Object> folder(Path folder) {
        Map<String, Object> found = new LinkedHashMap<>();
        found.put("path", folder.toString());
        Optional<RunRecord> record = RunRecord.read(folder);
        Path configuration = folder.resolve(OutputFolder.CONFIGURATION);
        Path weights = folder.resolve(OutputFolder.WEIGHTS);
        List<Long> checkpoints = checkpoints(folder);
        if (Files.exists(configuration) && Files.exists(weights)) {
            found.put("kind", record.isPresent() ? "SAE trained by Darien" : "SAE");
            found.put("configuration", JsonFile.read(configuration));
            try (SafetensorsFile file = SafetensorsFile.open(weights)) {
                found.put("tensors", tensors(file));
            }
        } else if (record.isPresent() && record.get().content().containsKey("runs")) {
            found.put("kind", "training run of " + record.get().runNames().size() + " SAEs");
            found.put("runs", record.get().runNames());
        } else if (!checkpoints.isEmpty()) {
            found.put("kind", "unfinished training run");
        } else {
            throw new DataException(folder + " holds neither an SAE (" + OutputFolder.CONFIGURATION + " and "
                    + OutputFolder.WEIGHTS + ") nor a training run; name a file or folder that Darien knows");
        }
        if (!checkpoints.isEmpty()) {
            found.put("checkpoint_steps", checkpoints);
        }
        record.ifPresent(run -> found.put("training", run.content()));
        return found;
    }

    private static List<Long> checkpoints(Path folder) {
        Path checkpoints = folder.resolve(OutputFolder.CHECKPOINTS);
        if (!Files.isDirectory(checkpoints)) {
            return List.of();
        }
        try (Stream<Path> files = Files.walk(checkpoints, 2)) {
            return files.map(file -> String.valueOf(file.getFileName()))
                    .filter(name -> name.matches("step-\\d{1,18}\\.json"))
                    .map(name -> Long.parseLong(name.substring("step-".length(), name.length() - ".json".length())))
                    .distinct()
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new DataException(checkpoints + " can't be read: " + e.getMessage(), e);
        }
    }

    private static String text(Map<String, Object> found) {
        StringBuilder text = new StringBuilder();
        text.append(found.get("path")).append(": ").append(found.get("kind")).append('\n');
        if (found.get("tensors") instanceof List<?> tensors) {
            List<List<String>> rows = new ArrayList<>();
            for (Object tensor : tensors) {
                Map<String, Object> entry = RunRecord.object(tensor);
                rows.add(List.of(
                        String.valueOf(entry.get("name")),
                        String.valueOf(entry.get("dtype")),
                        String.valueOf(entry.get("shape"))));
            }
            text.append(Texts.grid(List.of("tensor", "type", "shape"), rows));
        }
        for (String part : List.of("metadata", "configuration")) {
            Map<String, Object> entries = RunRecord.object(found.get(part));
            if (!entries.isEmpty()) {
                text.append(part).append('\n').append(Texts.table(entries));
            }
        }
        for (String part : List.of("runs", "checkpoint_steps")) {
            if (found.get(part) instanceof List<?> list) {
                text.append(part.replace('_', ' ')).append(": ").append(list).append('\n');
            }
        }
        Map<String, Object> training = RunRecord.object(found.get("training"));
        for (String part : List.of("training", "data", "result")) {
            Map<String, Object> entries = RunRecord.object(training.get(part));
            if (!entries.isEmpty()) {
                text.append(part).append('\n').append(Texts.table(entries));
            }
        }
        return text.toString();
    }
}
