// SPDX-License-Identifier: Apache-2.0
package dev.darien.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class ClosingTest {
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
