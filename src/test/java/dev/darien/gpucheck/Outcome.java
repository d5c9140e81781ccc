// SPDX-License-Identifier: Apache-2.0
package dev.darien.gpucheck;

import java.util.Map;

/**
 * What one part of the check found.
 *
 * @param part its name
 * @param status whether the check as a whole may pass
 * @param seconds it took
 * @param figures for the JSON report
 * @param markdown for people, without a heading
 */
record Outcome(String part, Status status, double seconds, Map<String, Object> figures, String markdown) {
    enum Status {
        HOLDS,
        FAILED,
        /** What the part needs isn't on this machine. */
        NOT_THERE
    }

    String verdict() {
        return switch (status) {
            case HOLDS -> "holds";
            case FAILED -> "FAILED";
            case NOT_THERE -> "not there";
        };
    }
}
