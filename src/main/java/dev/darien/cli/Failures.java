// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import dev.darien.data.DataException;
import dev.darien.device.DeviceException;
import dev.darien.device.DeviceUnavailableException;
import dev.darien.train.DivergedException;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** Turns what went wrong into one line and an exit status. */
final class Failures {
    static final int USAGE = 2;

    private static final int UNAVAILABLE = 3;
    private static final int OTHER = 1;
    private static final String DEBUG = "DARIEN_DEBUG";

    private Failures() {}

    /** Prints the line and returns the status. */
    static int report(Console console, Throwable failure) {
        String message = message(failure).strip().replaceAll("\\s*\\R\\s*", "; ");
        int status =
                switch (failure) {
                    case UsageException usage -> USAGE;
                    case DataException data -> USAGE;
                    case DeviceUnavailableException device -> UNAVAILABLE;
                    case InterruptedCommandException interrupted -> Interruption.STATUS;
                    default -> OTHER;
                };
        console.notice(message + (isExplained(failure) || debugging() ? "" : " (" + DEBUG + "=1 shows where)"));
        if (debugging()) {
            failure.printStackTrace(console.err());
        }
        return status;
    }

    private static boolean debugging() {
        String value = System.getenv(DEBUG);
        return value != null && !value.isEmpty() && !value.equals("0");
    }

    /** Whether the message was written for the person who sees it. */
    private static boolean isExplained(Throwable failure) {
        return switch (failure) {
            case UsageException usage -> true;
            case DataException data -> true;
            case DeviceUnavailableException device -> true;
            case InterruptedCommandException interrupted -> true;
            case DivergedException diverged -> true;
            case DeviceException failed -> true;
            case FailedRunException failed -> true;
            case InternalError fault -> isMappingFault(fault);
            default -> false;
        };
    }

    /** What the JVM makes of a mapped page that can't be had any more: with its words alone to know it by. */
    private static boolean isMappingFault(InternalError failure) {
        return String.valueOf(failure.getMessage()).contains("unsafe memory access");
    }

    private static String message(Throwable failure) {
        String message = failure.getMessage() == null ? "" : failure.getMessage();
        if (failure instanceof OutOfMemoryError) {
            return "out of memory: " + message;
        }
        if (failure instanceof InternalError fault && isMappingFault(fault)) {
            return "a file became shorter while it was read, or its disk failed; copy it to where nobody changes it, and"
                    + " run the command again";
        }
        if (isExplained(failure)) {
            return message;
        }
        return "unexpected error: " + failure.getClass().getSimpleName() + (message.isEmpty() ? "" : ": " + message);
    }

    /** Prints what is wrong with the command line and returns the status. */
    static int reportUsage(Console console, ParameterException failure) {
        CommandLine command = failure.getCommandLine();
        String name = command.getCommandSpec().qualifiedName();
        String message = failure.getMessage() == null ? "wrong usage" : failure.getMessage();
        if (failure.getCause() instanceof UsageException usage) {
            message = String.valueOf(usage.getMessage());
        } else if (failure instanceof UnmatchedArgumentException unmatched) {
            message = unmatched(command, unmatched);
        }
        console.notice(message.strip().replaceAll("\\s*\\R\\s*", "; ") + " (" + name + " --help)");
        return USAGE;
    }

    private static String unmatched(CommandLine command, UnmatchedArgumentException failure) {
        String first = failure.getUnmatched().getFirst();
        boolean option = first.startsWith("-") && first.length() > 1;
        List<String> known = new ArrayList<>();
        if (option) {
            command.getCommandSpec().options().forEach(spec -> known.addAll(List.of(spec.names())));
            String plain = first.replaceFirst("=.*", "");
            return "unknown option '" + plain + "'" + Suggestions.hint(plain, known);
        }
        if (command.getSubcommands().isEmpty()) {
            return "unexpected argument '" + first + "'";
        }
        known.addAll(command.getSubcommands().keySet());
        return "unknown command '" + first + "'" + Suggestions.hint(first, known) + " (known: "
                + String.join(", ", known) + ")";
    }
}
