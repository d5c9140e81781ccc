// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import dev.darien.data.ActivationSource;
import dev.darien.data.ActivationSources;
import dev.darien.data.CodesFile;
import dev.darien.data.CodesWriter;
import dev.darien.data.DataCheck;
import dev.darien.data.DataException;
import dev.darien.data.OnNan;
import dev.darien.device.Device;
import dev.darien.device.DeviceOptions;
import dev.darien.device.Devices;
import dev.darien.eval.Evaluator;
import dev.darien.interop.SaeExport;
import dev.darien.interop.SaeFile;
import dev.darien.interop.SaeFormat;
import dev.darien.memory.Allocator;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import dev.darien.sae.Inference;
import dev.darien.sae.Sae;
import dev.darien.sae.SaeEncoder;
import dev.darien.testfiles.Bytes;
import dev.darien.testfiles.NpzFiles;
import dev.darien.testfiles.SaeFolders;
import dev.darien.testfiles.SafetensorsFiles;
import dev.darien.testfiles.Values;
import dev.darien.train.TestOptions;
import dev.darien.train.Trainer;
import dev.darien.train.TrainingListener;
import dev.darien.train.TrainingMetrics;
import dev.darien.train.TrainingOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;

/** One round of what a long-lived process does with Darien, on small data, from opening the device to closing it. */
final class SoakRound {
    private static final int WIDTH = 20;
    private static final int LATENTS = 48;
    private static final int ROWS = 1500;
    private static final int BATCH = 64;
    private static final int STEPS = 40;
    private static final List<String> DTYPES = List.of("F32", "F16", "BF16");

    private final Path folder;
    private final String device;
    private final Path foreign;
    /** Of each type, safetensors with gradients beside the activations, and npy. */
    private final List<List<Path>> data = new ArrayList<>();

    SoakRound(Path folder, String device, long seed) throws IOException {
        this.folder = folder;
        this.device = device;
        Random random = new Random(seed);
        for (String dtype : DTYPES) {
            Values rows = Values.random(random, 1, ROWS, WIDTH).as(dtype);
            Values gradients = Values.random(random, 1, ROWS, WIDTH).as(dtype);
            Path file = SafetensorsFiles.write(
                    folder.resolve("data-" + dtype + ".safetensors"),
                    Map.of("activations", rows, "gradients", gradients));
            List<Path> files = new ArrayList<>(List.of(file));
            if (!dtype.equals("BF16")) {
                files.add(Bytes.write(folder.resolve("data-" + dtype + ".npy"), NpzFiles.npy(rows)));
            }
            data.add(files);
        }
        foreign = folder.resolve("foreign");
        new SaeFolders(
                        foreign,
                        Values.random(random, 1, WIDTH, LATENTS),
                        Values.random(random, 1, LATENTS, WIDTH),
                        Values.random(random, 1, LATENTS),
                        Values.random(random, 1, WIDTH),
                        Values.random(random, 1, LATENTS))
                .write();
    }

    /** Everything once, with the rule and the type of data whose turn it is. */
    void run(int round) throws IOException {
        String architecture = TestOptions.ARCHITECTURES[round % TestOptions.ARCHITECTURES.length];
        List<Path> files = data.get(round % data.size());
        Path trained = folder.resolve("sae-" + architecture);
        try (Device opened = Devices.open(device, new DeviceOptions(2))) {
            train(opened, architecture, files.getFirst(), trained);
            for (Path file : files) {
                try (ActivationSource source = ActivationSources.open(List.of(file), "activations")) {
                    use(opened, trained, source);
                }
            }
            formats(opened, trained);
        }
        serve(trained, round);
        commands(trained, round);
    }

    /** Until some step, then from the checkpoint to the end. */
    private void train(Device opened, String architecture, Path file, Path out) {
        List<String> tensors =
                architecture.equals("gradient-topk") ? List.of("activations", "gradients") : List.of("activations");
        TrainingOptions options = TestOptions.recipe(architecture)
                .latents(LATENTS)
                .batch(BATCH)
                .tokens((long) BATCH * STEPS)
                .build(WIDTH);
        for (long until : new long[] {STEPS / 2, STEPS}) {
            try (ActivationSource source = ActivationSources.open(List.of(file), tensors);
                    Trainer trainer = new Trainer(opened, source, List.of(options))) {
                trainer.checkpointTo(List.of(folder.resolve("checkpoints")), 7);
                trainer.addListener(new Until(trainer, until));
                trainer.resume();
                if (trainer.train().finished()) {
                    try (Sae sae = trainer.sae(0)) {
                        sae.save(out);
                    }
                    trainer.clearCheckpoints();
                }
            }
        }
    }

    private record Until(Trainer trainer, long step) implements TrainingListener {
        @Override
        public void onReport(int run, TrainingMetrics metrics) {
            if (metrics.step() >= step && step < STEPS) {
                trainer.interrupt();
            }
        }
    }

