// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import dev.darien.data.ActivationSource;
import dev.darien.data.CodesWriter;
import dev.darien.data.DataCheck;
import dev.darien.data.OnNan;
import dev.darien.device.Device;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import dev.darien.sae.Autoencoder;
import dev.darien.sae.Inference;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code darien encode}. */
@Command(
        name = "encode",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        description = {
            "Writes the sparse codes of activations as safetensors, of any size.",
            "",
            "The file holds offsets i64[tokens+1], indices i32[entries] and values f32[entries]; the entries of token t"
                    + " are those from offsets[t] to offsets[t+1]. darien decode turns them back into activations.",
            ""
        })
final class EncodeCommand implements Callable<Integer> {
    private static final int BATCH = 4096;

    private final Console console;
    private final Interruption interruption;

    @Parameters(
            index = "0",
            paramLabel = "SAE",
            description = "Folder or file of the SAE, of any format, or folder of an ensemble.")
    private Path sae = Path.of("");

    @Parameters(
            index = "1..*",
            arity = "1..*",
            paramLabel = "DATA",
            description = "Activations: .safetensors or .npy files, folders of them, or synthetic:KEY=VALUE,…")
    private List<String> data = List.of();

    @Option(
            names = "--out",
            required = true,
            paramLabel = "F",
            description = "File for the codes; replaced if it exists.")
    private Path out = Path.of("");

    @Mixin
    private GradientArguments gradients = new GradientArguments();

    @Mixin
    private SaeArguments arguments = new SaeArguments();

    @Option(names = "--json", description = "Print what was done as one JSON object.")
    private boolean json;

    EncodeCommand(Console console, Interruption interruption) {
        this.console = console;
        this.interruption = interruption;
    }

    @Override
    public Integer call() {
        OutputFile.check(out, data);
        try (Device device = arguments.device.open();
                Autoencoder loaded = arguments.input.load(sae, device, console);
                ActivationSource source = arguments.inputs(loaded, sae, data)) {
            boolean byGradients = SaeModes.GRADIENT.equals(arguments.mode) && SaeModes.byGradients(loaded, sae);
            Autoencoder mode = SaeModes.of(loaded, sae, arguments.mode, byGradients)
                    .values()
                    .iterator()
                    .next();
            DataCheck.scan(source, OnNan.FAIL, arguments.device.resolvedThreads());
            Map<String, Object> result = encode(mode, source, byGradients);
            if (json) {
                console.json(result);
            } else {
                console.print("Encoded into " + out + "\n" + Texts.table(result));
            }
        }
        return 0;
    }

    private Map<String, Object> encode(Autoencoder mode, ActivationSource source, boolean byGradients) {
        if (!byGradients) {
            return encode(mode, source, null);
        }
        try (ActivationSource slopes = gradients.open(data, source)) {
            DataCheck.scan(slopes, OnNan.FAIL, arguments.device.resolvedThreads());
            return encode(mode, source, slopes);
        }
    }

    private Map<String, Object> encode(Autoencoder mode, ActivationSource source, @Nullable ActivationSource slopes) {
        // A flag that is looked at between batches, so that an interrupted command leaves nothing behind.
        interruption.onRequest(() -> {});
        try (CodesWriter writer = new CodesWriter(out, mode.latents());
                Inference inference = mode.inference((int) Math.min(BATCH, source.rows()));
                Matrix batch = mode.device().staging("batch", source.dtype(), inference.maxRows(), source.width());
                @Nullable
                        Matrix gradientBatch = slopes == null
                                ? null
                                : mode.device()
                                        .staging("gradients", slopes.dtype(), inference.maxRows(), slopes.width())) {
            for (long first = 0; first < source.rows(); first += inference.maxRows()) {
                OutputFile.stopIf(interruption, out);
                int count = (int) Math.min(inference.maxRows(), source.rows() - first);
                source.read(first, count, batch);
                SparseCodes codes;
                if (slopes == null || gradientBatch == null) {
                    codes = inference.encode(batch.slice(0, count));
                } else {
                    slopes.read(first, count, gradientBatch);
                    codes = inference.encode(batch.slice(0, count), gradientBatch.slice(0, count));
                }
                if (codes.offsets().isHost()) {
                    writer.append(codes);
                } else {
                    try (SparseCodes host = inference.toHost(codes)) {
                        writer.append(host);
                    }
                }
            }
            writer.finish();
            Map<String, Object> result = new LinkedHashMap<>();
            result.put("tokens", writer.rows());
            result.put("entries", writer.entries());
            result.put("l0", (double) writer.entries() / writer.rows());
            result.put("latents", mode.latents());
            result.put("out", out.toString());
            return result;
        }
    }
}
