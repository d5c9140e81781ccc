// SPDX-License-Identifier: Apache-2.0
package dev.darien.model;

import dev.darien.data.DataException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;

/**
 * Collects a model's activations at a tensor from text, as safetensors: {@code activations} [tokens, d], {@code tokens},
 * {@code targets} (the next token, -1 where none follows) and {@code sequences} (the line, or the stretch of text) i32
 * [tokens], and {@code gradients} [tokens, d] where a model makes them.
 *
 * <p>Each thread runs batches of its own, which on a CPU is faster than several threads at one batch; meanwhile the next
 * texts are tokenised and the last file is written. What is written doesn't depend on the number of threads.
 */
public final class Collector {
    private final OnnxModel model;
    private final CollectOptions options;
    private final ModelCut cut;
    private final TokenizerFile tokenizer;
    private final ModelInputs inputs;
    private final int context;
    private final int longest;
    private final int batch;

    /**
     * Checks what can be checked without running the model.
     *
     * @param model stays the caller's, who closes it
     * @throws DataException if the hook isn't in the model, text isn't what the model takes, or there is no tokenizer
     */
    public Collector(OnnxModel model, CollectOptions options) {
        Libraries.requireOnnxRuntime();
        Libraries.requireTokenizers();
        this.model = model;
        this.options = options;
        this.cut = ModelCut.at(model.graph(), options.hook());
        this.inputs = new ModelInputs(model.graph());
        this.inputs.requireIds();
        this.tokenizer = options.tokenizer() == null
                ? TokenizerFile.beside(model.path())
                : TokenizerFile.open(options.tokenizer());
        int fixed = inputs.fixedLength();
        if (fixed > 0 && options.context() > 0 && options.context() != fixed) {
            throw new DataException(model.path() + " only takes sequences of " + fixed + " tokens, not "
                    + options.context() + "; leave --context out");
        }
        this.context = fixed > 0 ? fixed : options.context();
        this.longest = options.maxLength() > 0
                ? options.maxLength()
                : tokenizer.maxLength() > 0 ? tokenizer.maxLength() : CollectOptions.MAX_LENGTH;
        this.batch = inputs.fixedBatch() > 0 ? inputs.fixedBatch() : options.batch();
        if (options.gradients() != null && context == 0) {
            throw new DataException(
                    "gradients need a next token for each token, which lines of text don't have at their"
                            + " end; set --context");
        }
    }

    /**
     * Collects into {@code out}: one file if its name ends in {@code .safetensors}, otherwise a folder of shards.
     *
     * @param resume whether to go on with a collection of the same things that was broken off; it is as if it had never
     *     been
     * @throws DataException if the tokenizer isn't the model's, there is no text with tokens, the model can't be run or
     *     the files can't be written; complete shards stay
     */
    public CollectResult collect(Path out, boolean resume, CollectListener listener) {
        boolean single = out.toString().endsWith(".safetensors");
        Path folder = single ? out.resolveSibling("." + out.getFileName() + ".parts") : out;
        try (SequenceReader reader = reader();
                HookRunner runner = new HookRunner(model, cut, List.of(), 1);
                Gradients gradients = Gradients.open(options.gradients(), runner.width())) {
            ShardFolder shards = ShardFolder.open(folder, fingerprint(), resume);
            try {
                Run run = new Run(reader, runner, gradients.model(), shards, listener);
                CollectResult result = run.run();
                if (result.finished()) {
                    if (result.tokens() == 0) {
                        throw new DataException(options.texts().getFirst() + " has no text with tokens"
                                + (context > 0 ? ": not even the " + (context + 1) + " of one sequence" : "")
                                + "; name a file with more text");
                    }
                    shards.finish(result.asMap());
                    if (single) {
                        shards.joinInto(out, metadata());
                        shards.remove();
                    }
                }
                return result;
            } catch (RuntimeException | Error e) {
                if (shards.shards() == 0) {
                    shards.remove();
                }
                throw e;
            }
        }
    }

