// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import dev.darien.model.CollectListener;
import dev.darien.model.CollectOptions;
import dev.darien.model.DownstreamEvaluator;
import dev.darien.model.OnnxModel;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The model in which an SAE is to take the place of activations. */
final class DownstreamArguments {
    @Option(
            names = "--suffix",
            paramLabel = "S.onnx",
            description =
                    "The rest of the model, from activations to logits or loss: the SAE is spliced in, on DATA that has"
                            + " targets and context (darien collect --context writes them).")
    private @Nullable Path suffix;

    @Option(
            names = "--model",
            paramLabel = "M.onnx",
            description = "The whole model: activations are collected from --text at --hook, and the SAE is spliced in"
                    + " there. In place of DATA.")
    private @Nullable Path model;

    @Option(names = "--hook", paramLabel = "TENSOR", description = "Where (darien inspect M.onnx lists tensors).")
    private @Nullable String hook;

    @Option(names = "--text", arity = "1..*", paramLabel = "F", description = "Text files in UTF-8.")
    private List<Path> texts = List.of();

    @Option(names = "--tokenizer", paramLabel = "F", description = "The model's tokenizer.json (default: beside it).")
    private @Nullable Path tokenizer;

    @Option(names = "--context", paramLabel = "N", description = "Tokens in each sequence (default: line by line).")
    private int context;

    @Option(names = "--max-length", paramLabel = "N", description = "Tokens that are kept of a line.")
    private int maxLength;

    @Option(names = "--special-tokens", description = "Replace activations at special tokens too.")
    private boolean specialTokens;

    @Option(names = "--tokens", paramLabel = "N", description = "Use so many tokens of the text (default: all).")
    private long tokens = Long.MAX_VALUE;

    /** Whether a model was named, with or without data. */
    boolean isGiven() {
        return suffix != null || model != null;
    }

    /** As {@link #check}, for a command to which data are optional. */
    void checkOptional(List<String> data) {
        if (isGiven() || hook != null || !texts.isEmpty() || tokenizer != null) {
            check(data);
        }
    }

    /** @throws UsageException if the options don't go together, or with the data */
    void check(List<String> data) {
        if (suffix != null && model != null) {
            throw new UsageException("--suffix and --model are two ways to name one model; leave one out");
        }
        if (model == null) {
            if (hook != null || !texts.isEmpty() || tokenizer != null) {
                throw new UsageException("--hook, --text and --tokenizer go with --model; name the model");
            }
            if (data.isEmpty()) {
                throw new UsageException("no data was named; give activations, or --model with --hook and --text");
            }
        } else if (hook == null || texts.isEmpty()) {
            throw new UsageException("--model needs --hook TENSOR and --text F");
        } else if (!data.isEmpty()) {
            throw new UsageException("with --model activations come from --text; leave out " + data.getFirst()
                    + ", or name the rest of the model with --suffix");
        }
    }

    /** The model for people, and where in it. */
    String describe() {
        return model == null
                ? String.valueOf(suffix)
                : model + " at " + hook + ", on "
                        + texts.stream().map(Path::toString).collect(Collectors.joining(", "));
    }

    OnnxModel open() {
        return OnnxModel.open(model != null ? model : Objects.requireNonNull(suffix));
    }

    DownstreamEvaluator evaluator(OnnxModel opened, List<String> data, String tensor, int threads) {
        return evaluator(opened, data, tensor, null, threads);
    }

    /** As above; with gradients for those rules that use them, which only data can have. */
    DownstreamEvaluator evaluator(
            OnnxModel opened, List<String> data, String tensor, @Nullable String gradients, int threads) {
        if (model == null) {
            return DownstreamEvaluator.ofSuffix(opened, paths(data), tensor, gradients, threads);
        }
        String tensorName = Objects.requireNonNull(hook);
        CollectOptions options = UsageException.check(() -> {
            CollectOptions defaults = CollectOptions.of(tensorName, texts).withTokenizer(tokenizer);
            return defaults.withSequences(context, maxLength, specialTokens)
                    .withBatch(defaults.batch(), threads)
                    .withStorage(defaults.dtype(), tokens, defaults.shardTokens());
        });
        CollectListener silent = (done, share, seconds) -> true;
        return DownstreamEvaluator.ofModel(opened, options, silent);
    }

    private static List<Path> paths(List<String> data) {
        try {
            return data.stream().map(Path::of).toList();
        } catch (InvalidPathException e) {
            throw new UsageException("'" + e.getInput().replace('\0', ' ') + "' can't be the name of a file");
        }
    }
}
