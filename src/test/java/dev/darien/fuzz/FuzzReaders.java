// SPDX-License-Identifier: Apache-2.0
package dev.darien.fuzz;

import dev.darien.cli.InspectTarget;
import dev.darien.data.ActivationSource;
import dev.darien.data.ActivationSources;
import dev.darien.data.CodesFile;
import dev.darien.data.DataCheck;
import dev.darien.data.DataException;
import dev.darien.data.Examples;
import dev.darien.data.NpyFile;
import dev.darien.data.OnNan;
import dev.darien.data.SafetensorsFile;
import dev.darien.data.Tensor;
import dev.darien.data.TensorFile;
import dev.darien.data.TensorRows;
import dev.darien.data.TokenText;
import dev.darien.device.Device;
import dev.darien.interop.SaeFile;
import dev.darien.interop.SaeFormat;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.Owned;
import dev.darien.memory.SparseCodes;
import dev.darien.model.ModelTargets;
import dev.darien.prune.LabelledImages;
import dev.darien.sae.Inference;
import dev.darien.sae.Sae;
import dev.darien.train.CheckpointTargets;
import dev.darien.train.MetricsFileListener;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;

/** Every reader there is. Formats of SAEs are those of {@link SaeFormat}, so that a new one is here by itself. */
final class FuzzReaders {
    private static final int MOST_ROWS = 64;

    private FuzzReaders() {}

    /** All of them, with seeds that are made in {@code folder}. */
    static List<FuzzReader> all(Path folder, Owned open) throws IOException {
        FuzzSeeds seeds = new FuzzSeeds(folder);
        List<FuzzReader> readers = new ArrayList<>(List.of(
                new FuzzReader("safetensors", seeds.of("safetensors"), FuzzReaders::safetensors),
                new FuzzReader("npy", seeds.of("npy"), FuzzReaders::npy),
                new FuzzReader("npz", seeds.of("npz"), (in, device) -> tensors(in.resolve("in.npz"))),
                new FuzzReader("torch", seeds.of("torch"), (in, device) -> tensors(in.resolve("in.pt"))),
                new FuzzReader("activations", seeds.of("activations"), FuzzReaders::activations),
                new FuzzReader("codes", seeds.of("codes"), FuzzReaders::codes),
                new FuzzReader("labels", seeds.of("labels"), FuzzReaders::labels),
                new FuzzReader("vocabulary", seeds.of("vocabulary"), FuzzReaders::vocabulary),
                new FuzzReader(
                        "images",
                        seeds.of("images"),
                        (in, device) -> LabelledImages.read(in.resolve("in.safetensors"))),
                new FuzzReader("onnx", seeds.of("onnx"), (in, device) -> ModelTargets.cut(in.resolve("embedder.onnx"))),
                new FuzzReader("collection", seeds.of("collection"), (in, device) -> ModelTargets.goOn(in), true),
                new FuzzReader(
                        "metrics",
                        seeds.of("metrics"),
                        (in, device) -> MetricsFileListener.read(in.resolve("in.jsonl")))));
        // Trainers that stay open until the readers have been used: resuming is what is tested.
        for (String architecture : List.of("batchtopk", "jumprelu", "feature-choice")) {
            CheckpointTargets run = open.add(new CheckpointTargets(architecture));
            run.write(folder.resolve("checkpoints-" + architecture));
            List<SortedMap<String, byte[]>> written = seeds.of("checkpoints-" + architecture);
            readers.add(new FuzzReader("checkpoints-" + architecture, written, (in, device) -> resume(run, in, false)));
            readers.add(new FuzzReader(
                    "checkpoints-" + architecture + "-signed", written, (in, device) -> resume(run, in, true), true));
        }
        for (SaeFormat format : SaeFormat.values()) {
            List<SortedMap<String, byte[]>> own = seeds.of("sae/" + format.id());
            readers.add(new FuzzReader("sae-" + format.id(), own.isEmpty() ? seeds.ofAll("sae") : own, (in, device) -> {
                sae(in, own.isEmpty() ? format.id() : null, device);
            }));
        }
        readers.add(new FuzzReader("inspect", seeds.ofAll("sae"), (in, device) -> InspectTarget.inspect(in)));
        return readers;
    }

    private static void resume(CheckpointTargets run, Path in, boolean signed) throws IOException {
        if (signed) {
            CheckpointTargets.sign(in);
        }
        try {
            run.resume(in);
        } catch (IllegalArgumentException otherRun) {
            if (!String.valueOf(otherRun.getMessage()).startsWith("the run to resume was started with another ")) {
                throw otherRun;
            }
        }
    }

