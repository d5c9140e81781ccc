// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import dev.darien.data.CodesFile;
import dev.darien.data.DataException;
import dev.darien.data.Tensor;
import dev.darien.data.TensorFile;
import dev.darien.device.Device;
import dev.darien.ensemble.Ensemble;
import dev.darien.ensemble.EnsembleFolder;
import dev.darien.eval.DecoderShares;
import dev.darien.interop.SaeFile;
import dev.darien.model.OnnxModel;
import dev.darien.sae.Autoencoder;
import dev.darien.sae.Mapping;
import dev.darien.sae.Sae;
import dev.darien.sae.SaeLoader;
import java.io.IOException;
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
import picocli.CommandLine.Mixin;
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
            "Knows safetensors, PyTorch, npz and npy files, SAEs of any format that darien convert reads, the folders"
                    + " that darien train writes, and ONNX models, of which it lists the tensors that darien collect"
                    + " can collect. Nothing in a file is ever run.",
            ""
        })
final class InspectCommand implements Callable<Integer> {
    private final Console console;

    @Parameters(index = "0", paramLabel = "FILE|DIR", description = "What to look at.")
    private Path path = Path.of("");

    @Mixin
    private SaeInput input = new SaeInput();

    @Option(names = "--json", description = "Print it as one JSON object.")
    private boolean json;

    InspectCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        Map<String, Object> found = Files.isDirectory(path) ? folder() : file();
        if (json) {
            console.json(found);
        } else {
            console.print(text(found));
        }
        return 0;
    }

    private Map<String, Object> file() {
        Map<String, Object> found = new LinkedHashMap<>();
        found.put("path", path.toString());
        if (OnnxModel.isModel(path)) {
            found.putAll(ModelSummary.of(path));
            return found;
        }
        try (TensorFile file = TensorFile.open(path)) {
            boolean codes = file.kind() == TensorFile.Kind.SAFETENSORS
                    && file.tensors().keySet().containsAll(Set.of("offsets", "indices", "values"))
                    && file.metadata().containsKey(CodesFile.LATENTS);
            found.put("kind", codes ? "sparse codes in a safetensors file" : file.kind() + " file");
            if (input.isSettled() || !SaeFile.formats(file).isEmpty()) {
                describeSae(found);
            }
            describe(file, found);
        }
        return found;
    }

    /** Adds what the SAE at the path is, or why it can't be used. */
    private void describeSae(Map<String, Object> found) {
        try (SaeFile sae = input.file(path)) {
            found.put("kind", "SAE (" + sae.format().title() + ")");
            found.put("format", sae.format().id());
            if (!sae.configuration().isEmpty()) {
                found.put("configuration", sae.configuration());
            }
            SaeLoader loader = sae.read();
            found.put("sae", SaeSummary.of(loader));
            if (loader.mapping() instanceof Mapping.Crosscoder) {
                try (Device device = Device.open("cpu");
                        Sae loaded = sae.load(device)) {
                    found.put("decoder_shares", DecoderShares.of(loaded).asMap());
                }
            }
            if (!loader.notes().isEmpty()) {
                found.put("notes", loader.notes());
            }
        } catch (DataException unusable) {
            // What it holds is worth seeing all the same.
            found.put("problem", String.valueOf(unusable.getMessage()));
        }
    }

    private static void describe(TensorFile file, Map<String, Object> found) {
        if (!file.metadata().isEmpty()) {
            found.put("metadata", file.metadata());
        }
        List<Map<String, Object>> tensors = new ArrayList<>();
        Map<String, Object> values = new LinkedHashMap<>();
        collect("", file.content(), tensors, values);
        found.put("tensors", tensors);
        if (!values.isEmpty()) {
            found.put("values", values);
        }
    }

    /** Tensors, and what else a PyTorch file holds, with the names of what they lie in before theirs. */
    private static void collect(
            String prefix, Map<?, ?> content, List<Map<String, Object>> tensors, Map<String, Object> values) {
        content.forEach((key, value) -> {
            if (value instanceof Tensor tensor) {
                tensors.add(tensor(tensor.name(), tensor.dtype(), tensor.shape()));
            } else if (value instanceof Map<?, ?> map) {
                collect(prefix + key + ".", map, tensors, values);
            } else if (!(value instanceof List)) {
                values.put(prefix + key, value);
            }
        });
    }

    private static Map<String, Object> tensor(String name, String dtype, List<Long> shape) {
        Map<String, Object> tensor = new LinkedHashMap<>();
        tensor.put("name", name);
        tensor.put("dtype", dtype);
        tensor.put("shape", shape);
        return tensor;
    }

    private Map<String, Object> folder() {
        Map<String, Object> found = new LinkedHashMap<>();
        found.put("path", path.toString());
        Optional<RunRecord> record = RunRecord.read(path);
        List<Long> checkpoints = checkpoints(path);
        boolean hasWeights = Files.exists(path.resolve(OutputFolder.WEIGHTS));
        if (Ensemble.isEnsemble(path)) {
            describeEnsemble(found);
        } else if (!hasWeights && record.isPresent() && record.get().content().containsKey("runs")) {
            found.put("kind", "training run of " + record.get().runNames().size() + " SAEs");
            found.put("runs", record.get().runNames());
        } else if (!hasWeights && !checkpoints.isEmpty()) {
            found.put("kind", "unfinished training run");
        } else {
            try (SaeFile sae = input.file(path)) {
                describeSae(found);
                describe(sae.weights(), found);
            }
            if (record.isPresent()) {
                found.put("kind", "SAE trained by Darien");
            }
        }
        if (!checkpoints.isEmpty()) {
            found.put("checkpoint_steps", checkpoints);
        }
        record.ifPresent(run -> found.put("training", run.content()));
        return found;
    }

    private void describeEnsemble(Map<String, Object> found) {
        try (Device device = Device.open("cpu");
                Autoencoder loaded = input.load(path, device, console)) {
            Ensemble ensemble = (Ensemble) loaded;
            found.put("kind", "ensemble (" + ensemble.kind().id() + ")");
            found.put("sae", SaeSummary.of(ensemble));
            List<Map<String, Object>> members = new ArrayList<>();
            for (Sae member : ensemble.members()) {
                Map<String, Object> one = new LinkedHashMap<>();
                one.put("name", EnsembleFolder.memberName(members.size()));
                one.putAll(SaeSummary.of(member));
                members.add(one);
            }
            found.put("members", members);
        }
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
        Map<String, Object> sae = RunRecord.object(found.get("sae"));
        if (!sae.isEmpty()) {
            text.append(Texts.table(sae));
        }
        if (found.get("problem") instanceof String problem) {
            text.append("it can't be used: ").append(problem).append('\n');
        }
        if (found.get("notes") instanceof List<?> notes) {
            notes.forEach(note -> text.append("  ").append(note).append('\n'));
        }
        text.append(ModelSummary.text(found));
        if (found.get("members") instanceof List<?> members) {
            List<List<String>> rows = new ArrayList<>();
            for (Object member : members) {
                Map<String, Object> entry = RunRecord.object(member);
                rows.add(Stream.of("name", "rule", "k", "latents", "width")
                        .map(name -> Texts.value(entry.getOrDefault(name, "-")))
                        .toList());
            }
            text.append(Texts.grid(List.of("member", "rule", "k", "latents", "width"), rows));
        }
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
        Map<String, Object> shares = RunRecord.object(found.get("decoder_shares"));
        shares.forEach((name, share) -> text.append("share of '")
                .append(name)
                .append("' in the decoder\n")
                .append(Texts.table(RunRecord.object(share))));
        for (String part : List.of("metadata", "values", "configuration")) {
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
