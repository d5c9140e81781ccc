// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;

/** One pass over a source before it is used: NaN and infinities, a content hash, means. */
public final class DataCheck {
    /**
     * The data is cut into this many parts (fewer if it is short), whatever the number of threads: sums of floating-point
     * numbers depend on where they are cut, and the result must not depend on the machine.
     */
    private static final int PARTS = 64;

    private DataCheck() {}

    /** Scans with as many threads as there are processors. */
    public static DataSummary scan(ActivationSource source, OnNan onNan) {
        return scan(source, onNan, Runtime.getRuntime().availableProcessors());
    }

    /**
     * Scans every row.
     *
     * @param threads how many threads read; the result is the same bits for any number
     * @throws DataException naming file, row and column of the first NaN or infinity under {@link OnNan#FAIL}; under
     *     {@link OnNan#SKIP} only if no row is sound
     * @throws IllegalArgumentException unless threads is positive
     */
    public static DataSummary scan(ActivationSource source, OnNan onNan, int threads) {
        if (threads < 1) {
            throw new IllegalArgumentException("a scan needs at least one thread, not " + threads);
        }
        int chunkRows = ChunkScanner.chunkRows(source);
        long chunks = Math.ceilDiv(source.rows(), chunkRows);
        int parts = (int) Math.min(PARTS, chunks);
        PartResult[] results = new PartResult[parts];
        AtomicInteger next = new AtomicInteger();
        AtomicInteger firstBad = new AtomicInteger(Integer.MAX_VALUE);
        Runnable worker = () -> {
            ChunkScanner scanner = new ChunkScanner(source, chunkRows);
            // Under FAIL only the first bad row of all matters, so parts after a bad one needn't be looked at.
            for (int part = next.getAndIncrement();
                    part < parts && part < firstBad.get();
                    part = next.getAndIncrement()) {
                results[part] = scanner.scan(
                        chunks * part / parts * chunkRows,
                        Math.min(chunks * (part + 1) / parts * chunkRows, source.rows()),
                        onNan);
                if (onNan == OnNan.FAIL && results[part].hasBadRows()) {
                    firstBad.accumulateAndGet(part, Math::min);
                }
            }
        };
        runOn(Math.min(threads, parts), worker);
        if (firstBad.get() < parts) {
            throw badRow(source, results[firstBad.get()].badRows().getFirst());
        }
        return combine(source, results);
    }

    private static void runOn(int threads, Runnable worker) {
        if (threads == 1) {
            worker.run();
            return;
        }
        try (ExecutorService pool = Executors.newFixedThreadPool(
                threads, Thread.ofPlatform().daemon().name("darien-scan-", 0).factory())) {
            List<Future<?>> running = new ArrayList<>();
            for (int i = 0; i < threads; i++) {
                running.add(pool.submit(worker));
            }
            for (Future<?> future : running) {
                future.get();
            }
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RuntimeException cause) {
                throw cause;
            }
            // A page of a mapped file that can't be had any more, or no memory left: its own name says more than ours.
            if (e.getCause() instanceof Error error) {
                throw error;
            }
            throw new IllegalStateException("the scan of the data failed", e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("the scan of the data was interrupted", e);
        }
    }

    private static DataSummary combine(ActivationSource source, PartResult[] results) {
        ContentHash hash = new ContentHash(source.rows(), source.width(), source.dtype());
        double[] mean = new double[source.width()];
        double[] meanSquare = new double[source.width()];
        double squares = 0;
        int bad = 0;
        for (PartResult part : results) {
            hash.add(part.hash());
            for (int column = 0; column < mean.length; column++) {
                mean[column] += part.sums()[column];
                meanSquare[column] += part.columnSquares()[column];
            }
            squares += part.squares();
            bad = Math.addExact(bad, part.badRows().size());
        }
        long good = source.rows() - bad;
        if (good == 0) {
            throw new DataException(source.describe() + " has a NaN or an infinity in every one of its " + source.rows()
                    + " rows, so none is left to use; find out what wrote them");
        }
        for (int column = 0; column < mean.length; column++) {
            mean[column] /= good;
            meanSquare[column] /= good;
        }
        long[] badRows = Arrays.stream(results)
                .flatMap(part -> part.badRows().stream())
                .mapToLong(Long::longValue)
                .toArray();
        return new DataSummary(hash.value(), source.rows(), badRows, mean, meanSquare, squares / good);
    }

    private static DataException badRow(ActivationSource source, long row) {
        float[] values = new ChunkScanner(source, 1).row(row);
        int column = 0;
        while (Float.isFinite(values[column])) {
            column++;
        }
        return new DataException("%s is %s; repair the data, or train with --on-nan skip to leave such rows out"
                .formatted(source.locate(row, column), Float.isNaN(values[column]) ? "NaN" : "infinite"));
    }

    /**
     * What a part of the rows came to.
     *
     * @param sums of each column over sound rows
     * @param columnSquares sums of squares of each column over sound rows
     * @param squares sum of squared norms of sound rows
     */
    @SuppressWarnings("ArrayRecordComponent") // never leaves this package
    record PartResult(long hash, List<Long> badRows, double[] sums, double[] columnSquares, double squares) {
        boolean hasBadRows() {
            return !badRows.isEmpty();
        }
    }
}
