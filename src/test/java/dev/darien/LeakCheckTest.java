// SPDX-License-Identifier: Apache-2.0
package dev.darien;

import static org.assertj.core.api.Assertions.assertThat;

import dev.darien.data.MappedFile;
import dev.darien.memory.Allocator;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.discovery.DiscoverySelectors;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/** That {@link LeakCheck} is registered, and fails a test that leaks. */
class LeakCheckTest {
    private static final List<AutoCloseable> LEAKED = new ArrayList<>();
    private static boolean leaking;

    @TempDir
    static Path folder;

    /** Passes when it is run with the others, leaks when it is run below. */
    static final class Leaks {
        @Test
        void leavesAnOwnerOpen() {
            if (leaking) {
                LEAKED.add(Allocator.host("forgotten").matrix("m", 1, 4));
            }
            assertThat(LEAKED).hasSize(leaking ? 1 : 0);
        }
    }

    /** As above. */
    static final class LeavesAFileMapped {
        @Test
        void leavesAFileMapped() throws Exception {
            if (leaking) {
                LEAKED.add(MappedFile.open(Files.writeString(folder.resolve("left.json"), "{}")));
            }
            assertThat(LEAKED).hasSize(leaking ? 1 : 0);
        }
    }

    @Test
    void aTestThatLeaksFails() throws Exception {
        int trees = Allocator.trees().size();
        assertThat(failures(Leaks.class))
                .anySatisfy(failure -> assertThat(failure).contains("still open", "forgotten with 64 bytes"));
        for (Allocator owner : Allocator.trees()) {
            if (owner.name().equals("forgotten")) {
                owner.releaseAll();
                owner.close();
            }
        }
        assertThat(Allocator.trees()).hasSize(trees);
        assertThat(failures(LeavesAFileMapped.class))
                .anySatisfy(failure -> assertThat(failure).contains("still mapped", "left.json"));
    }

    private static List<String> failures(Class<?> test) throws Exception {
        List<String> failures = new ArrayList<>();
        leaking = true;
        try {
            LauncherFactory.create()
                    .execute(
                            LauncherDiscoveryRequestBuilder.request()
                                    .selectors(DiscoverySelectors.selectClass(test))
                                    .build(),
                            new TestExecutionListener() {
                                @Override
                                public void executionFinished(TestIdentifier identifier, TestExecutionResult result) {
                                    result.getThrowable().ifPresent(thrown -> failures.add(thrown.toString()));
                                }
                            });
        } finally {
            leaking = false;
            for (AutoCloseable one : LEAKED) {
                one.close();
            }
            LEAKED.clear();
        }
        return failures;
    }
}
