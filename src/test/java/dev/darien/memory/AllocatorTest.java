// SPDX-License-Identifier: Apache-2.0
package dev.darien.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.ResourceLock;
import org.junit.jupiter.api.parallel.Resources;

class AllocatorTest {
    @Test
    void bytesAreCountedAtTheOwnerAndAllAbove() {
        try (Allocator root = Allocator.host("root");
                Allocator child = root.child("child");
                Allocator grandchild = child.child("grandchild")) {
            Matrix a = child.matrix("a", 4, 16);
            Matrix b = grandchild.matrix("b", DType.F16, 2, 5);
            assertThat(grandchild.allocatedBytes()).isEqualTo(2 * 64);
            assertThat(child.allocatedBytes()).isEqualTo(4 * 64 + 2 * 64);
            assertThat(root.allocatedBytes()).isEqualTo(384);
            a.close();
            assertThat(root.allocatedBytes()).isEqualTo(128);
            b.close();
            assertThat(root.allocatedBytes()).isZero();
            assertThat(root.peakBytes()).isEqualTo(384);
            assertThat(child.allocations()).isEqualTo(1);
            assertThat(root.totalAllocations()).isEqualTo(2);
        }
    }

    @Test
    void everyTreeIsListedUntilItIsClosed() {
        Allocator tree = Allocator.host("tree");
        Matrix held = tree.child("branch").matrix("held", 1, 1);
        assertThat(Allocator.trees()).contains(tree).extracting(Allocator::name).doesNotContain("branch");
        assertThatThrownBy(tree::close).isInstanceOf(LeakException.class);
        assertThat(Allocator.trees()).doesNotContain(tree);
        held.close();
    }

    @Test
    void closingTwiceGivesBackOnce() {
        AtomicInteger released = new AtomicInteger();
        Allocator allocator = Allocator.over("counted", bytes -> {
            Arena arena = Arena.ofShared();
            return new Storage.Block(arena.allocate(bytes, 64), () -> {
                released.incrementAndGet();
                arena.close();
            });
        });
        Matrix matrix = allocator.matrix("m", 3, 3);
        matrix.close();
        matrix.close();
        assertThat(released).hasValue(1);
        assertThat(allocator.allocatedBytes()).isZero();
        allocator.close();
        allocator.close();
    }

    @Test
    void reservationsCountWhatLivesElsewhere() {
        try (Allocator allocator = Allocator.host("root")) {
            Reservation panels = allocator.reserve("panels", 1000);
            assertThat(panels.bytes()).isEqualTo(1000);
            assertThat(allocator.allocatedBytes()).isEqualTo(1000);
            panels.close();
            panels.close();
            assertThat(allocator.allocatedBytes()).isZero();
        }
    }

    @Test
    void leaksAreAnErrorWithTheBytesOfEachOwner() {
        Allocator root = Allocator.host("trainer");
        Allocator child = root.child("optimiser");
        Matrix held = child.matrix("second moment", 4, 16);
        Reservation panels = root.reserve("panels", 1000);
        assertThatThrownBy(root::close)
                .isInstanceOf(LeakException.class)
                .hasMessageContainingAll(
                        "trainer was closed with 1,256 bytes still held",
                        "optimiser/second moment: 256 bytes",
                        "trainer/panels: 1,000 bytes")
                .satisfies(e -> assertThat(((LeakException) e).leakedBytes()).isEqualTo(1256));
        held.close();
        panels.close();
        assertThat(root.allocatedBytes()).isZero();
        root.close();
    }

    @Test
    @ResourceLock(Resources.SYSTEM_PROPERTIES)
    void leaksNameTheirSiteWhenDebuggingIsOn() {
        String before = System.setProperty(Allocator.DEBUG_PROPERTY, "true");
        try {
            Allocator allocator = Allocator.host("root");
            Matrix held = allocator.matrix("lost", 1, 1);
            assertThatThrownBy(allocator::close)
                    .hasMessageContainingAll(
                            "root/lost: 64 bytes", "at dev.darien.memory.AllocatorTest.leaksNameTheirSite");
            held.close();
            System.setProperty(Allocator.DEBUG_PROPERTY, "false");
            Allocator plain = Allocator.host("root");
            Matrix lost = plain.matrix("lost", 1, 1);
            assertThatThrownBy(plain::close)
                    .satisfies(e -> assertThat(e.getMessage()).doesNotContain("AllocatorTest"));
            lost.close();
        } finally {
            if (before == null) {
                System.clearProperty(Allocator.DEBUG_PROPERTY);
            } else {
                System.setProperty(Allocator.DEBUG_PROPERTY, before);
            }
        }
    }