    SequenceReader reader() {
        return new SequenceReader(
                options.texts(), tokenizer, model.vocabulary(inputs.ids()), longest, context, options.specialTokens());
    }

    ModelCut cut() {
        return cut;
    }

    /** 1 where the model only takes one sequence at a time, otherwise 0. */
    int fixedBatch() {
        return inputs.fixedBatch();
    }

    /** All that makes a difference to what is written. */
    private Map<String, Object> fingerprint() {
        Map<String, Object> of = new LinkedHashMap<>();
        of.put("model", hash(model.path()));
        of.put("hook", options.hook());
        of.put("tokenizer", hash(tokenizer.path()));
        of.put("texts", options.texts().stream().map(Collector::hash).toList());
        of.put("gradients", options.gradients() == null ? "none" : hash(options.gradients()));
        of.put("context", context);
        of.put("max_length", longest);
        of.put("batch", batch);
        of.put("dtype", options.dtype().toString());
        of.put("tokens", options.tokens() == Long.MAX_VALUE ? "all" : String.valueOf(options.tokens()));
        of.put("shard_tokens", options.shardTokens());
        of.put("special_tokens", options.specialTokens());
        return of;
    }

    private static String hash(Path path) {
        return path.getFileName() + " " + Hashes.sha256(path);
    }

    private Map<String, String> metadata() {
        Map<String, String> metadata = new LinkedHashMap<>();
        metadata.put("model", String.valueOf(model.path().getFileName()));
        metadata.put("hook", options.hook());
        if (context > 0) {
            metadata.put("context", String.valueOf(context));
        }
        return metadata;
    }

    /** The model of gradients and its file; neither where none are wanted. */
    private record Gradients(
            @Nullable OnnxModel file, @Nullable GradientModel model) implements AutoCloseable {
        static Gradients open(@Nullable Path path, int width) {
            if (path == null) {
                return new Gradients(null, null);
            }
            OnnxModel file = OnnxModel.open(path);
            try {
                return new Gradients(file, new GradientModel(file, width));
            } catch (RuntimeException | Error e) {
                file.close();
                throw e;
            }
        }

        @Override
        public void close() {
            if (model != null) {
                model.close();
            }
            if (file != null) {
                file.close();
            }
        }
    }

    /** One collection. */
    private final class Run {
        private final SequenceReader reader;
        private final HookRunner runner;
        private final @Nullable GradientModel gradients;
        private final ShardFolder shards;
        private final CollectListener listener;
        private final long started = System.nanoTime();
        private final long tokensBefore;
        private final List<TokenSequence> waiting = new ArrayList<>();
        private long toSkip;
        private long read;
        private long tokensDone;
        private boolean ended;
        private boolean stopped;
        /** Batches that haven't begun needn't. */
        private volatile boolean abandoned;

        Run(
                SequenceReader reader,
                HookRunner runner,
                @Nullable GradientModel gradients,
                ShardFolder shards,
                CollectListener listener) {
            this.reader = reader;
            this.runner = runner;
            this.gradients = gradients;
            this.shards = shards;
            this.listener = listener;
            this.toSkip = shards.sequences();
            this.tokensBefore = shards.tokens();
            this.read = shards.tokens();
            this.tokensDone = shards.tokens();
        }

        CollectResult run() {
            if (!shards.isFinished()) {
                ExecutorService pool = Executors.newFixedThreadPool(options.threads(), work -> {
                    Thread thread = new Thread(work, "darien-collect");
                    thread.setDaemon(true);
                    return thread;
                });
                try {
                    collect(pool);
                } finally {
                    pool.shutdownNow();
                    pool.close();
                }
            }
            return new CollectResult(
                    shards.tokens(),
                    shards.sequences(),
                    runner.width(),
                    context,
                    reader.skipped(),
                    reader.truncated(),
                    shards.shards(),
                    seconds(),
                    shards.tokens() - tokensBefore,
                    !stopped);
        }

        private double seconds() {
            return (System.nanoTime() - started) / 1e9;
        }

