// SPDX-License-Identifier: Apache-2.0
package dev.darien.examples.minilm;

import ai.djl.huggingface.tokenizers.Encoding;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.darien.model.CollectOptions;
import dev.darien.model.CollectResult;
import dev.darien.model.Collector;
import dev.darien.model.OnnxModel;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.LongBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Collecting, which reads, tokenises, runs and writes, against ONNX Runtime alone: the same texts in batches of 32 of like
 * length, tokenised beforehand, results thrown away. Loading is left out on both sides. Both are measured by the clock and
 * by the processor time that they take, which others at work on the machine disturb less.
 */
final class Speed {
    private static final int TEXTS = 300;
    private static final int BATCH = 32;
    private static final int ROUNDS = 3;
    private static final int CORES = Runtime.getRuntime().availableProcessors();

    private Speed() {}

    static void run(Path folder, String hook) throws IOException {
        System.setProperty("ai.djl.offline", "true");
        Path texts = folder.resolve("speed.txt");
        Files.write(texts, Files.readAllLines(folder.resolve("train.txt")).stream().limit(TEXTS).toList());
        List<long[][]> batches = batches(folder.resolve("tokenizer.json"), Files.readAllLines(texts));
        Path prefix = folder.resolve("prefix.onnx");
        Cost collecting = Cost.MOST;
        Cost upToHook = Cost.MOST;
        Cost whole = Cost.MOST;
        long tokens = 0;
        try (OnnxModel model = OnnxModel.open(folder.resolve("model.onnx"))) {
            model.savePrefix(hook, prefix);
            Path out = folder.resolve("speed.safetensors");
            for (int round = 0; round < ROUNDS; round++) {
                double before = processorSeconds();
                CollectResult result = new Collector(model, CollectOptions.of(hook, List.of(texts)))
                        .collect(out, false, (done, share, seconds) -> true);
                tokens = result.tokens();
                // Its processor time includes loading the model: that can't be told apart.
                collecting = collecting.least(new Cost(result.seconds(), processorSeconds() - before));
                upToHook = upToHook.least(alone(prefix, batches));
                whole = whole.least(alone(folder.resolve("model.onnx"), batches));
            }
            Files.deleteIfExists(out);
        } finally {
            Files.deleteIfExists(prefix);
            Files.deleteIfExists(texts);
        }
        System.out.printf(
                Locale.ROOT, "%,d texts, %,d tokens, %d cores, best of %d rounds%n", TEXTS, tokens, CORES, ROUNDS);
        line("darien collect, text to file", tokens, collecting);
        line("ONNX Runtime alone, the whole model", tokens, whole);
        line("ONNX Runtime alone, up to the tensor", tokens, upToHook);
        System.out.printf(
                Locale.ROOT,
                "speed of collecting / ONNX Runtime alone up to the tensor: %.2f by the clock, %.2f by processor time%n",
                upToHook.seconds / collecting.seconds,
                upToHook.processor / collecting.processor);
        System.out.printf(
                Locale.ROOT,
                "speed of collecting / ONNX Runtime alone on the whole model: %.2f by the clock, %.2f by processor time%n",
                whole.seconds / collecting.seconds,
                whole.processor / collecting.processor);
    }

    private static void line(String what, long tokens, Cost cost) {
        System.out.printf(
                Locale.ROOT,
                "  %-38s %,7.0f tokens/s, %,7.0f tokens per second of one processor%n",
                what,
                tokens / cost.seconds,
                tokens / cost.processor);
    }

    /**
     * What a pass took.
     *
     * @param seconds by the clock
     * @param processor seconds of all processors
     */
    private record Cost(double seconds, double processor) {
        static final Cost MOST = new Cost(Double.MAX_VALUE, Double.MAX_VALUE);

        Cost least(Cost other) {
            return new Cost(Math.min(seconds, other.seconds), Math.min(processor, other.processor));
        }
    }

    private static double processorSeconds() {
        return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
                        .getProcessCpuTime()
                / 1e9;
    }

    /** Batches of token numbers, [texts][tokens], padded with 0. */
    private static List<long[][]> batches(Path tokenizer, List<String> texts) throws IOException {
        List<long[]> ids = new ArrayList<>();
        try (HuggingFaceTokenizer opened = HuggingFaceTokenizer.builder()
                .optTokenizerPath(tokenizer)
                .optPadding(false)
                .optTruncation(true)
                .optMaxLength(128)
                .build()) {
            for (Encoding encoding : opened.batchEncode(texts)) {
                ids.add(encoding.getIds());
            }
        }
        ids.sort(Comparator.comparingInt(one -> one.length));
        List<long[][]> batches = new ArrayList<>();
        for (int i = 0; i < ids.size(); i += BATCH) {
            batches.add(ids.subList(i, Math.min(i + BATCH, ids.size())).toArray(long[][]::new));
        }
        return batches;
    }

    /** The better way of two: all cores at one batch, or a core for each of several. */
    private static Cost alone(Path model, List<long[][]> batches) {
        return alone(model, batches, 1, CORES).least(alone(model, batches, CORES, 1));
    }

    private static Cost alone(Path model, List<long[][]> batches, int atOnce, int threadsEach) {
        OrtEnvironment environment = OrtEnvironment.getEnvironment();
        try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
            options.setIntraOpNumThreads(threadsEach);
            try (OrtSession session = environment.createSession(model.toString(), options)) {
                run(environment, session, batches.getFirst());
                double before = processorSeconds();
                long started = System.nanoTime();
                AtomicInteger next = new AtomicInteger();
                List<Thread> threads = new ArrayList<>();
                for (int i = 0; i < atOnce; i++) {
                    threads.add(Thread.ofPlatform().start(() -> {
                        for (int batch = next.getAndIncrement(); batch < batches.size(); batch = next.getAndIncrement()) {
                            run(environment, session, batches.get(batch));
                        }
                    }));
                }
                for (Thread thread : threads) {
                    thread.join();
                }
                return new Cost((System.nanoTime() - started) / 1e9, processorSeconds() - before);
            }
        } catch (OrtException e) {
            throw new IllegalStateException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    private static void run(OrtEnvironment environment, OrtSession session, long[][] batch) {
        int length = batch[batch.length - 1].length;
        LongBuffer ids = LongBuffer.allocate(batch.length * length);
        LongBuffer mask = LongBuffer.allocate(batch.length * length);
        for (int i = 0; i < batch.length; i++) {
            for (int j = 0; j < length; j++) {
                ids.put(j < batch[i].length ? batch[i][j] : 0);
                mask.put(j < batch[i].length ? 1 : 0);
            }
        }
        long[] shape = {batch.length, length};
        try (OnnxTensor idTensor = OnnxTensor.createTensor(environment, ids.flip(), shape);
                OnnxTensor maskTensor = OnnxTensor.createTensor(environment, mask.flip(), shape);
                OnnxTensor typeTensor =
                        OnnxTensor.createTensor(environment, LongBuffer.allocate(ids.limit()), shape)) {
            session.run(Map.of("input_ids", idTensor, "attention_mask", maskTensor, "token_type_ids", typeTensor))
                    .close();
        } catch (OrtException e) {
            throw new IllegalStateException(e);
        }
    }
}