    @Test
    void aClosedOwnerHandsOutNothing() {
        Allocator allocator = Allocator.host("gone");
        allocator.close();
        assertThatThrownBy(() -> allocator.matrix("m", 1, 1))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("gone is closed");
        assertThatThrownBy(() -> allocator.reserve("r", 1)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> allocator.child("c")).isInstanceOf(IllegalStateException.class);
        assertThat(allocator.allocatedBytes()).isZero();
    }

    @Test
    void hugeAllocationsSayWhatWasAskedForAndHeld() {
        try (Allocator allocator = Allocator.host("trainer");
                Matrix held = allocator.matrix("held", 1024, 1024)) {
            assertThat(held.rows()).isEqualTo(1024);
            assertThatThrownBy(() -> allocator.matrix("W_enc", 1L << 32, 1 << 20))
                    .isInstanceOf(OutOfMemoryError.class)
                    .hasMessageContainingAll("trainer asked for 18.0 PB for W_enc while", "is held", "lower the batch");
            assertThatThrownBy(() -> allocator.matrix("W_enc", 1L << 40, 1 << 20))
                    .isInstanceOf(OutOfMemoryError.class);
            assertThatThrownBy(() -> allocator.matrix("W_enc", DType.BF16, (1L << 62) - 64, 1))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThat(allocator.allocatedBytes()).as("nothing stays counted").isEqualTo(4 << 20);
        }
    }

    @Test
    void theMessageCarriesWhatTheStorageSaid() {
        Allocator gpu = Allocator.over("cuda:0", bytes -> {
            throw new OutOfMemoryError("1.2 GB of 80.0 GB is free");
        });
        assertThatThrownBy(() -> gpu.child("training").matrix("W_enc", 1 << 20, 1000))
                .isInstanceOf(OutOfMemoryError.class)
                .hasMessage(
                        "training asked for 4.2 GB for W_enc while 0 bytes is held (1.2 GB of 80.0 GB is free); lower"
                                + " the batch, the number of latents or the number of SAEs trained at once");
        Allocator silent = Allocator.over("silent", bytes -> {
            throw new OutOfMemoryError();
        });
        assertThatThrownBy(() -> silent.vector("v", 1)).hasMessageContaining("is held; lower");
        gpu.close();
        silent.close();
    }

    @Test
    void sizesThatOverflowOrAreNegativeAreRefused() {
        try (Allocator allocator = Allocator.host("root")) {
            assertThatThrownBy(() -> allocator.matrix("m", Long.MAX_VALUE / 2, 1000))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("too large to address");
            assertThatThrownBy(() -> allocator.matrix("m", -1, 3)).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> allocator.matrix("m", 3, -1)).isInstanceOf(IllegalArgumentException.class);
            assertThat(allocator.allocatedBytes()).isZero();
        }
    }

    @Test
    void storageThatFailsLeavesNothingCounted() {
        Allocator allocator = Allocator.over("failing", bytes -> {
            throw new IllegalStateException("the device is gone");
        });
        assertThatThrownBy(() -> allocator.matrix("m", 2, 2)).hasMessage("the device is gone");
        assertThat(allocator.allocatedBytes()).isZero();
        allocator.close();
    }

    @Test
    void emptyMatricesAreFine() {
        try (Allocator allocator = Allocator.host("root");
                Matrix none = allocator.matrix("none", 0, 7);
                Matrix thin = allocator.matrix("thin", 7, 0)) {
            assertThat(none.isHost()).isTrue();
            assertThat(thin.toArray(3)).isEmpty();
            assertThat(none.slice(0, 0).rows()).isZero();
        }
    }

    @Test
    void threadsMayShareAnOwner() throws InterruptedException {
        try (Allocator allocator = Allocator.host("root")) {
            List<Thread> threads = new ArrayList<>();
            for (int t = 0; t < 4; t++) {
                Thread thread = new Thread(() -> {
                    for (int i = 0; i < 500; i++) {
                        allocator.matrix("m", 2, 2).close();
                    }
                });
                thread.start();
                threads.add(thread);
            }
            for (Thread thread : threads) {
                thread.join();
            }
            assertThat(allocator.allocatedBytes()).isZero();
            assertThat(allocator.allocations()).isEqualTo(2000);
        }
    }

    @Test
    void bytesForPeople() {
        assertThat(Allocator.humanBytes(999)).isEqualTo("999 bytes");
        assertThat(Allocator.humanBytes(1000)).isEqualTo("1.0 kB");
        assertThat(Allocator.humanBytes(1_500_000_000)).isEqualTo("1.5 GB");
        assertThat(Allocator.humanBytes(Long.MAX_VALUE)).isEqualTo("9.2 EB");
    }
}
