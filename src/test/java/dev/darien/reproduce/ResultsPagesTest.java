// SPDX-License-Identifier: Apache-2.0
package dev.darien.reproduce;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The pages of {@code docs/results/} that are of a paper: those whose first line has an arXiv number. */
class ResultsPagesTest {
    private static final Pattern NUMBER = Pattern.compile("\\b\\d{4}\\.\\d{5}\\b");

    static List<Path> pages() throws IOException {
        try (Stream<Path> files = Files.list(Path.of("docs", "results"))) {
            List<Path> pages = files.filter(file -> file.toString().endsWith(".md"))
                    .filter(file -> NUMBER.matcher(lines(file).getFirst()).find())
                    .toList();
            assertThat(pages).isNotEmpty();
            return pages;
        }
    }

    private static List<String> lines(Path file) {
        try {
            return Files.readAllLines(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @ParameterizedTest
    @MethodSource("pages")
    void eachIsOfAKnownPaperAndItsVerdictsAreTheExactWords(Path page) {
        Matcher number = NUMBER.matcher(lines(page).getFirst());
        assertThat(number.find()).isTrue();
        String command = "./darien reproduce " + number.group();

        assertThat(Paper.byNumber()).containsKey(number.group());
        List<String> claims = lines(page).stream()
                .filter(line -> line.startsWith("| ") && line.contains(command))
                .toList();
        assertThat(claims).isNotEmpty();
        assertThat(claims).allMatch(line -> line.matches(".*\\| (holds|does not hold|not testable) \\|.*"));
    }
}