    /** Checks, encodes, decodes and measures; what is written is read again. */
    private void use(Device opened, Path trained, ActivationSource source) {
        DataCheck.scan(source, OnNan.FAIL);
        Path codesFile = folder.resolve("codes.safetensors");
        try (Sae sae = Sae.load(trained, opened)) {
            Evaluator.evaluate(sae, source);
            try (Matrix rows = opened.staging("rows", source.dtype(), ROWS, WIDTH)) {
                source.read(0, ROWS, rows);
                try (CodesWriter writer = new CodesWriter(codesFile, sae.latents());
                        SparseCodes codes = sae.encode(rows)) {
                    writer.append(codes);
                    writer.finish();
                }
            }
            try (CodesFile codes = CodesFile.open(codesFile);
                    Allocator host = Allocator.host("codes");
                    SparseCodes part = SparseCodes.allocate(host, ROWS, LATENTS, codes.entries())) {
                sae.decode(codes.read(0, ROWS, part)).close();
            }
        }
    }

    /** Every format that the SAE can be written in, and one of each that can be read. */
    private void formats(Device opened, Path trained) throws IOException {
        try (Sae sae = Sae.load(trained, opened)) {
            for (SaeFormat format : SaeFormat.written()) {
                Path out = folder.resolve("as-" + format.id() + (format == SaeFormat.NPZ ? ".npz" : ""));
                try {
                    SaeExport.write(sae, format, out, true);
                    open(opened, out);
                } catch (DataException notExpressible) {
                    // Refusing is a way through, too.
                }
            }
        }
        for (SaeFormat format : SaeFormat.values()) {
            Path path = foreign.resolve(format.id());
            if (Files.exists(path)) {
                open(opened, path);
            }
        }
    }

    private static void open(Device opened, Path path) {
        try (SaeFile file = SaeFile.open(path);
                Sae sae = file.load(opened);
                Inference inference = sae.inference(8);
                Matrix rows = opened.staging("rows", DType.F32, 8, sae.width())) {
            inference.toHost(inference.encode(rows)).close();
        }
    }

    /** As a service does, from many threads. */
    private static void serve(Path trained, int round) {
        try (SaeEncoder encoder = SaeEncoder.load(trained)) {
            float[][] activations = new float[300][WIDTH];
            Random random = new Random(round);
            for (float[] activation : activations) {
                for (int at = 0; at < WIDTH; at++) {
                    activation[at] = (float) random.nextGaussian();
                }
            }
            encoder.encode(activations);
            IntStream.range(0, 64).parallel().forEach(at -> encoder.encode(activations[at]));
        } catch (IllegalArgumentException otherRule) {
            // Those that need a whole batch.
        }
    }

    /** Commands that hold more than the library above does: models, ensembles, pages. */
    private void commands(Path trained, int round) throws IOException {
        List<Object> command =
                switch (round % 7) {
                    case 0 ->
                        List.of(
                                "collect",
                                "samples/tiny-lm.onnx",
                                "--text",
                                text(),
                                "--hook",
                                "residual",
                                "--out",
                                folder.resolve("collected.safetensors"),
                                "--no-progress");
                    case 1 -> inModel("steer", "--count", 2);
                    case 2 -> inModel("evaluate");
                    case 3 -> List.of("report", trained, "--out", folder.resolve("report.html"));
                    case 4 -> List.of("compare", trained, foreign.resolve("sae-lens"));
                    case 5 -> ensemble("bagging:2");
                    default -> ensemble("boosting:2");
                };
        List<Object> all = new ArrayList<>(command);
        if (!command.getFirst().equals("collect") && !command.getFirst().equals("report")) {
            all.addAll(List.of("--device", device));
        }
        Darien.run(all.toArray()).succeeded();
        Files.deleteIfExists(folder.resolve("collected.safetensors"));
    }

    private List<Object> inModel(String command, Object... more) throws IOException {
        List<Object> all = new ArrayList<>(List.of(command, character(), "--model", "samples/tiny-lm.onnx"));
        all.addAll(List.of("--hook", "residual", "--text", text()));
        all.addAll(List.of(more));
        return all;
    }

    private List<Object> ensemble(String kind) {
        return List.of(
                "train",
                Darien.DATA,
                "--out",
                folder.resolve("ensemble"),
                "--overwrite",
                "--no-progress",
                "--ensemble",
                kind,
                "--latents",
                32,
                "--k",
                4,
                "--tokens",
                2048,
                "--batch",
                128);
    }

    private Path text() throws IOException {
        Path text = folder.resolve("text.txt");
        if (!Files.exists(text)) {
            Files.writeString(
                    text,
                    Files.readString(Path.of("samples", "tiny-lm-heldout.txt")).substring(0, 4000));
        }
        return text;
    }

    /** An SAE for the sample's model. */
    private Path character() {
        Path sae = folder.resolve("character");
        if (!Files.exists(sae)) {
            Darien.run(
                            "train",
                            "samples/tiny-lm-heldout.safetensors",
                            "--out",
                            sae,
                            "--latents",
                            64,
                            "--k",
                            8,
                            "--tokens",
                            4096,
                            "--batch",
                            256,
                            "--no-progress")
                    .succeeded();
        }
        return sae;
    }
}
