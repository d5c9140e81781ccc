// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cuda;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Skips the CUDA tests where the host stand-in could not be built, for want of a C++ compiler. Where {@code
 * DARIEN_REQUIRE_STANDIN} is set, as in continuous integration, they run and fail instead.
 */
public final class StandInCondition implements ExecutionCondition {
    private static final String LIBRARY = "darien.cuda.lib";
    private static final String REQUIRE = "DARIEN_REQUIRE_STANDIN";

    @Override
    public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
        String library = System.getProperty(LIBRARY);
        if (library == null || Files.exists(Path.of(library)) || System.getenv(REQUIRE) != null) {
            return ConditionEvaluationResult.enabled("the library is there, or none is wanted");
        }
        return ConditionEvaluationResult.disabled(
                "no CUDA test ran: there is no " + library + "; install g++ 12 or newer to build the host stand-in");
    }
}
