// SPDX-License-Identifier: Apache-2.0
package dev.darien.model;

import dev.darien.data.ActivationSource;
import dev.darien.data.DataException;
import dev.darien.memory.Closing;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.Turn;
import dev.darien.sae.Autoencoder;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Measures what splices do to a model's loss (Bricken et al. 2023; loss recovered as in SAEBench, Karvonen et al. 2025)
 * or to its embeddings. The model as it is, with zeros and with the mean activation are measured beside. Positions that
 * don't count (padding, special tokens) keep their activations.
 */
@SuppressWarnings("try") // A turn is taken, not looked at.
public final class DownstreamEvaluator implements AutoCloseable {
    /** ONNX Runtime's memory must not be freed while it runs. */
    private final Turn turn = new Turn("the evaluator");

    private final BatchSource batches;
    private final List<String> crossing;
    /** Measured in the first pass, for all. */
    private @Nullable Ablations ablations;

    private record Ablations(SpliceSums zero, SpliceSums mean, Splice toMean) {}

    private DownstreamEvaluator(BatchSource batches, List<String> crossing) {
        this.batches = batches;
        this.crossing = List.copyOf(crossing);
    }

    /**
     * Of a whole model on text.
     *
     * @param model stays the caller's, who closes it after this
     * @param options which hook and text; all activations are collected first, into a file for the time being
     * @throws DataException as {@link Collector} does, and if no output depends on the hook
     */
    public static DownstreamEvaluator ofModel(OnnxModel model, CollectOptions options, CollectListener listener) {
        TextBatches batches = new TextBatches(model, options, listener);
        return new DownstreamEvaluator(batches, batches.crossing());
    }

    /**
     * Of the rest of a model, on collected activations.
     *
     * @param suffix with an input F32[sequences, context, d] for activations; stays the caller's, who closes it after this
     * @param data safetensors files with {@code targets} beside the activations and {@code context} in their metadata
     * @param tensor name of the activations in them
     * @throws DataException if the suffix needs more than the hook and tokens: says which other tensors cross the cut
     */
    public static DownstreamEvaluator ofSuffix(OnnxModel suffix, List<Path> data, String tensor, int threads) {
        return ofSuffix(suffix, data, tensor, null, threads);
    }

    /**
     * As above, with gradients for splices that use them.
     *
     * @param gradients name of the tensor with the loss's gradient by each activation; null for none
     * @throws DataException also if there is no such tensor of the activations' shape
     */
    public static DownstreamEvaluator ofSuffix(
            OnnxModel suffix, List<Path> data, String tensor, @Nullable String gradients, int threads) {
        Libraries.requireOnnxRuntime();
        return new DownstreamEvaluator(new FileBatches(suffix, data, tensor, gradients, threads), List.of());
    }

    /** All activations that are measured on. It is closed with this. */
    public ActivationSource activations() {
        return batches.activations();
    }

    /** Tensors that cross the cut beside the hook; they are carried along as the model computed them. */
    public List<String> crossing() {
        return crossing;
    }

    /**
     * Measures what the splices do that {@code splicing} makes of {@code saes}, all in one pass; they are closed afterwards.
     *
     * @return what was measured of each, under its name and in the same order
     */
    public Map<String, DownstreamEvaluation> evaluate(
            Map<String, ? extends Autoencoder> saes, Function<Autoencoder, SaeSplice> splicing) {
        Map<String, SaeSplice> splices = new LinkedHashMap<>();
        try {
            saes.forEach((name, sae) -> splices.put(name, splicing.apply(sae)));
            return evaluate(splices);
        } finally {
            Closing.all(List.copyOf(splices.values()));
        }
    }

    /**
     * Measures each splice, all in one pass.
     *
     * @return what was measured of each, under its name and in the same order
     * @throws IllegalStateException if this is closed, or another thread measures with it
     */
    public Map<String, DownstreamEvaluation> evaluate(Map<String, ? extends Splice> splices) {
        try (Turn held = turn.take()) {
            return measure(splices);
        }
    }

