// SPDX-License-Identifier: Apache-2.0
package dev.darien.report;

import dev.darien.data.TokenText;
import dev.darien.eval.LatentSummaries;
import java.util.List;

/**
 * Single latents for a report.
 *
 * @param tokens of the data they were watched on; 0 for none
 * @param latents number of all latents, F
 * @param rows those shown
 */
public record LatentTable(long tokens, int latents, List<Row> rows) {
    public LatentTable {
        rows = List.copyOf(rows);
    }

    /**
     * A latent.
     *
     * @param contexts of its strongest tokens, in their order; empty where the text isn't known
     */
    public record Row(LatentSummaries.Summary summary, List<TokenText.Context> contexts) {
        public Row {
            contexts = List.copyOf(contexts);
        }
    }
}
