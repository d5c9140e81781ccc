// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import dev.darien.memory.DType;
import dev.darien.model.CollectListener;
import dev.darien.model.CollectOptions;
import dev.darien.model.CollectResult;
import dev.darien.model.Collector;
import dev.darien.model.OnnxModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code darien collect}. */
@Command(
        name = "collect",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        description = {
            "Collects activations of an ONNX model at a tensor, from text.",
            "",
            "The model runs up to the tensor and no further. darien inspect MODEL lists the tensors. Each line of the text"
                    + " is a text of its own; with --context all text is one stream, cut into sequences of that many"
                    + " tokens. Needs ONNX Runtime and DJL's tokenizers, which the launcher brings.",
            ""
        })
final class CollectCommand implements Callable<Integer> {
    private final Console console;
    private final Interruption interruption;

    @Parameters(index = "0", paramLabel = "MODEL", description = "The ONNX file.")
    private Path path = Path.of("");

    @Option(names = "--text", required = true, arity = "1..*", paramLabel = "F", description = "Text files in UTF-8.")
    private List<Path> texts = List.of();

    @Option(names = "--hook", required = true, paramLabel = "TENSOR", description = "Name of the tensor.")
    private String hook = "";

    @Option(
            names = "--out",
            required = true,
            paramLabel = "F|DIR",
            description = "A .safetensors file, replaced if it exists, or a folder for files of --shard-tokens each.")
    private Path out = Path.of("");

    @Option(
            names = "--tokenizer",
            paramLabel = "F",
            description =
                    "The model's tokenizer.json (default: NAME-tokenizer.json or tokenizer.json beside the model).")
    private @Nullable Path tokenizer;

    @Option(
            names = "--gradients",
            paramLabel = "G.onnx",
            description = "A model that makes the loss's gradient at the tensor; gradients are collected beside.")
    private @Nullable Path gradients;

    @Option(names = "--context", paramLabel = "N", description = "Tokens in each sequence (default: line by line).")
    private int context;

    @Option(
            names = "--max-length",
            paramLabel = "N",
            description = "Tokens that are kept of a line (default: as the tokenizer says, else 512).")
    private int maxLength;

    @Option(names = "--special-tokens", description = "Collect activations at special tokens ([CLS], [SEP]) too.")
    private boolean specialTokens;

    @Option(names = "--tokens", paramLabel = "N", description = "Stop after so many (default: all text).")
    private long tokens = Long.MAX_VALUE;

    @Option(
            names = "--dtype",
            paramLabel = "TYPE",
            defaultValue = "f32",
            description = "How they are stored: f32, f16 or bf16 (default: ${DEFAULT-VALUE}).")
    private DType dtype = DType.F32;

    @Option(
            names = "--batch",
            paramLabel = "N",
            defaultValue = "32",
            description = "Sequences that the model sees at once (default: ${DEFAULT-VALUE}).")
    private int batch = 32;

    @Option(
            names = "--shard-tokens",
            paramLabel = "N",
            defaultValue = "65536",
            description = "Activations in one file of a folder (default: ${DEFAULT-VALUE}).")
    private int shardTokens = 65536;

    @Option(names = "--threads", paramLabel = "N", description = "CPU threads (default: one for each core).")
    private int threads = Runtime.getRuntime().availableProcessors();

    @Option(names = "--resume", description = "Go on with a collection that was broken off.")
    private boolean resume;

    @Option(names = "--overwrite", description = "Replace the collection in the folder.")
    private boolean overwrite;

    @Option(names = "--no-progress", description = "No progress on standard error.")
    private boolean quiet;

    @Option(names = "--json", description = "Print what was done as one JSON object.")
    private boolean json;

    CollectCommand(Console console, Interruption interruption) {
        this.console = console;
        this.interruption = interruption;
    }

    @Override
    public Integer call() {
        CollectOptions options = UsageException.check(() -> new CollectOptions(
                hook,
                texts,
                tokenizer,
                gradients,
                context,
                maxLength,
                batch,
                threads,
                dtype,
                tokens,
                shardTokens,
                specialTokens));
        checkOut();
        interruption.onRequest(() -> {});
        try (OnnxModel model = OnnxModel.open(path);
                Progress progress = new Progress()) {
            CollectResult result = new Collector(model, options).collect(out, resume, progress);
            if (!result.finished()) {
                throw new InterruptedCommandException(
                        "interrupted; " + result.tokens() + " activations are kept, and --resume goes on with them");
            }
            report(result);
        }
        return 0;
    }

    private void checkOut() {
        if (out.toString().endsWith(".safetensors")) {
            OutputFile.check(
                    out,
                    Stream.concat(Stream.of(path), texts.stream())
                            .map(Path::toString)
                            .toList());
            return;
        }
        if (Files.exists(out) && !Files.isDirectory(out)) {
            throw new UsageException(
                    out + " is a file; name a folder, or a file that ends in .safetensors, with --out");
        }
        if (!resume && !overwrite && Files.isDirectory(out) && !isEmpty(out)) {
            throw new UsageException(
                    out + " isn't empty; add --resume to go on with the collection in it, --overwrite to"
                            + " replace it, or name another folder with --out");
        }
    }

    private static boolean isEmpty(Path folder) {
        try (Stream<Path> inside = Files.list(folder)) {
            return inside.findAny().isEmpty();
        } catch (IOException e) {
            throw new UsageException("the folder " + folder + " can't be read; name another with --out");
        }
    }

    private void report(CollectResult result) {
        Map<String, Object> map = new LinkedHashMap<>(result.asMap());
        map.put("dtype", dtype.toString());
        map.put("hook", hook);
        map.put("out", out.toString());
        if (result.truncated() > 0) {
            console.notice(result.truncated() + " texts were cut to --max-length");
        }
        if (json) {
            console.json(map);
        } else {
            console.print("Collected into " + out + "\n" + Texts.table(map));
        }
    }

    /** A line that is written over on a terminal, a line at every tenth elsewhere. */
    private final class Progress implements CollectListener, AutoCloseable {
        private static final double STEP = 0.1;

        private double said;
        private boolean open;

        @Override
        public boolean onProgress(long done, double share, double seconds) {
            if (!quiet && (console.terminal() || share >= said + STEP)) {
                String line = String.format(
                        Locale.ROOT,
                        "%3.0f%% %,d tokens %s tok/s ETA %s",
                        100 * share,
                        done,
                        Texts.rate(done / seconds),
                        Texts.duration(seconds * (1 - share) / Math.max(share, 1e-9)));
                if (console.terminal()) {
                    console.err().print("\r\u001b[K" + line);
                    console.err().flush();
                    open = true;
                } else {
                    console.err().println(line);
                }
                said = share;
            }
            return !interruption.requested();
        }

        @Override
        public void close() {
            if (open) {
                console.err().println();
            }
        }
    }
}
