// SPDX-License-Identifier: Apache-2.0
package dev.darien.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;

class ClosingTest {
    /** A channel that writes memory holds it; here a thread that sleeps in a native call with it, in small steps. */
    @Test
    void anArenaIsClosedWhenNobodyIsInNativeCodeWithIt() throws Exception {
        Path file = Files.createTempFile("darien", ".bin");
        for (int round = 0; round < 20; round++) {
            Arena arena = Arena.ofShared();
            ByteBuffer buffer = arena.allocate(4 << 20).asByteBuffer();
            CountDownLatch started = new CountDownLatch(1);
            Thread writer = Thread.ofPlatform().start(() -> {
                try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
                    started.countDown();
                    for (int time = 0; time < 50; time++) {
                        channel.write(buffer.rewind(), 0);
                    }
                } catch (IllegalStateException | IOException closed) {
                    // What it writes is gone.
                }
            });
            started.await();
            Closing.whenFree(arena);
            assertThat(arena.scope().isAlive()).isFalse();
            writer.join();
        }
        Files.delete(file);
    }

    private final List<String> closed = new ArrayList<>();

    private AutoCloseable sound(String name) {
        return () -> closed.add(name);
    }

    private AutoCloseable failing(Exception failure) {
        return () -> {
            closed.add(String.valueOf(failure.getMessage()));
            throw failure;
        };
    }

    @Test
    void allAreClosedWhateverHappensToSome() {
        RuntimeException first = new IllegalStateException("first");
        IOException second = new IOException("second");
        List<AutoCloseable> resources =
                List.of(sound("a"), failing(first), sound("b"), failing(second), failing(first), sound("c"));
        assertThatThrownBy(() -> Closing.all(resources)).isSameAs(first).satisfies(e -> assertThat(e.getSuppressed())
                .singleElement()
                .satisfies(suppressed -> assertThat(suppressed).hasCause(second)));
        assertThat(closed).containsExactly("a", "first", "b", "second", "first", "c");
        Closing.all(List.of(sound("d")));
        assertThat(closed).endsWith("d");
    }

    @Test
    void whatWentWrongBeforeStaysTheReason() {
        RuntimeException cause = new IllegalArgumentException("why");
        RuntimeException failure = new IllegalStateException("late");
        Closing.after(cause, sound("a"), null, failing(failure), failing(cause), sound("b"));
        assertThat(closed).containsExactly("a", "late", "why", "b");
        assertThat(cause.getSuppressed()).containsExactly(failure);
    }
}
