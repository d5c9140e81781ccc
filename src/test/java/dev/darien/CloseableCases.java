// SPDX-License-Identifier: Apache-2.0
package dev.darien;

import dev.darien.data.ActivationSource;
import dev.darien.data.ActivationSources;
import dev.darien.data.CodesFile;
import dev.darien.data.CodesWriter;
import dev.darien.data.DataCheck;
import dev.darien.data.MappedFile;
import dev.darien.data.NpyFile;
import dev.darien.data.OnNan;
import dev.darien.data.SafetensorsFile;
import dev.darien.data.TensorFile;
import dev.darien.data.TensorRows;
import dev.darien.device.Device;
import dev.darien.device.LatentGroups;
import dev.darien.device.LatentRows;
import dev.darien.device.PackedEncoder;
import dev.darien.device.PursuitSteps;
import dev.darien.ensemble.Ensemble;
import dev.darien.ensemble.EnsembleKind;
import dev.darien.ensemble.Residual;
import dev.darien.eval.Directions;
import dev.darien.eval.Evaluator;
import dev.darien.eval.Similarity;
import dev.darien.interop.SaeFile;
import dev.darien.memory.Allocator;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.Owned;
import dev.darien.memory.Reservation;
import dev.darien.memory.SparseCodes;
import dev.darien.memory.Turn;
import dev.darien.model.CollectListener;
import dev.darien.model.CollectOptions;
import dev.darien.model.DownstreamEvaluator;
import dev.darien.model.OnnxModel;
import dev.darien.model.SaeSplice;
import dev.darien.model.Splice;
import dev.darien.prune.ClassifierTraining;
import dev.darien.prune.LabelledImages;
import dev.darien.prune.NetworkShape;
import dev.darien.prune.Pruner;
import dev.darien.prune.PruningMethod;
import dev.darien.sae.HostWeights;
import dev.darien.sae.Inference;
import dev.darien.sae.Sae;
import dev.darien.sae.SaeEncoder;
import dev.darien.sae.SaeWeights;
import dev.darien.sae.Selection;
import dev.darien.sae.TopK;
import dev.darien.testfiles.Bytes;
import dev.darien.testfiles.NpzFiles;
import dev.darien.testfiles.SafetensorsFiles;
import dev.darien.testfiles.Values;
import dev.darien.train.MetricsFileListener;
import dev.darien.train.Recipe;
import dev.darien.train.StepBenchmark;
import dev.darien.train.Trainer;
import dev.darien.train.TrainingOptions;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.function.Supplier;

/** Everything that a user of the library can close, on a device, and what it is used for until then. */
final class CloseableCases implements AutoCloseable {
    private static final int WIDTH = 6;
    private static final int LATENTS = 16;
    private static final int ROWS = 64;
    private static final CollectListener SILENT = (tokens, share, seconds) -> true;

    /**
     * One thing.
     *
     * @param open makes one
     * @param uses of it, by name; each must work before it is closed, and be an {@link IllegalStateException} afterwards
     */
    record Case<T extends AutoCloseable>(Supplier<T> open, Map<String, Use<T>> uses) {}

    /** One use. */
    @FunctionalInterface
    interface Use<T> {
        void of(T it);
    }

    private final Owned held = new Owned();
    private final Path folder;
    private final String deviceName;
    private final Device device;
    private final Allocator memory;
    private final Path data;
    private final Path npy;
    private final Sae sae;
    private final Matrix rows;

    CloseableCases(String deviceName, Path folder) {
        this.deviceName = deviceName;
        this.folder = folder;
        this.device = held.add(Device.open(deviceName));
        this.memory = held.add(Allocator.host("host"));
        Random random = new Random(3);
        Values values = Values.random(random, 1, ROWS, WIDTH);
        data = SafetensorsFiles.write(
                folder.resolve("data.safetensors"),
                Map.of("activations", values, "more", values, "vector", Values.random(random, 1, 9)));
        npy = Bytes.write(folder.resolve("data.npy"), NpzFiles.npy(values));
        sae = held.add(sae());
        sae.save(folder.resolve("sae"));
        rows = held.add(device.staging("rows", DType.F32, 4, WIDTH));
    }

