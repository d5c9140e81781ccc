// SPDX-License-Identifier: Apache-2.0
package dev.darien.fuzz;

import dev.darien.model.ModelTargets;
import dev.darien.testfiles.Bytes;
import dev.darien.testfiles.NpzFiles;
import dev.darien.testfiles.SaeFolders;
import dev.darien.testfiles.SafetensorsFiles;
import dev.darien.testfiles.TorchFiles;
import dev.darien.testfiles.Values;
import dev.darien.testfiles.ZipFiles;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SortedMap;
import java.util.TreeMap;

/** Small sound inputs for every reader, each in a folder of its own below {@code READER/}. */
final class FuzzSeeds {
    private static final int WIDTH = 3;
    private static final int LATENTS = 5;

    private final Path root;
    private final Random random = new Random(5);
    private final Values encoder = Values.random(random, 1, WIDTH, LATENTS);
    private final Values decoder = Values.random(random, 1, LATENTS, WIDTH);
    private final Values encoderBias = Values.random(random, 1, LATENTS);
    private final Values decoderBias = Values.random(random, 1, WIDTH);
    private final Values threshold = Values.of(new double[] {0.5, 0.25, 1, 0.75, 0.125}, LATENTS);

    FuzzSeeds(Path root) throws IOException {
        this.root = root;
        tensorFiles();
        dataFiles();
        saes();
        ModelTargets.writeModel(java.nio.file.Files.createDirectories(root.resolve("onnx/a")));
        collection();
        metrics();
    }

    /** The inputs of a reader; none if there are none of its own. */
    List<SortedMap<String, byte[]>> of(String reader) throws IOException {
        Path folder = root.resolve(reader);
        List<Path> inside = FuzzReaders.folders(folder);
        if (inside.isEmpty() || reader.startsWith("sae/")) {
            SortedMap<String, byte[]> own =
                    java.nio.file.Files.isDirectory(folder) ? FuzzReaders.files(folder) : new TreeMap<>();
            return own.isEmpty() ? List.of() : List.of(own);
        }
        List<SortedMap<String, byte[]>> inputs = new ArrayList<>();
        for (Path path : inside) {
            inputs.add(FuzzReaders.files(path));
        }
        return inputs;
    }

    /** The inputs of all readers below a folder. */
    List<SortedMap<String, byte[]>> ofAll(String folder) throws IOException {
        List<SortedMap<String, byte[]>> inputs = new ArrayList<>();
        for (Path path : FuzzReaders.folders(root.resolve(folder))) {
            inputs.add(FuzzReaders.files(path));
        }
        return inputs;
    }

    private Path at(String name) {
        return root.resolve(name);
    }

    private void tensorFiles() {
        Map<String, Values> tensors = new LinkedHashMap<>();
        tensors.put("a", encoder);
        tensors.put("b", decoder.as("F16"));
        tensors.put("c", encoderBias.as("BF16"));
        tensors.put("d", decoderBias.as("F64"));
        tensors.put("e", Values.of(new double[] {1, 2, 3, 4}, 2, 1, 2).as("I64"));
        tensors.put("f", Values.scalar("I32", 7));
        SafetensorsFiles.write(at("safetensors/a/in.safetensors"), tensors, "{\"format\":\"pt\",\"x\":\"y\"}");
        SafetensorsFiles.write(at("safetensors/b/in.safetensors"), Map.of("a", encoder));
        Bytes.write(at("npy/a/in.npy"), NpzFiles.npy(encoder));
        Bytes.write(at("npy/b/in.npy"), NpzFiles.npy(encoder.as("F16")));
        Bytes.write(
                at("npy/c/in.npy"),
                NpzFiles.npy("{'descr': '<i8', 'fortran_order': False, 'shape': (2, 1, 2), }", new byte[32]));
        NpzFiles.write(at("npz/a/in.npz"), tensors, false);
        NpzFiles.write(at("npz/b/in.npz"), tensors, true);
        new ZipFiles(ZipFiles.Style.NUMPY)
                .deflated(
                        "a.npy",
                        NpzFiles.npy("{'descr': '<f4', 'fortran_order': True, 'shape': (4, 2), }", new byte[32]))
                .comment("{\"darien\":{}}")
                .write(at("npz/c/in.npz"));
        TorchFiles.write(at("torch/a/in.pt"), Map.of("w", encoder, "k", Values.scalar("I32", 4), "name", "x"));
        TorchFiles.write(
                at("torch/b/in.pt"),
                Map.of("ae", Map.of("w", new TorchFiles.Transposed(encoder), "list", List.of(1, 2.5, true, 1L << 40))));
        TorchFiles.write(
                at("torch/c/in.pt"),
                Map.of("v", new TorchFiles.View(encoder, 15, 1, new long[] {2, 3}, new long[] {5, 1})));
    }

