// SPDX-License-Identifier: Apache-2.0
package dev.darien.stress;

import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Plays rounds on devices in turn for some time: {@code SECONDS SEED [DEVICE…]}. Ends with the first that goes wrong. */
final class Stress {
    private Stress() {}

    public static void main(String[] arguments) throws Exception {
        long end = System.nanoTime() + Long.parseLong(arguments[0]) * 1_000_000_000;
        long seed = Long.parseLong(arguments[1]);
        List<String> devices = arguments.length > 2
                ? Arrays.asList(arguments).subList(2, arguments.length)
                : List.of("cpu:scalar", "cpu:vector");
        Map<Round, Long> played = new EnumMap<>(Round.class);
        while (System.nanoTime() < end) {
            for (Round round : Round.values()) {
                for (String device : devices) {
                    try {
                        round.play(device, new Random(seed));
                    } catch (Exception | Error e) {
                        System.err.printf("%s on %s with seed %d failed%n", round, device, seed);
                        throw e;
                    }
                    played.merge(round, 1L, Long::sum);
                }
            }
            seed++;
        }
        played.forEach((round, count) -> System.out.printf("%-15s %6d rounds%n", round, count));
    }
}