    private Sae sae() {
        SaeWeights weights = SaeWeights.allocate(device.memory(), LATENTS, WIDTH, false);
        device.kernels().fill(weights.encoder(), 0.5f);
        device.kernels().fill(weights.decoder(), 0.25f);
        return new Sae(device, weights, new TopK(3), true, Map.of());
    }

    List<Case<?>> all() {
        List<Case<?>> all = new ArrayList<>();
        memory(all);
        device(all);
        files(all);
        saes(all);
        training(all);
        models(all);
        return all;
    }

    private static <T extends AutoCloseable> void add(List<Case<?>> all, Supplier<T> open, Map<String, Use<T>> uses) {
        all.add(new Case<>(open, uses));
    }

    private void use(Matrix matrix) {
        device.kernels().fill(matrix, 1);
    }

    private void memory(List<Case<?>> all) {
        add(
                all,
                () -> Allocator.host("a"),
                Map.of("matrix", it -> it.matrix("m", 1, 1).close(), "child", it -> it.child("c")
                        .close()));
        Map<String, Use<Matrix>> uses = new LinkedHashMap<>();
        uses.put("get", it -> it.get(0, 0));
        uses.put("set", it -> it.set(0, 0, 1));
        uses.put("getDouble", it -> it.getDouble(0, 0));
        uses.put("address", Matrix::address);
        uses.put("toArray", it -> it.toArray(0));
        uses.put("setRow", it -> it.setRow(0, 1, 2, 3));
        uses.put("clear", Matrix::clear);
        uses.put("copyFrom", it -> it.copyFrom(it));
        uses.put("slice", it -> it.slice(0, 1).get(0, 0));
        uses.put("upload", it -> device.upload(it, it));
        add(all, () -> memory.matrix("m", 2, 3), uses);
        add(all, () -> device.memory().matrix("m", 2, 3), Map.of("kernel", this::use, "address", Matrix::address));
        add(
                all,
                () -> SparseCodes.allocate(memory, 2, 3, 4),
                Map.of("start", it -> it.start(1), "latent", it -> it.latent(0), "value", it -> it.value(0)));
        add(all, () -> memory.reserve("r", 5), Map.<String, Use<Reservation>>of());
        add(all, Owned::new, Map.<String, Use<Owned>>of());
        add(all, () -> LatentGroups.allocate(device.memory(), 3, 4), Map.of("kernel", it -> use(it.rows())));
        add(all, () -> PursuitSteps.allocate(device.memory(), 3, 4), Map.of("kernel", it -> use(it.values())));
        add(
                all,
                () -> new LatentRows(
                        device.memory().matrix("e", 2, 2), device.memory().matrix("d", 2, 2)),
                Map.of("kernel", it -> use(it.encoder())));
    }

    private void device(List<Case<?>> all) {
        Map<String, Use<Device>> uses = new LinkedHashMap<>();
        uses.put("synchronize", Device::synchronize);
        uses.put("memory", it -> it.memory().matrix("m", 1, 1).close());
        uses.put("staging", it -> it.staging("m", DType.F32, 1, 1).close());
        uses.put("batchQueue", it -> it.batchQueue("b", DType.F32, 1, 1).close());
        uses.put("packedEncoder", it -> it.packedEncoder(2, 2).close());
        add(all, () -> Device.open(deviceName), uses);
        add(all, () -> device.batchQueue("b", DType.F32, 3, 2), Map.of("next", it -> it.next(), "submit", it -> {
            it.next();
            it.submit(1);
        }));
        Matrix encoder = held.add(device.memory().matrix("encoder", LATENTS, WIDTH));
        Matrix bias = held.add(device.memory().vector("bias", LATENTS));
        Matrix x = held.add(device.memory().matrix("x", 2, WIDTH));
        SparseCodes codes = held.add(SparseCodes.allocate(device.memory(), 2, LATENTS, 8));
        add(
                all,
                () -> {
                    PackedEncoder packed = device.packedEncoder(LATENTS, WIDTH);
                    device.kernels().pack(encoder, bias, packed);
                    return packed;
                },
                Map.of(
                        "pack", it -> device.kernels().pack(encoder, bias, it),
                        "encode", it -> device.kernels().encodeTopK(x, it, 2, null, codes)));
        if (encoder.isHost()) {
            add(all, () -> device.concurrentEncoder(encoder, bias), Map.of("lane", it -> it.lane(1)));
        }
    }

