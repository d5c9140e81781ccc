// SPDX-License-Identifier: Apache-2.0
package dev.darien.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class TurnTest {
    private final Turn turn = new Turn("the thing");

    /** Another thread that has the turn until {@code end} is counted down. */
    private Thread holder(CountDownLatch end) throws InterruptedException {
        CountDownLatch has = new CountDownLatch(1);
        Thread holder = Thread.ofPlatform().name("holder").start(() -> {
            try (Turn held = turn.take()) {
                assertThat(held).isSameAs(turn);
                has.countDown();
                end.await();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        });
        has.await();
        return holder;
    }

    @Test
    void whoComesWhileAnotherIsAtItIsRefused() throws Exception {
        CountDownLatch end = new CountDownLatch(1);
        Thread holder = holder(end);
        assertThatThrownBy(turn::take)
                .isInstanceOf(IllegalStateException.class)
                .hasMessage(
                        "the thing is in use by the thread holder; one thread at a time may use it, and it is closed"
                                + " when none does");
        assertThatThrownBy(turn::end).isInstanceOf(IllegalStateException.class).hasMessageContaining("holder");
        end.countDown();
        holder.join();
        turn.take().close();
        assertThat(turn.end()).isTrue();
        assertThat(turn.end()).isFalse();
        assertThatThrownBy(turn::take).isInstanceOf(IllegalStateException.class).hasMessage("the thing is closed");
    }

    @Test
    void theSameThreadMayTakeItAgainButNotEndWhatItUses() {
        try (Turn outer = turn.take()) {
            try (Turn inner = turn.take()) {
                assertThat(inner).isSameAs(outer);
            }
            assertThatThrownBy(turn::end).isInstanceOf(IllegalStateException.class);
        }
        assertThat(turn.end()).isTrue();
    }

    @Test
    void memoryIsGivenBackWhenTheOtherThreadIsDone() throws Exception {
        AtomicBoolean released = new AtomicBoolean();
        Storage guarded = turn.guarding(bytes -> {
            Storage.Block block = Storage.HOST.allocate(bytes);
            return new Storage.Block(block.segment(), () -> {
                released.set(true);
                block.release().run();
            });
        });
        Allocator memory = Allocator.over("test", guarded);
        Matrix matrix = memory.matrix("m", 2, 2);
        CountDownLatch end = new CountDownLatch(1);
        Thread holder = holder(end);
        Thread closer = Thread.ofPlatform().start(matrix::close);
        while (closer.getState() != Thread.State.WAITING) {
            Thread.onSpinWait();
        }
        assertThat(released).isFalse();
        assertThat(matrix.get(1, 1)).isZero();
        end.countDown();
        closer.join();
        holder.join();
        assertThat(released).isTrue();
        memory.close();
    }

    @Test
    void ofManyThreadsOneHasItAtATime() throws Exception {
        AtomicInteger inside = new AtomicInteger();
        AtomicInteger taken = new AtomicInteger();
        AtomicBoolean together = new AtomicBoolean();
        CyclicBarrier start = new CyclicBarrier(4);
        List<Thread> threads = new ArrayList<>();
        for (int at = 0; at < 4; at++) {
            threads.add(Thread.ofPlatform().start(() -> {
                try {
                    start.await();
                } catch (Exception e) {
                    throw new AssertionError(e);
                }
                for (int round = 0; round < 5000; round++) {
                    try (Turn held = turn.take()) {
                        taken.incrementAndGet();
                        together.compareAndSet(false, inside.incrementAndGet() != 1 || held != turn);
                        inside.decrementAndGet();
                    } catch (IllegalStateException refused) {
                        Thread.onSpinWait();
                    }
                    turn.whenFree(() -> together.compareAndSet(false, inside.get() != 0));
                }
            }));
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(together).isFalse();
        assertThat(taken.get()).isGreaterThan(4);
    }
}