        /** While the pool runs the batches of one chunk, this thread reads the next and writes the one before. */
        private void collect(ExecutorService pool) {
            Pending running = start(pool);
            try {
                while (running != null) {
                    Pending next = stopped ? null : start(pool);
                    try (Pending done = running) {
                        running = next;
                        await(done);
                        if (!stopped) {
                            shards.add(done.chunk, metadata());
                        }
                    }
                }
            } finally {
                abandoned = true;
                if (running != null) {
                    running.close();
                }
            }
        }

        /** The next chunk, on its way; null if there is no more text. */
        private @Nullable Pending start(ExecutorService pool) {
            List<TokenSequence> taken = new ArrayList<>();
            long rows = 0;
            long most = Math.min(options.shardTokens(), options.tokens() - read);
            while (rows < most && fill()) {
                TokenSequence sequence = waiting.removeLast();
                if (read + rows + sequence.rows() > options.tokens()) {
                    sequence = sequence.first((int) (options.tokens() - read - rows));
                }
                taken.add(sequence);
                rows += sequence.rows();
            }
            if (taken.isEmpty()) {
                return null;
            }
            read += rows;
            Chunk chunk = new Chunk(taken, runner.width(), options.dtype(), gradients != null);
            List<Future<Integer>> parts = new ArrayList<>();
            for (List<Integer> numbers : chunk.batches(batch, inputs.hasMask())) {
                parts.add(pool.submit(() -> runBatch(chunk, numbers)));
            }
            return new Pending(chunk, parts);
        }

        /** Whether there is a further sequence; skips those that a run before has collected. */
        private boolean fill() {
            while (waiting.isEmpty() && !ended) {
                List<TokenSequence> more = reader.next();
                ended = more.isEmpty();
                int skip = (int) Math.min(toSkip, more.size());
                toSkip -= skip;
                waiting.addAll(more.subList(skip, more.size()).reversed());
            }
            return !waiting.isEmpty();
        }

        private int runBatch(Chunk chunk, List<Integer> numbers) {
            if (abandoned) {
                return 0;
            }
            List<TokenSequence> sequences =
                    numbers.stream().map(chunk.sequences()::get).toList();
            try (TokenBatch tokens = runner.batch(sequences);
                    HostTensor activations = new HostTensor(
                            runner.session().runtime(), sequences.size(), tokens.length(), runner.width())) {
                runner.session().runInto(tokens.tensors(), Map.of(cut.hook(), activations.tensor()));
                String what = "the activation at '" + cut.hook() + "'";
                if (gradients == null) {
                    chunk.put(numbers, activations.rows(), null, what);
                } else {
                    try (HostTensor slopes = new HostTensor(
                            runner.session().runtime(), sequences.size(), tokens.length(), runner.width())) {
                        gradients.run(tokens, activations, slopes);
                        chunk.put(numbers, activations.rows(), slopes.rows(), what);
                    }
                }
            }
            return sequences.stream().mapToInt(TokenSequence::rows).sum();
        }

        private void await(Pending pending) {
            for (Future<Integer> part : pending.parts) {
                try {
                    tokensDone += part.get();
                } catch (ExecutionException e) {
                    abandoned = true;
                    if (e.getCause() instanceof RuntimeException failure) {
                        throw failure;
                    }
                    throw new IllegalStateException(e.getCause());
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                    throw new IllegalStateException("interrupted while collecting", e);
                }
                double share = options.tokens() == Long.MAX_VALUE
                        ? reader.share() * tokensDone / Math.max(1, read)
                        : (double) tokensDone / options.tokens();
                if (!stopped && !listener.onProgress(tokensDone, share, seconds())) {
                    stopped = true;
                    abandoned = true;
                }
            }
        }
    }

    /** A chunk whose batches are being run. */
    private record Pending(Chunk chunk, List<Future<Integer>> parts) implements AutoCloseable {
        @Override
        public void close() {
            // The memory may only go when nobody writes to it any more.
            for (Future<Integer> part : parts) {
                try {
                    part.get();
                } catch (ExecutionException alreadyTold) {
                    // The first failure is what collecting fails with.
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            }
            chunk.close();
        }
    }
}
