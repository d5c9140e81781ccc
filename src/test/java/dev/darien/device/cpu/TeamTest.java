// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(120)
class TeamTest {
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4, 5, 6, 7, 8})
    void everyChunkRunsExactlyOnceInEachOfManyRuns(int threads) {
        int[] sizes = {0, 1, 2, 3, 7, 8, 9, 64, 257};
        try (Team team = new Team(threads)) {
            assertThat(team.threads()).isEqualTo(threads);
            AtomicIntegerArray times = new AtomicIntegerArray(257);
            for (int run = 0; run < 900; run++) {
                int chunks = sizes[run % sizes.length];
                for (int chunk = 0; chunk < times.length(); chunk++) {
                    times.set(chunk, 0);
                }
                team.run(chunks, (chunk, worker) -> {
                    if (worker < 0 || worker >= threads) {
                        throw new AssertionError("worker " + worker + " of " + threads);
                    }
                    times.incrementAndGet(chunk);
                });
                for (int chunk = 0; chunk < times.length(); chunk++) {
                    assertThat(times.get(chunk))
                            .as("chunk %d of %d", chunk, chunks)
                            .isEqualTo(chunk < chunks ? 1 : 0);
                }
            }
        }
    }

    @Test
    void chunksAreHandedOutInAscendingOrder() {
        int[] order = new int[100];
        AtomicInteger next = new AtomicInteger();
        try (Team team = new Team(1)) {
            team.run(order.length, (chunk, worker) -> order[next.getAndIncrement()] = chunk);
        }
        int[] sorted = order.clone();
        Arrays.sort(sorted);
        assertThat(order).isEqualTo(sorted);
    }

    @Test
    void everyWorkerCanTakeAChunk() throws Exception {
        int threads = 4;
        AtomicIntegerArray workers = new AtomicIntegerArray(threads);
        try (Team team = new Team(threads)) {
            // No chunk ends before all have begun, so each needs a worker of its own; parked ones must be woken.
            Thread.sleep(20);
            CountDownLatch begun = new CountDownLatch(threads);
            team.run(threads, (chunk, worker) -> {
                workers.incrementAndGet(worker);
                begun.countDown();
                try {
                    begun.await();
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
            });
        }
        for (int worker = 0; worker < threads; worker++) {
            assertThat(workers.get(worker)).as("chunks of worker %d", worker).isEqualTo(1);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 4})
    void anExceptionReachesTheCallerOnceAllHaveStopped(int threads) {
        try (Team team = new Team(threads)) {
            for (int run = 0; run < 200; run++) {
                AtomicInteger running = new AtomicInteger();
                assertThatThrownBy(() -> team.run(50, (chunk, worker) -> {
                            running.incrementAndGet();
                            try {
                                if (chunk % 10 == 3) {
                                    throw new UnsupportedOperationException("chunk " + chunk);
                                }
                            } finally {
                                running.decrementAndGet();
                            }
                        }))
                        .isInstanceOf(UnsupportedOperationException.class)
                        .hasMessageStartingWith("chunk ");
                assertThat(running).hasValue(0);
                AtomicInteger after = new AtomicInteger();
                team.run(5, (chunk, worker) -> after.incrementAndGet());
                assertThat(after).as("chunks of the run after a failed one").hasValue(5);
            }
        }
    }

    @Test
    void errorsReachTheCallerToo() {
        try (Team team = new Team(2)) {
            assertThatThrownBy(() -> team.run(8, (chunk, worker) -> {
                        throw new AssertionError("on purpose");
                    }))
                    .isInstanceOf(AssertionError.class)
                    .hasMessage("on purpose");
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3})
    void aTaskCannotRunAnotherOrCloseItsTeam(int threads) {
        try (Team team = new Team(threads)) {
            assertThatThrownBy(() -> team.run(3, (chunk, worker) -> team.run(1, (inner, other) -> {})))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("one task at a time");
            Runnable close = team::close;
            assertThatThrownBy(() -> team.run(1, (chunk, worker) -> close.run()))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("can't be closed");
        }
    }

    @Test
    void closingEndsTheThreadsAndIsIdempotent() {
        Team team = new Team(3);
        AtomicInteger chunks = new AtomicInteger();
        team.run(3, (chunk, worker) -> chunks.incrementAndGet());
        team.close();
        team.close();
        assertThat(chunks).hasValue(3);
        assertThatThrownBy(() -> team.run(1, (chunk, worker) -> {}))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("closed");
    }

    @Test
    void aTeamNeedsAThread() {
        assertThatThrownBy(() -> new Team(0)).isInstanceOf(IllegalArgumentException.class);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 4})
    void runningAllocatesNothing(int threads) {
        com.sun.management.ThreadMXBean bean = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        int runs = 2_000;
        long[] sums = new long[64];
        Team.Task task = (chunk, worker) -> sums[chunk] += chunk;
        try (Team team = new Team(threads)) {
            for (int run = 0; run < runs; run++) {
                team.run(sums.length, task);
            }
            long before = bean.getTotalThreadAllocatedBytes();
            long callerBefore = bean.getCurrentThreadAllocatedBytes();
            for (int run = 0; run < runs; run++) {
                team.run(sums.length, task);
            }
            long caller = bean.getCurrentThreadAllocatedBytes() - callerBefore;
            long all = bean.getTotalThreadAllocatedBytes() - before;
            assertThat(caller)
                    .as("bytes that the caller allocated in %d runs", runs)
                    .isLessThan(runs);
            // Other threads of the JVM allocate a little, too; an object per run would be at least 16 bytes each.
            assertThat(all)
                    .as("bytes that all threads allocated in %d runs", runs)
                    .isLessThan(16L * runs);
        }
        assertThat(sums[63]).isEqualTo(63L * 2 * runs);
    }
}
