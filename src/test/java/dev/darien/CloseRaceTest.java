// SPDX-License-Identifier: Apache-2.0
package dev.darien;

import static org.assertj.core.api.Assertions.assertThat;

import dev.darien.device.TestDevices;
import dev.darien.testfiles.ChildJvm;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A short {@code ci/close-race}, on the CPU and on the stand-in of a GPU. */
@Tag("device")
class CloseRaceTest {
    @TempDir
    private Path folder;

    @Test
    void closingWhatAnotherThreadUsesNeverEndsTheProcess() throws Exception {
        ChildJvm.Outcome outcome = ChildJvm.run(folder, CloseWhileUsed.class, "3", TestDevices.training());
        assertThat(outcome.status()).as(outcome.said()).isZero();
        assertThat(outcome.said()).contains(" times while in use", ", 0 problems");
    }
}
