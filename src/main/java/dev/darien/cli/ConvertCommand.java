// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import dev.darien.data.DataException;
import dev.darien.device.Device;
import dev.darien.ensemble.Ensemble;
import dev.darien.interop.SaeExport;
import dev.darien.interop.SaeFile;
import dev.darien.interop.SaeFormat;
import dev.darien.sae.Autoencoder;
import dev.darien.sae.Sae;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code darien convert}. */
@Command(
        name = "convert",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        description = {
            "Writes an SAE in the format of another project; an ensemble where one SAE is the same.",
            "",
            "What it is read from is recognised by its content; nothing in it is ever run. What the other format has no"
                    + " field for is folded into the weights, and what it can't express is refused.",
            ""
        })
final class ConvertCommand implements Callable<Integer> {
    private final Console console;
    private final Interruption interruption;

    @Parameters(index = "0", paramLabel = "IN", description = "File or folder with an SAE, of any format.")
    private Path in = Path.of("");

    @Parameters(index = "1", paramLabel = "OUT", description = "Folder to write; a file for npz.")
    private Path out = Path.of("");

    @Option(
            names = "--to",
            required = true,
            paramLabel = "FORMAT",
            description = "sae-lens, sparsify, dictionary-learning (as safetensors) or npz (as Gemma Scope).")
    private String to = "";

    @Mixin
    private SaeInput input = new SaeInput();

    @Option(names = "--overwrite", description = "Replace the SAE that OUT holds.")
    private boolean overwrite;

    @Option(names = "--json", description = "Print what was done as one JSON object.")
    private boolean json;

    ConvertCommand(Console console, Interruption interruption) {
        this.console = console;
        this.interruption = interruption;
    }

    @Override
    public Integer call() {
        Map<String, SaeFormat> formats = new LinkedHashMap<>();
        SaeFormat.written().forEach(format -> formats.put(format.id(), format));
        SaeFormat target = Choices.pick("format", to, formats);
        requireOther();
        SaeExport.requireFree(target, out, overwrite);
        List<String> notes = new ArrayList<>();
        Map<String, Object> result = convert(target, notes);
        if (json) {
            console.json(result);
        } else {
            console.print("Converted into " + out + "\n" + Texts.table(result));
            notes.forEach(note -> console.print("  " + note + "\n"));
        }
        return 0;
    }

    /** What is read is gone once it is replaced, and the conversion may not be what was wanted. */
    private void requireOther() {
        try {
            if (Files.exists(in) && Files.exists(out) && Files.isSameFile(in, out)) {
                throw new UsageException(out + " is what the command reads; name another place for the result");
            }
        } catch (IOException unreadable) {
            // Opening it says what is wrong with it.
        }
    }

    private Map<String, Object> convert(SaeFormat target, List<String> notes) {
        // A flag that is looked at between the steps: what is being written comes to its end, or vanishes.
        interruption.onRequest(() -> {});
        if (Ensemble.isEnsemble(in)) {
            return convertEnsemble(target, notes);
        }
        try (Device device = Device.open("cpu");
                SaeFile file = input.file(in);
                Sae sae = file.load(device)) {
            notes.addAll(file.read().notes());
            OutputFile.stopIf(interruption, out);
            notes.addAll(SaeExport.write(sae, target, out, overwrite));
            if (target == SaeFormat.SAE_LENS && file.format() == target && !input.isSettled()) {
                // What Darien recorded of the training is as true of the copy.
                Optional<RunRecord> record = RunRecord.read(in);
                record.filter(run -> !run.content().containsKey("runs")).ifPresent(run -> run.write(out));
            }
            Map<String, Object> result = new LinkedHashMap<>();
            result.put("from", file.format().id());
            result.put("to", target.id());
            result.putAll(SaeSummary.of(sae));
            result.put("out", out.toString());
            result.put("notes", notes);
            return result;
        }
    }

    /** As one SAE, if there is one that is the same. */
    private Map<String, Object> convertEnsemble(SaeFormat target, List<String> notes) {
        try (Device device = Device.open("cpu");
                Autoencoder loaded = input.load(in, device, console);
                Sae sae = single((Ensemble) loaded)) {
            notes.add("the members' encoders, biases and thresholds were divided by their number, and stacked");
            OutputFile.stopIf(interruption, out);
            notes.addAll(SaeExport.write(sae, target, out, overwrite));
            Map<String, Object> result = new LinkedHashMap<>();
            result.put("from", "ensemble");
            result.put("to", target.id());
            result.putAll(SaeSummary.of(sae));
            result.put("out", out.toString());
            result.put("notes", notes);
            return result;
        }
    }

    private Sae single(Ensemble ensemble) {
        try {
            return ensemble.toSae();
        } catch (IllegalStateException e) {
            throw new DataException(in + " can't be written as one SAE: " + e.getMessage(), e);
        }
    }
}
