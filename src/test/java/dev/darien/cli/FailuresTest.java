// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;

class FailuresTest {
    private static String report(Throwable failure) {
        StringWriter err = new StringWriter();
        PrintWriter out = new PrintWriter(err, true);
        int status = Failures.report(new Console(out, out, false), failure);
        return status + " " + err.toString().strip();
    }

    @Test
    void aFileThatBecameShorterIsNamedForWhatItIs() {
        assertThat(report(new InternalError("a fault occurred in an unsafe memory access operation")))
                .isEqualTo(
                        "1 darien: a file became shorter while it was read, or its disk failed; copy it to where nobody"
                                + " changes it, and run the command again");
        assertThat(report(new InternalError("something else"))).startsWith("1 darien: unexpected error: InternalError");
    }
}
