// SPDX-License-Identifier: Apache-2.0
package dev.darien.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Document;

class ParetoChartTest {
    @Test
    void itIsOneXmlFileWithEveryPointAndName() throws Exception {
        Map<String, double[][]> curves = new LinkedHashMap<>();
        curves.put("a < b", new double[][] {{6, 12, 24}, {0.3, 0.2, 0.1}});
        curves.put("topk", new double[][] {{6, 48}, {0.25, 0.05}});

        String svg = ParetoChart.svg("FVU & L0", curves);

        Document parsed = DocumentBuilderFactory.newInstance()
                .newDocumentBuilder()
                .parse(new ByteArrayInputStream(svg.getBytes(StandardCharsets.UTF_8)));
        // A dot for each point and one for each name.
        assertThat(parsed.getElementsByTagName("circle").getLength()).isEqualTo(5 + 2);
        assertThat(parsed.getElementsByTagName("path").getLength()).isEqualTo(2);
        assertThat(svg).contains("a &lt; b", "FVU &amp; L0").doesNotContain("NaN");
    }
}