    private void files(List<Case<?>> all) {
        Matrix out = held.add(memory.matrix("out", 4, WIDTH));
        add(all, () -> MappedFile.open(data), Map.of("segment", MappedFile::segment));
        add(
                all,
                () -> SafetensorsFile.open(data),
                Map.of("matrix", it -> it.matrix("activations").get(0, 0), "bytes", it -> it.bytes("more")));
        add(all, () -> NpyFile.open(npy), Map.of("matrix", it -> it.matrix().get(0, 0)));
        add(
                all,
                () -> TensorFile.open(data),
                Map.of("values", it -> it.tensor("vector").values(), "rows", it -> {
                    try (TensorRows read = it.tensor("activations").rows()) {
                        read.read(0, out);
                    }
                }));
        add(all, () -> new OpenRows(TensorFile.open(data)).rows(), Map.<String, Use<TensorRows>>of());
        Map<String, Use<ActivationSource>> reading = new LinkedHashMap<>();
        reading.put(
                "read",
                it -> it.read(
                        0,
                        4,
                        Matrix.of(
                                java.lang.foreign.MemorySegment.ofArray(new float[4 * it.width()]),
                                DType.F32,
                                4,
                                it.width())));
        reading.put("row", it -> it.row(2));
        reading.put("scan", it -> DataCheck.scan(it, OnNan.FAIL, 2));
        add(all, this::source, reading);
        add(all, () -> ActivationSources.open(List.of(data), List.of("activations", "more")), reading);
        add(
                all,
                () -> ActivationSources.parse(List.of("synthetic:d=6,true=8,p=0.1,rows=64,seed=5"), "activations"),
                reading);
        add(all, () -> held.add(source()).slice(1, 40), reading);
        SparseCodes codes = held.add(SparseCodes.allocate(memory, 2, LATENTS, 4));
        Path file = folder.resolve("codes.safetensors");
        Path other = folder.resolve("written.safetensors");
        try (CodesWriter writer = new CodesWriter(file, LATENTS)) {
            writer.append(codes);
            writer.finish();
        }
        Map<String, Use<CodesWriter>> written = new LinkedHashMap<>();
        written.put("append", it -> it.append(codes));
        written.put("finish", CodesWriter::finish);
        add(all, () -> new CodesWriter(other, LATENTS), written);
        add(
                all,
                () -> CodesFile.open(file),
                Map.of("rowsThatFit", it -> it.rowsThatFit(0, 1, LATENTS), "read", it -> it.read(0, 1, codes)));
    }

    /** A tensor's rows and the file that they are of, which is closed at the end. */
    private final class OpenRows {
        private final TensorFile file;

        OpenRows(TensorFile file) {
            this.file = held.add(file);
        }

        TensorRows rows() {
            return file.tensor("activations").rows();
        }
    }

    private ActivationSource source() {
        return ActivationSources.open(List.of(data), "activations");
    }

