// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

import static org.assertj.core.api.Assertions.assertThat;

import dev.darien.testfiles.ChildJvm;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** No kernel touches a byte before or behind what it was given. The list of kernels is {@link KernelId}'s. */
@Tag("vector-width")
class GuardPageTest {
    @TempDir
    private Path folder;

    @Test
    void everyKernelStaysInsideItsMatrices() throws Exception {
        ChildJvm.Outcome outcome = ChildJvm.run(folder, BetweenGuardPages.class);
        assertThat(outcome.status()).as(outcome.said()).isZero();
        for (KernelId kernel : KernelId.values()) {
            assertThat(outcome.said()).contains("cpu:scalar " + kernel, "cpu:vector " + kernel);
        }
        assertThat(outcome.said()).endsWith("alive\n");
    }

    /** Else the test above would show nothing. */
    @ParameterizedTest
    @ValueSource(strings = {"end", "start"})
    void aByteBeyondIsTheEndOfTheProcess(String where) throws Exception {
        ChildJvm.Outcome outcome = ChildJvm.run(folder, BetweenGuardPages.class, "control", where);
        assertThat(outcome.status()).as(outcome.said()).isNotZero();
        assertThat(outcome.said()).contains("inside", "SIGSEGV");
    }
}
