// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

/**
 * Data that can't be used. The message is one sentence for the person who passed it: which file and tensor, what is
 * wrong, what was expected and what to do; it is shown as it is, without a stack trace. Names and values in it come out
 * of files that nobody vouches for, so that it is made to be one line, of bearable length, that moves no cursor.
 */
public final class DataException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private static final int LONGEST = 1800;
    /** What of a longer message is kept at its end, where it says what to do. */
    private static final int END = 300;

    public DataException(String message) {
        super(line(message));
    }

    public DataException(String message, Throwable cause) {
        super(line(message), cause);
    }

    private static String line(String message) {
        if (message.chars().noneMatch(Character::isISOControl)) {
            return cut(message);
        }
        StringBuilder line = new StringBuilder();
        cut(message).strip().replaceAll("\\s*\\R\\s*", "; ").chars().forEach(character -> {
            if (Character.isISOControl(character)) {
                line.append("\\u%04x".formatted(character));
            } else {
                line.append((char) character);
            }
        });
        return cut(line.toString());
    }

    private static String cut(String message) {
        return message.length() <= LONGEST
                ? message
                : message.substring(0, LONGEST - END) + " … " + message.substring(message.length() - END);
    }
}
