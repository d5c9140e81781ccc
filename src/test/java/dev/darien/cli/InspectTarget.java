// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import dev.darien.data.DataException;
import java.nio.file.Path;

/** {@code darien inspect}, for the fuzzer: it opens whatever is there. */
public final class InspectTarget {
    private InspectTarget() {}

    /** Inspects a file or folder; what ends with another status than 0 or 2 is a failure of the program. */
    public static void inspect(Path path) {
        Darien.Outcome outcome = Darien.run("inspect", path);
        if (outcome.status() == 2) {
            throw new DataException(outcome.err().strip().substring("darien: ".length()));
        }
        if (outcome.status() != 0) {
            throw new IllegalStateException("status " + outcome.status() + ": " + outcome.err());
        }
    }
}
