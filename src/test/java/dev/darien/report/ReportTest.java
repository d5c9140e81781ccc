// SPDX-License-Identifier: Apache-2.0
package dev.darien.report;

import static org.assertj.core.api.Assertions.assertThat;

import dev.darien.data.TokenText;
import dev.darien.eval.Density;
import dev.darien.eval.Evaluation;
import dev.darien.eval.LatentSummaries;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.w3c.dom.Document;
import org.xml.sax.InputSource;

class ReportTest {
    @TempDir
    private Path folder;

    private static Evaluation evaluation(long... fires) {
        long tokens = 100_000;
        return new Evaluation(tokens, 2.5, 1.25, 0.1234, 0.95, 0.9, 1.01, Map.of(), Density.of(fires, tokens), fires);
    }

    private static Map<String, Object> metrics(Object tokens, Object value) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("tokens", tokens);
        for (String key : List.of("loss", "fvu", "l0", "dead_fraction")) {
            map.put(key, value);
        }
        return map;
    }

    private static ReportContent ordinary() {
        List<Map<String, Object>> metrics = new ArrayList<>();
        for (int at = 1; at <= 200; at++) {
            metrics.add(metrics(at * 1024L, 1.0 / at));
        }
        return new ReportContent(
                "An SAE",
                Map.of("tokens_per_second", 12_345.6),
                metrics,
                evaluation(0, 1, 10, 100, 50_000),
                Map.of("seed", 7));
    }

    static Stream<Arguments> degenerate() {
        Map<String, Object> nothing = new HashMap<>();
        nothing.put("loss", null);
        nothing.put("tokens", null);
        List<Map<String, Object>> gaps = List.of(
                metrics(1, 1.0), metrics(2, Double.NaN), metrics(3, Double.POSITIVE_INFINITY), metrics(4, 1e-300));
        return Stream.of(
                Arguments.of("nothing", new ReportContent("", Map.of(), List.of(), null, Map.of())),
                Arguments.of("nulls", new ReportContent("", nothing, List.of(nothing), null, nothing)),
                Arguments.of("one point", new ReportContent("", Map.of(), List.of(metrics(1, 0.5)), null, Map.of())),
                Arguments.of("one point of 0", new ReportContent("", Map.of(), List.of(metrics(0, 0)), null, Map.of())),
                Arguments.of("gaps", new ReportContent("", Map.of(), gaps, null, Map.of())),
                Arguments.of(
                        "constants",
                        new ReportContent("", Map.of(), List.of(metrics(1, 3), metrics(2, 3)), null, Map.of())),
                Arguments.of(
                        "negative",
                        new ReportContent("", Map.of(), List.of(metrics(1, -3), metrics(2, -3e200)), null, Map.of())),
                Arguments.of("strings", new ReportContent("", Map.of(), List.of(metrics("1", "2")), null, Map.of())),
                Arguments.of("all dead", new ReportContent("", Map.of(), List.of(), evaluation(0, 0, 0), Map.of())),
                Arguments.of("one latent", new ReportContent("", Map.of(), List.of(), evaluation(5), Map.of())),
                Arguments.of(
                        "always on",
                        new ReportContent("", Map.of(), List.of(), evaluation(100_000, 100_000), Map.of())),
                Arguments.of(
                        "not a number",
                        new ReportContent(
                                "",
                                Map.of("seconds", Double.NaN),
                                List.of(),
                                new Evaluation(
                                        1,
                                        Double.NaN,
                                        Double.NaN,
                                        Double.POSITIVE_INFINITY,
                                        Double.NaN,
                                        Double.NaN,
                                        Double.NaN,
                                        Map.of(),
                                        Density.of(new long[] {1}, 1),
                                        new long[] {1}),
                                Map.of())));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("degenerate")
    void everyPageIsWellFormedAndDrawsOnlyNumbers(String name, ReportContent content) throws Exception {
        String html = Report.html(content);

        parse(html);
        assertThat(html.lines().filter(line -> line.matches(".*(NaN|Infinity|null).*")))
                .as(name)
                .isEmpty();
    }

    @Test
    void aPageNeedsNothingFromElsewhere() throws Exception {
        String html = Report.html(ordinary());

        Document page = parse(html);
        assertThat(page.getElementsByTagName("script").getLength()).isEqualTo(1);
        assertThat(html).contains("default-src 'none'");
        assertThat(page.getElementsByTagName("link").getLength()).isZero();
        assertThat(html).doesNotContain("http:", "https:", "src=", "@import", "url(");
    }

    @Test
    void aPageShowsCurvesDensitiesAndFigures() throws Exception {
        Document page = parse(Report.html(ordinary()));

        assertThat(page.getElementsByTagName("svg").getLength()).isEqualTo(6);
        assertThat(page.getElementsByTagName("path").getLength()).isEqualTo(5);
        assertThat(page.getDocumentElement().getTextContent())
                .contains(
                        "12.3 %".replace(' ', '\u202f'), "12.3 k".replace(' ', '\u202f'), "1 never fire", "seed", "7");
    }

    @Test
    void whateverIsPutInIsTextAndNotMarkup() throws Exception {
        String nasty = "<script>alert(\"1\" & '2')</script>\u0000\u0008\uD800";
        Map<String, Object> values = new LinkedHashMap<>();
        values.put(nasty, nasty);
        values.put("nested", Map.of(nasty, nasty));
        values.put("device", nasty);

        String html = Report.html(new ReportContent(nasty, values, List.of(), null, values));

        Document page = parse(html);
        assertThat(page.getElementsByTagName("script").getLength()).isEqualTo(1);
        String shown = "<script>alert(\"1\" & '2')</script>\uFFFD\uFFFD\uFFFD";
        assertThat(page.getElementsByTagName("title").item(0).getTextContent()).isEqualTo(shown);
        assertThat(page.getElementsByTagName("td").item(0).getTextContent()).isEqualTo(shown);
    }

    @Test
    void severalRunsAreComparedAndLatentsListedAsTheyCome() throws Exception {
        ReportRun one = new ReportRun(
                "<one>", Map.of("l0", 8, "fvu", 0.2, "k", 8), List.of(metrics(1, 0.5), metrics(1024, 0.25)));
        ReportRun other = new ReportRun("other", Map.of("l0", 16, "fvu", 0.3), List.of(metrics(1, 0.5)));
        ReportRun unknown = new ReportRun("unknown", Map.of(), List.of());
        LatentTable.Row row = new LatentTable.Row(
                new LatentSummaries.Summary(
                        7,
                        50,
                        1.5,
                        2.5,
                        List.of(new LatentSummaries.Token(3, 2.5f)),
                        List.of(new LatentSummaries.Neighbour(9, 0.5), new LatentSummaries.Neighbour(7, -1))),
                List.of(new TokenText.Context("a<b", " ", "\n&"), new TokenText.Context("", "x", "")));
        LatentTable latents = new LatentTable(100, 64, List.of(row));

        Document page = parse(Report.html(new ReportContent(
                "", Map.of(), List.of(), null, Map.of(), Map.of(), List.of(one, other, unknown), latents)));

        assertThat(page.getDocumentElement().getTextContent())
                .contains("<one>", "other", "unknown", "a<b", "\u2423", "\u21b5&", "50\u202f%", "1 of 64 latents");
        assertThat(page.getElementsByTagName("mark").item(1).getTextContent()).isEqualTo("x");
        // Of the neighbours only latent 7 is in the table.
        assertThat(page.getElementsByTagName("a").getLength()).isEqualTo(1);
        assertThat(RunsSection.frontier(
                        new double[] {16, 8, 8, 32, Double.NaN, 20}, new double[] {0.3, 0.2, 0.25, 0.1, 0.01, 0.15}))
                .containsExactly(1, 5, 3);
    }

    @Test
    void nestedOptionsAreRowsOfTheirOwn() {
        ReportContent content =
                new ReportContent("", Map.of(), List.of(), null, Map.of("options", Map.of("learningRate", 0.001)));

        assertThat(Report.html(content)).contains("<th>options · learning rate</th><td>0.001</td>");
    }

    @Test
    void theSameContentGivesTheSameBytes() {
        assertThat(Report.html(ordinary())).isEqualTo(Report.html(ordinary()));
    }

    @Test
    void aLongRunMakesNoLongPage() {
        List<Map<String, Object>> metrics = new ArrayList<>();
        for (int at = 1; at <= 100_000; at++) {
            metrics.add(metrics(at * 1024L, 1.0 / at));
        }
        ReportContent content = new ReportContent("", Map.of(), metrics, evaluation(new long[200_000]), Map.of());

        assertThat(Report.html(content).length()).isLessThan(200_000);
    }

    @Test
    void theFileReplacesAnEarlierOneAndNothingElseIsLeft() throws Exception {
        Path file = folder.resolve("report.html");
        Files.writeString(file, "before");

        Report.write(file, ordinary());

        assertThat(file).hasContent(Report.html(ordinary()));
        try (Stream<Path> files = Files.list(folder)) {
            assertThat(files).containsExactly(file);
        }
    }

    private static Document parse(String html) throws Exception {
        DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
        factory.setAttribute("http://apache.org/xml/features/nonvalidating/load-external-dtd", false);
        return factory.newDocumentBuilder().parse(new InputSource(new StringReader(html)));
    }
}