    private static void safetensors(Path in, Device device) {
        try (SafetensorsFile file = SafetensorsFile.open(in.resolve("in.safetensors"))) {
            for (String name : file.tensors().keySet()) {
                file.bytes(name);
                sum(file.matrix(name));
            }
        }
    }

    private static void npy(Path in, Device device) {
        try (NpyFile file = NpyFile.open(in.resolve("in.npy"))) {
            sum(file.matrix());
        }
    }

    private static double sum(Matrix matrix) {
        double sum = 0;
        for (long row = 0; row < Math.min(MOST_ROWS, matrix.rows()); row++) {
            for (int column = 0; column < Math.min(MOST_ROWS, matrix.columns()); column++) {
                sum += matrix.dtype() == DType.I32 || matrix.dtype() == DType.I64
                        ? matrix.getLong(row, column)
                        : matrix.getDouble(row, column);
            }
        }
        return sum;
    }

    private static void tensors(Path in) {
        try (TensorFile file = TensorFile.open(in)) {
            for (Tensor tensor : file.tensors().values()) {
                if (tensor.shape().size() < 2) {
                    if (tensor.isFloating()) {
                        tensor.values();
                    }
                } else if (tensor.isFloating() && tensor.shape().size() == 2) {
                    long rows = Math.min(MOST_ROWS, tensor.shape().getFirst());
                    int columns = (int) Math.min(1024, tensor.shape().getLast());
                    try (TensorRows source = tensor.rows();
                            java.lang.foreign.Arena arena = java.lang.foreign.Arena.ofConfined()) {
                        source.read(
                                0,
                                Matrix.of(arena.allocate(Math.max(1, rows * columns * 4)), DType.F32, rows, columns));
                    }
                }
            }
        }
    }

    private static void activations(Path in, Device device) {
        try (ActivationSource source = ActivationSources.open(List.of(in), "activations")) {
            DataCheck.scan(source, OnNan.SKIP, 1);
            source.row(source.rows() - 1);
            DataCheck.scan(source, OnNan.FAIL, 1);
        }
    }

    private static void codes(Path in, Device device) {
        try (CodesFile file = CodesFile.open(in.resolve("in.safetensors"))) {
            // As the command does that decodes them; so many latents need room for at least one row.
            int room = Math.min(file.latents(), 1 << 16);
            try (SparseCodes out = SparseCodes.allocate(device.memory(), 16, file.latents(), room)) {
                for (long row = 0; row < file.rows(); ) {
                    int count = file.rowsThatFit(row, 16, room);
                    if (count == 0) {
                        return;
                    }
                    file.read(row, count, out);
                    row += count;
                }
            }
        }
    }

    private static void labels(Path in, Device device) {
        Path data = in.resolve("in.safetensors");
        Path text = in.resolve("labels.txt");
        Examples examples =
                Examples.read(List.of(data), "activations", Files.exists(text) ? text.toString() : "labels");
        for (int token = 0; token < examples.tokens(); token++) {
            if (examples.exampleOf(token) >= 0) {
                examples.names().get(examples.classOf(examples.exampleOf(token)));
            }
        }
    }

    private static void vocabulary(Path in, Device device) {
        TokenText text =
                TokenText.read(List.of(in.resolve("in.safetensors")), "activations", in.resolve("vocabulary.json"));
        for (long row = 0; row < Math.min(MOST_ROWS, text.tokens()); row++) {
            text.context(row, 5);
        }
    }

    private static void sae(Path in, @org.jspecify.annotations.Nullable String as, Device device) {
        try (SaeFile file = SaeFile.open(in, as);
                Sae sae = file.load(device)) {
            if ((long) sae.latents() * sae.width() > 1 << 16) {
                return;
            }
            try (Inference inference = sae.inference(1);
                    Matrix x = device.staging("x", DType.F32, 1, sae.width())) {
                for (int column = 0; column < sae.width(); column++) {
                    x.set(0, column, column - 1.5f);
                }
                inference.decode(inference.encode(x));
            }
        }
    }

    /** Names that may be given. */
    static List<String> names(List<FuzzReader> readers) {
        return readers.stream().map(FuzzReader::name).toList();
    }

    static boolean isRefusal(Throwable failure) {
        return failure instanceof DataException;
    }

    /** The files below a folder. */
    static SortedMap<String, byte[]> files(Path folder) throws IOException {
        SortedMap<String, byte[]> files = new TreeMap<>();
        try (Stream<Path> all = Files.walk(folder)) {
            for (Path path : all.filter(Files::isRegularFile).toList()) {
                files.put(folder.relativize(path).toString(), Files.readAllBytes(path));
            }
        }
        return files;
    }

    static List<Path> folders(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> all = Files.list(folder)) {
            Path[] sorted = all.filter(Files::isDirectory).sorted().toArray(Path[]::new);
            return Arrays.asList(sorted);
        }
    }
}
