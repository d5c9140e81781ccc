// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import dev.darien.data.CodesFile;
import dev.darien.data.DataException;
import dev.darien.data.SafetensorsWriter;
import dev.darien.device.Device;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import dev.darien.sae.Autoencoder;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code darien decode}. */
@Command(
        name = "decode",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        description = {
            "Turns sparse codes back into activations.",
            "",
            "Writes a safetensors file with the tensor activations, f32 [tokens, width].",
            ""
        })
final class DecodeCommand implements Callable<Integer> {
    private static final int BATCH = 4096;
    private static final int ENTRIES = 1 << 20;

    private final Console console;
    private final Interruption interruption;

    @Parameters(
            index = "0",
            paramLabel = "SAE",
            description = "Folder or file of the SAE, of any format, or folder of an ensemble.")
    private Path sae = Path.of("");

    @Parameters(index = "1", paramLabel = "CODES", description = "File that darien encode wrote.")
    private Path codes = Path.of("");

    @Option(
            names = "--out",
            required = true,
            paramLabel = "F",
            description = "File for the activations; replaced if it exists.")
    private Path out = Path.of("");

    @Mixin
    private SaeInput input = new SaeInput();

    @Mixin
    private DeviceArguments arguments = new DeviceArguments();

    @Option(names = "--json", description = "Print what was done as one JSON object.")
    private boolean json;

    DecodeCommand(Console console, Interruption interruption) {
        this.console = console;
        this.interruption = interruption;
    }

    @Override
    public Integer call() {
        OutputFile.check(out, List.of(codes.toString()));
        try (Device device = arguments.open();
                Autoencoder loaded = input.load(sae, device, console);
                CodesFile file = CodesFile.open(codes)) {
            SaeInput.requireDecodable(loaded, sae);
            if (file.latents() != loaded.latents()) {
                throw new DataException(codes + " holds codes over " + file.latents() + " latents, but the SAE in "
                        + sae + " has " + loaded.latents() + "; use the SAE that encoded them");
            }
            decode(loaded, file);
            Map<String, Object> result = new LinkedHashMap<>();
            result.put("tokens", file.rows());
            result.put("width", loaded.outputWidth());
            result.put("out", out.toString());
            if (json) {
                console.json(result);
            } else {
                console.print("Decoded into " + out + "\n" + Texts.table(result));
            }
        }
        return 0;
    }

    private void decode(Autoencoder loaded, CodesFile file) {
        interruption.onRequest(() -> {});
        Device device = loaded.device();
        int rows = Math.clamp(file.rows(), 1, BATCH);
        int room = (int) Math.max(file.latents(), Math.min(ENTRIES, Math.max(1, file.entries())));
        try (SparseCodes host = new SparseCodes(
                        device.staging("code offsets", DType.I64, 1, rows + 1),
                        device.staging("code indices", DType.I32, 1, room),
                        device.staging("code values", DType.F32, 1, room),
                        file.latents());
                SparseCodes onDevice = SparseCodes.allocate(device.memory(), rows, file.latents(), room);
                Matrix decoded = device.memory().matrix("reconstruction", rows, loaded.outputWidth());
                Matrix result = device.staging("reconstruction", DType.F32, rows, loaded.outputWidth())) {
            new SafetensorsWriter()
                    .rows("activations", DType.F32, file.rows(), loaded.outputWidth(), (first, target) -> {
                        OutputFile.stopIf(interruption, out);
                        long done = 0;
                        while (done < target.rows()) {
                            int count =
                                    file.rowsThatFit(first + done, (int) Math.min(rows, target.rows() - done), room);
                            SparseCodes part = file.read(first + done, count, host);
                            SparseCodes there = onDevice.firstRows(count);
                            device.upload(part.offsets(), there.offsets());
                            device.upload(part.indices(), there.indices());
                            device.upload(part.values(), there.values());
                            Matrix block = decoded.slice(0, count);
                            device.kernels().decode(there, loaded.decoder(), loaded.decoderBias(), block);
                            device.download(block, result.slice(0, count));
                            target.slice(done, count).copyFrom(result.slice(0, count));
                            done += count;
                        }
                    })
                    .write(out);
        }
    }
}
