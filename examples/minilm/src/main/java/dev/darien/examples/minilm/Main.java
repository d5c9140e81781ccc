// SPDX-License-Identifier: Apache-2.0
package dev.darien.examples.minilm;

import java.io.IOException;
import java.nio.file.Path;

/** The steps of the example that aren't commands of {@code darien}; {@code run} calls them. */
public final class Main {
    private Main() {}

    /**
     * One step.
     *
     * @param args {@code texts DIR TRAIN HELDOUT}, {@code explore DIR} or {@code speed DIR HOOK}
     */
    public static void main(String[] args) throws IOException {
        Path folder = Path.of(args[1]);
        switch (args[0]) {
            case "texts" -> Corpus.unpack(folder, Integer.parseInt(args[2]), Integer.parseInt(args[3]));
            case "explore" -> Explore.run(folder);
            case "speed" -> Speed.run(folder, args[2]);
            default -> throw new IllegalArgumentException("unknown step " + args[0]);
        }
    }
}