    private void dataFiles() {
        Values rows = Values.random(random, 1, 6, WIDTH);
        SafetensorsFiles.write(at("activations/a/in.safetensors"), Map.of("activations", rows));
        SafetensorsFiles.write(
                at("activations/b/in.safetensors"),
                Map.of("activations", Values.of(rows.data(), 2, 3, 3).as("F16")));
        Bytes.write(at("activations/c/in.npy"), NpzFiles.npy(rows));
        SafetensorsFiles.write(
                at("codes/a/in.safetensors"),
                Map.of(
                        "offsets", new Values("I64", new double[] {0, 2, 2, 5}, 4),
                        "indices", new Values("I32", new double[] {0, 3, 1, 2, 4}, 5),
                        "values", Values.of(new double[] {1, 2, 3, 4, 5}, 5)),
                "{\"latents\":\"5\"}");
        Map<String, Values> labelled = Map.of(
                "activations", rows,
                "labels", new Values("I64", new double[] {0, 1, 0, 1, 1, 0}, 6),
                "sequences", new Values("I32", new double[] {0, 0, 1, 1, 2, 2}, 6),
                "tokens", new Values("I32", new double[] {0, 1, 2, 2, 1, 0}, 6));
        SafetensorsFiles.write(at("labels/a/in.safetensors"), labelled, "{\"context\":\"2\"}");
        SafetensorsFiles.write(at("labels/b/in.safetensors"), labelled, "{\"context\":\"2\"}");
        new Bytes().text("yes\nno\nyes\n").write(at("labels/b/labels.txt"));
        SafetensorsFiles.write(at("labels/c/in.safetensors"), Map.of("activations", rows), "{\"context\":\"2\"}");
        new Bytes().text("1\n2\n1\n").write(at("labels/c/labels.txt"));
        List<String> vocabularies = List.of(
                "{\"characters\":[\"a\",\"b\",\"c\"]}",
                "{\"a\":0,\"##b\":1,\"[CLS]\":2}",
                "{\"model\":{\"vocab\":[[\"a\",-1.5],[\"b\",-2]]},\"added_tokens\":[{\"id\":2,\"content\":\"<s>\"}]}");
        for (int i = 0; i < vocabularies.size(); i++) {
            SafetensorsFiles.write(at("vocabulary/" + i + "/in.safetensors"), labelled, "{\"context\":\"2\"}");
            new Bytes().text(vocabularies.get(i)).write(at("vocabulary/" + i + "/vocabulary.json"));
        }
        SafetensorsFiles.write(
                at("images/a/in.safetensors"),
                Map.of(
                        "images", new Values("U8", new double[] {0, 1, 2, 3, 4, 5, 6, 7}, 4, 2),
                        "labels", new Values("U8", new double[] {0, 1, 2, 1}, 4)));
    }

    private void saes() {
        new SaeFolders(root.resolve("sae"), encoder, decoder, encoderBias, decoderBias, threshold).write();
    }

    private void collection() {
        Path folder = root.resolve("collection/a");
        ModelTargets.writeCollection(folder);
        for (int shard = 0; shard < 2; shard++) {
            SafetensorsFiles.write(
                    folder.resolve("shard-0000" + shard + ".safetensors"),
                    Map.of(
                            "activations", Values.random(random, 1, 2, WIDTH),
                            "tokens", new Values("I32", new double[] {0, 1}, 2),
                            "targets", new Values("I32", new double[] {1, 0}, 2),
                            "sequences", new Values("I32", new double[] {shard, shard}, 2)),
                    "{\"first_sequence\":\"" + shard + "\",\"sequences\":\"1\"}");
        }
    }

    private void metrics() {
        String line = "{\"step\":%d,\"tokens\":512,\"loss\":0.5,\"fvu\":0.25,\"l0\":4.0}\n";
        new Bytes().text(line.formatted(1) + line.formatted(2)).write(at("metrics/a/in.jsonl"));
    }
}
