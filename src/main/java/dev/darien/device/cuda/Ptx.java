// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cuda;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The kernels as they are shipped: PTX and the sources that it was compiled from, one file for each theme. */
final class Ptx {
    /** The files native/kernels/NAME.cu and what native/build-ptx.sh has made of them. */
    static final List<String> FILES = List.of(
            "batch_top_k",
            "dense",
            "dense_codes",
            "encode",
            "group",
            "latent",
            "loss",
            "methods",
            "pursuit",
            "multiply",
            "optimiser",
            "sparse");

    /** What the sources include. */
    static final List<String> HEADERS = List.of("darien.cuh", "rows.cuh", "select.cuh");

    /**
     * A kernel's parameter.
     *
     * @param bytes its size
     * @param structure whether it is one passed by value, which is given field by field
     */
    record Parameter(int bytes, boolean structure) {}

    private static final Pattern ENTRY = Pattern.compile("\\.entry\\s+(\\w+)\\s*\\(([^)]*)\\)");
    private static final Pattern PARAMETER =
            Pattern.compile("\\.param\\s+(?:\\.align\\s+\\d+\\s+)?\\.[bfsu](\\d+)\\s[^\\[,]*(?:\\[(\\d+)\\])?");

    private Ptx() {}

    /** The text of a file beside this class: {@code dense.ptx}, {@code dense.cu}, {@code darien.cuh}. */
    static String resource(String file) {
        try (InputStream in = Ptx.class.getResourceAsStream(file)) {
            if (in == null) {
                throw new IllegalStateException("the file " + file + " is missing from Darien's jar");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The kernels that {@code ptx} declares, and each one's parameters. */
    static Map<String, List<Parameter>> entries(String ptx) {
        Map<String, List<Parameter>> entries = new LinkedHashMap<>();
        Matcher entry = ENTRY.matcher(ptx);
        while (entry.find()) {
            Matcher parameter = PARAMETER.matcher(entry.group(2));
            List<Parameter> parameters = parameter.results().map(Ptx::parameter).toList();
            entries.put(entry.group(1), parameters);
        }
        return entries;
    }

    private static Parameter parameter(MatchResult found) {
        int bytes = Integer.parseInt(found.group(1)) / 8;
        String count = found.group(2);
        return count == null ? new Parameter(bytes, false) : new Parameter(bytes * Integer.parseInt(count), true);
    }
}