    private Map<String, DownstreamEvaluation> measure(Map<String, ? extends Splice> splices) {
        SuffixModel suffix = batches.suffix();
        SpliceSums clean = new SpliceSums(suffix.kind());
        @Nullable Ablations before = ablations;
        Ablations ablated = before != null ? before : ablations(suffix.kind());
        Map<String, SpliceSums> sums = new LinkedHashMap<>();
        splices.keySet().forEach(name -> sums.put(name, new SpliceSums(suffix.kind())));
        batches.rewind();
        while (true) {
            try (@Nullable HookedBatch batch = batches.next()) {
                if (batch == null) {
                    break;
                }
                SuffixModel.Output asItIs = suffix.run(batch, batch.hook().tensor());
                clean.add(batch, asItIs, asItIs);
                try (Slot slot = new Slot(batch)) {
                    if (before == null) {
                        ablated.zero().add(batch, asItIs, slot.run(Splice.zero()));
                        ablated.mean().add(batch, asItIs, slot.run(ablated.toMean()));
                    }
                    for (Map.Entry<String, SpliceSums> sum : sums.entrySet()) {
                        sum.getValue().add(batch, asItIs, slot.run(Objects.requireNonNull(splices.get(sum.getKey()))));
                    }
                }
            }
        }
        if (suffix.kind() != SuffixModel.Kind.EMBEDDING && clean.tokens() == 0) {
            throw new DataException("no token of the text is followed by another, so there is no loss to measure; use"
                    + " longer texts");
        }
        ablations = ablated;
        Map<String, DownstreamEvaluation> results = new LinkedHashMap<>();
        sums.forEach((name, spliced) ->
                results.put(name, result(suffix.kind(), clean, spliced, ablated.zero(), ablated.mean())));
        return results;
    }

    private Ablations ablations(SuffixModel.Kind kind) {
        return new Ablations(
                new SpliceSums(kind), new SpliceSums(kind), Splice.constant(ActivationRows.mean(activations())));
    }

    private static DownstreamEvaluation result(
            SuffixModel.Kind kind, SpliceSums clean, SpliceSums spliced, SpliceSums zero, SpliceSums mean) {
        if (kind == SuffixModel.Kind.EMBEDDING) {
            return new DownstreamEvaluation(
                    null,
                    new DownstreamEvaluation.Embedding(
                            clean.texts(), spliced.meanDistance(), zero.meanDistance(), mean.meanDistance()));
        }
        return new DownstreamEvaluation(
                new DownstreamEvaluation.Loss(
                        clean.tokens(),
                        clean.meanLoss(),
                        spliced.meanLoss(),
                        zero.meanLoss(),
                        mean.meanLoss(),
                        spliced.meanDivergence(),
                        spliced.meanLogitChange(),
                        spliced.meanLargestLogitChange()),
                null);
    }

    /** Where the activations of a batch are put together anew. */
    private final class Slot implements AutoCloseable {
        private final HookedBatch batch;
        private final Arena arena = Arena.ofShared();
        private final Matrix rows;
        private final Matrix replaced;
        private final HostTensor tensor;

        Slot(HookedBatch batch) {
            this.batch = batch;
            int width = batch.hook().rows().columns();
            this.rows = matrix(batch.rows(), width);
            this.replaced = matrix(batch.rows(), width);
            this.tensor = new HostTensor(
                    batches.suffix().session().runtime(), batch.sequences().size(), batch.length(), width);
            batch.gather(batch.hook().rows(), rows);
        }

        private Matrix matrix(int count, int width) {
            return Matrix.of(arena.allocate((long) count * width * Float.BYTES, 64), DType.F32, count, width);
        }

        SuffixModel.Output run(Splice splice) {
            splice.apply(rows, batch.gradients(), replaced);
            tensor.rows().copyFrom(batch.hook().rows());
            batch.scatter(replaced, tensor.rows());
            return batches.suffix().run(batch, tensor.tensor());
        }

        @Override
        public void close() {
            tensor.close();
            arena.close();
        }
    }

    /**
     * Gives everything back; idempotent.
     *
     * @throws IllegalStateException if another thread measures with it; nothing has changed then
     */
    @Override
    public void close() {
        if (turn.end()) {
            batches.close();
        }
    }
}
