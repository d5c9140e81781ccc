// SPDX-License-Identifier: Apache-2.0
package dev.darien.model;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtSession;
import dev.darien.data.ActivationSource;
import dev.darien.data.ActivationSources;
import dev.darien.data.DataException;
import dev.darien.data.MappedFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Batches out of text, by the model itself: what crosses the cut beside the hook is carried along. */
final class TextBatches implements BatchSource {
    /** Bounds the predictions of one batch: 2^25 are 128 MB. */
    private static final long MOST_OUTPUTS = 1L << 25;

    private final Collector collector;
    private final ModelCut cut;
    private final HookRunner runner;
    private final SuffixModel suffix;
    private final Path file;
    private final ActivationSource activations;
    private final long tokens;
    private final int most;
    private SequenceReader reader;
    private List<TokenSequence> waiting = new ArrayList<>();
    private long left;

    /** Collects first, into a file for the time being, since there may be more activations than memory. */
    TextBatches(OnnxModel model, CollectOptions options, CollectListener listener) {
        this.collector = new Collector(model, options);
        this.cut = collector.cut();
        if (cut.outputs().isEmpty()) {
            throw new DataException("no output of " + model.path() + " depends on '" + cut.hook()
                    + "', so that nothing put there shows; name another tensor");
        }
        List<AutoCloseable> opened = new ArrayList<>();
        try {
            this.file = Files.createTempFile("darien-", ".safetensors");
            opened.add(() -> Files.deleteIfExists(file));
            this.tokens = collector.collect(file, false, listener).tokens();
            this.activations = ActivationSources.open(List.of(file), ActivationSources.DEFAULT_TENSOR);
            opened.add(activations);
            this.runner = new HookRunner(model, cut, cut.crossing(), options.threads());
            opened.add(runner);
            this.suffix = new SuffixModel(
                    model.suffix(cut, runner.types(), options.threads()),
                    cut.hook(),
                    model.vocabulary(runner.inputs().ids()));
            opened.add(suffix);
            this.most = options.batch();
            this.reader = collector.reader();
            this.left = tokens;
        } catch (IOException e) {
            throw new DataException(
                    "no file can be made in " + System.getProperty("java.io.tmpdir") + ": " + MappedFile.reason(e)
                            + "; set -Djava.io.tmpdir",
                    e);
        } catch (RuntimeException | Error e) {
            closeAll(opened, e);
            throw e;
        }
    }

    private static void closeAll(List<AutoCloseable> opened, Throwable failure) {
        for (AutoCloseable one : opened.reversed()) {
            try {
                one.close();
            } catch (Exception e) {
                failure.addSuppressed(e);
            }
        }
    }

    /** Other tensors that cross the cut. */
    List<String> crossing() {
        return cut.crossing();
    }

    @Override
    public SuffixModel suffix() {
        return suffix;
    }

    @Override
    public ActivationSource activations() {
        return activations;
    }

    @Override
    public void rewind() {
        reader.close();
        reader = collector.reader();
        waiting = new ArrayList<>();
        left = tokens;
    }

    @Override
    public @Nullable HookedBatch next() {
        List<TokenSequence> sequences = new ArrayList<>();
        while (left > 0 && sequences.size() < most) {
            if (waiting.isEmpty()) {
                waiting = new ArrayList<>(reader.next());
                if (waiting.isEmpty()) {
                    break;
                }
            }
            TokenSequence next = waiting.getFirst();
            if (!sequences.isEmpty() && !fits(sequences, next)) {
                break;
            }
            waiting.removeFirst();
            TokenSequence taken = next.rows() > left ? next.first((int) left) : next;
            left -= taken.rows();
            sequences.add(taken);
        }
        return sequences.isEmpty() ? null : run(sequences);
    }

    private boolean fits(List<TokenSequence> sequences, TokenSequence next) {
        if (collector.fixedBatch() > 0
                || (!runner.inputs().hasMask() && sequences.getFirst().length() != next.length())) {
            return false;
        }
        long longest = Math.max(
                next.length(),
                sequences.stream().mapToInt(TokenSequence::length).max().orElse(0));
        return (sequences.size() + 1) * longest * suffix.outputsPerToken() <= MOST_OUTPUTS;
    }

    private HookedBatch run(List<TokenSequence> sequences) {
        TokenBatch batch = runner.batch(sequences);
        HostTensor hook = new HostTensor(runner.session().runtime(), sequences.size(), batch.length(), runner.width());
        try {
            OrtSession.Result rest = runner.session().run(batch.tensors(), Map.of(cut.hook(), hook.tensor()));
            Map<String, OnnxTensor> others = new LinkedHashMap<>(batch.tensors());
            for (String name : cut.crossing()) {
                others.put(name, (OnnxTensor) rest.get(name).orElseThrow());
            }
            return new HookedBatch(sequences, hook, others, null, () -> {
                rest.close();
                hook.close();
                batch.close();
            });
        } catch (RuntimeException | Error e) {
            hook.close();
            batch.close();
            throw e;
        }
    }

    @Override
    public void close() {
        SequenceReader last = reader;
        try (suffix;
                runner;
                activations;
                last) {
            // Closed in reverse order; the file last.
        } finally {
            try {
                Files.deleteIfExists(file);
            } catch (IOException e) {
                System.getLogger(TextBatches.class.getName())
                        .log(System.Logger.Level.WARNING, file + " can't be removed: " + MappedFile.reason(e));
            }
        }
    }
}
