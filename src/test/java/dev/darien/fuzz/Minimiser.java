// SPDX-License-Identifier: Apache-2.0
package dev.darien.fuzz;

import java.io.IOException;
import java.util.Arrays;
import java.util.SortedMap;
import java.util.TreeMap;

/** Makes an input smaller that still shows the same defect, by leaving out ever smaller parts of its files. */
final class Minimiser {
    private static final int MOST_RUNS = 1500;

    private final Probe probe;
    private final FuzzReader reader;
    private final String kind;
    private int runs;

    Minimiser(Probe probe, FuzzReader reader, String kind) {
        this.probe = probe;
        this.reader = reader;
        this.kind = kind;
    }

    SortedMap<String, byte[]> minimise(SortedMap<String, byte[]> input) throws IOException {
        SortedMap<String, byte[]> best = input;
        for (String name : input.keySet()) {
            SortedMap<String, byte[]> without = new TreeMap<>(best);
            without.remove(name);
            best = shows(without) ? without : best;
        }
        for (String name : best.keySet()) {
            for (int part = best.get(name).length / 2; part > 0; part = part == 1 ? 0 : Math.max(1, part / 2)) {
                for (int at = best.get(name).length - part; at >= 0; at -= part) {
                    byte[] bytes = best.get(name);
                    if (at + part > bytes.length) {
                        continue;
                    }
                    SortedMap<String, byte[]> smaller = new TreeMap<>(best);
                    byte[] left = Mutator.splice(bytes, at, at + part, new byte[0]);
                    smaller.put(
                            name,
                            bytes.length > 8 && bytes[8] == '{' && at >= 9 ? withLength(left, part, bytes) : left);
                    best = shows(smaller) ? smaller : best;
                }
            }
        }
        return best;
    }

    /** The header of a safetensors file is shorter by what was taken out of it. */
    private static byte[] withLength(byte[] left, int part, byte[] before) {
        byte[] fixed = Arrays.copyOf(left, left.length);
        long length = 0;
        for (int i = 7; i >= 0; i--) {
            length = length << 8 | (before[i] & 0xFF);
        }
        Mutator.number(fixed, 0, 3, length - part);
        return fixed;
    }

    private boolean shows(SortedMap<String, byte[]> input) throws IOException {
        return runs++ < MOST_RUNS
                && probe.run(reader, input)
                        .finding()
                        .map(Probe.Finding::kind)
                        .orElse("")
                        .equals(kind);
    }
}
