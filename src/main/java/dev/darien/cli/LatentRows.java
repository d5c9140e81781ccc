// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import dev.darien.data.ActivationSource;
import dev.darien.data.TokenText;
import dev.darien.eval.LatentSummaries;
import dev.darien.report.LatentTable;
import dev.darien.sae.Autoencoder;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The latents that a report lists. */
final class LatentRows {
    /** How many, if nobody says. */
    static final int COUNT = 300;

    private static final int CONTEXTS = 5;
    private static final int NEIGHBOURS = 3;
    /** Tokens of context on either side. */
    private static final int REACH = 24;

    private LatentRows() {}

    static LatentTable of(Autoencoder sae, @Nullable ActivationSource source, int count, @Nullable TokenText text) {
        List<LatentTable.Row> rows = new ArrayList<>();
        for (LatentSummaries.Summary summary : LatentSummaries.of(sae, source, count, CONTEXTS, NEIGHBOURS)) {
            List<TokenText.Context> contexts = new ArrayList<>();
            if (text != null) {
                for (LatentSummaries.Token token : summary.strongest()) {
                    contexts.add(text.context(token.row(), REACH));
                }
            }
            rows.add(new LatentTable.Row(summary, contexts));
        }
        return new LatentTable(source == null ? 0 : source.rows(), sae.latents(), rows);
    }
}
