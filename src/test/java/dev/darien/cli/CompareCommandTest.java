// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CompareCommandTest {
    @TempDir
    Path folder;

    @Test
    void comparesSaesWithEachOtherAndWithTheTruth() {
        Path one = folder.resolve("one");
        Path other = folder.resolve("other");
        Darien.train(Darien.DATA, one, "--arch", "topk", "--k", 4, "--seed", 1).succeeded();
        Darien.train(Darien.DATA, other, "--arch", "topk", "--k", 4, "--seed", 2)
                .succeeded();

        Map<String, Object> result = Darien.run(
                        "compare", one, other, one, "--data", Darien.DATA, "--json", "--matches")
                .json();

        List<Map<String, Object>> pairs = list(result.get("pairs"));
        assertThat(pairs).hasSize(3);
        assertThat(pairs.get(1)).containsEntry("a", one.toString()).containsEntry("b", one.toString());
        assertThat(number(pairs.get(1), "matched_cosine")).isGreaterThan(0.99999);
        assertThat(number(pairs.get(0), "matched_cosine")).isBetween(0.1, 0.999);
        assertThat(number(pairs.get(0), "mmcs")).isBetween(number(pairs.get(0), "chance_cosine") - 0.1, 0.9999);
        assertThat((List<?>) pairs.get(0).get("matches")).hasSize(64);
        // The first and the last are the same, so each finds itself; the second finds what is like it.
        assertThat(number(result, "stability")).isBetween(number(pairs.get(0), "mmcs"), 0.99999);
        List<Map<String, Object>> saes = list(result.get("saes"));
        assertThat(saes.get(0))
                .containsKeys("diversity", "connectivity", "density", "l0", "truth", "decoder_max_cosine");
        assertThat(number(saes.get(0), "l0")).isEqualTo(4);
        assertThat(saes.get(2)).isEqualTo(saes.get(0));
        assertThat(Darien.run("compare", one, other, "--match-up-to", 10)
                        .succeeded()
                        .err())
                .contains("aren't matched one to one");
        assertThat(Darien.run("compare", one, other, "--data", Darien.DATA).out())
                .contains("stability", "matched cosine", "recall at 0 9");
    }

    @Test
    void whatCannotBeComparedIsRefused() {
        Path one = folder.resolve("one");
        Path wide = folder.resolve("wide");
        Darien.train(Darien.DATA, one, "--arch", "topk", "--k", 4).succeeded();
        Darien.train("synthetic:d=20,true=32,p=0.1,rows=4096", wide, "--arch", "topk", "--k", 4)
                .succeeded();

        Darien.run("compare", one).refused("SAE");
        Darien.run("compare", one, wide).refused("width 20", "width 16", "same activations");
        Darien.run("compare", one, folder.resolve("none")).refused("none");
        Darien.run("compare", one, one, "--data", "synthetic:d=20,true=32,p=0.1,rows=100")
                .refused("width 16", "width 20");
    }

    @SuppressWarnings("unchecked")
    private static List<Map<String, Object>> list(Object value) {
        return (List<Map<String, Object>>) value;
    }

    private static double number(Map<String, Object> map, String key) {
        return ((Number) map.get(key)).doubleValue();
    }
}