    private void saes(List<Case<?>> all) {
        SparseCodes codes = held.add(sae.encode(rows));
        Map<String, Use<Sae>> uses = new LinkedHashMap<>();
        uses.put("encode", it -> it.encode(rows).close());
        uses.put("decode", it -> it.decode(codes).close());
        uses.put("inference", it -> it.inference(3).close());
        uses.put("save", it -> it.save(folder.resolve("saved")));
        uses.put("evaluate", it -> {
            try (ActivationSource source = source()) {
                Evaluator.evaluate(it, source);
            }
        });
        add(all, this::sae, uses);
        add(all, () -> SaeWeights.allocate(device.memory(), 3, 2, true), Map.of("kernel", it -> use(it.decoder())));
        add(all, () -> HostWeights.of(sae), Map.<String, Use<HostWeights>>of());
        add(
                all,
                () -> Ensemble.of(EnsembleKind.BAGGING, List.of(sae(), sae())),
                Map.of("inference", it -> it.inference(3).close(), "save", it -> it.save(folder.resolve("ensemble"))));
        Map<String, Use<Inference>> inference =
                Map.of("encode", it -> it.encode(rows), "decode", it -> it.decode(it.encode(rows)));
        add(all, () -> sae.inference(4), inference);
        Ensemble ensemble = held.add(Ensemble.of(EnsembleKind.BAGGING, List.of(sae(), sae())));
        add(all, () -> ensemble.inference(4), inference);
        float[] one = new float[WIDTH];
        add(
                all,
                () -> SaeEncoder.of(sae),
                Map.of("encode", it -> it.encode(one), "batch", it -> it.encode(new float[][] {one, one})));
        add(
                all,
                () -> Selection.Attribution.allocate(device, device.memory(), 2, 3, 2),
                Map.of("kernel", it -> use(it.strength())));
        add(all, () -> SaeFile.open(folder.resolve("sae")), Map.of("load", it -> it.load(device)
                .close()));
        Directions other = held.add(Directions.random(device, 3, WIDTH, 4));
        add(
                all,
                () -> Directions.random(device, 3, WIDTH, 5),
                Map.of("similarity", it -> Similarity.of(it, other, false)));
    }

    private void training(List<Case<?>> all) {
        ActivationSource source = held.add(source());
        TrainingOptions options =
                Recipe.of("topk").k(2).latents(8).batch(8).tokens(64).build(WIDTH);
        add(
                all,
                () -> new Trainer(device, source, List.of(options)),
                Map.of("train", Trainer::train, "sae", it -> it.sae(0).close(), "resume", Trainer::resume));
        add(
                all,
                () -> new StepBenchmark(device, source, DataCheck.scan(source, OnNan.FAIL), options),
                Map.of("fed", it -> it.fed(1), "step", it -> it.step(0)));
        add(all, () -> new MetricsFileListener(List.of(folder), 0), Map.<String, Use<MetricsFileListener>>of());
        add(all, () -> new Residual(List.of(sae), 4, WIDTH), Map.of("apply", it -> it.apply(rows)));
        LabelledImages images = LabelledImages.generated(64, 13, 2);
        NetworkShape shape = NetworkShape.mlp(169, 10, 12, 8);
        add(
                all,
                () -> new Pruner(device, shape, images, images, new ClassifierTraining(1, 32, 0.1, 0.9, 5e-4), 9),
                Map.of(
                        "prune",
                        it -> it.prune(
                                PruningMethod.of(dev.darien.prune.BaseMethod.MAGNITUDE, 0.2, 0), 1, cycle -> {})));
    }

    private void models(List<Case<?>> all) {
        Path model = Path.of("samples", "tiny-lm.onnx");
        add(
                all,
                () -> OnnxModel.open(model),
                Map.of("savePrefix", it -> it.savePrefix("residual", folder.resolve("prefix.onnx"))));
        OnnxModel opened = held.add(OnnxModel.open(model));
        Path text = new Bytes()
                .text("To be, or not to be, that is the question.\n".repeat(3))
                .write(folder.resolve("text.txt"));
        add(
                all,
                () -> DownstreamEvaluator.ofModel(opened, CollectOptions.of("residual", List.of(text)), SILENT),
                Map.of(
                        "evaluate", it -> it.evaluate(Map.of("as it is", Splice.identity())),
                        "activations", it -> it.activations().row(0)));
        add(all, () -> SaeSplice.reconstruction(sae), Map.of("apply", it -> it.apply(rows, rows)));
    }

    @Override
    public void close() {
        held.close();
    }

    /** What is closed, but not to be ended. */
    static Set<Class<?>> exempt() {
        return Set.of(Turn.class);
    }
}
