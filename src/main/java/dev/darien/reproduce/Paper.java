// SPDX-License-Identifier: Apache-2.0
package dev.darien.reproduce;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A paper whose claims are measured. To add one: a class here, its name behind {@code permits} and in {@link #ALL}, and
 * its page in {@code docs/results/}, whose table the command prints.
 */
public sealed interface Paper
        permits ActivatingPaper,
                EnsemblePaper,
                FeatureChoicePaper,
                GatedPaper,
                TopKPaper,
                JumpReluPaper,
                BatchTopKPaper,
                GradientPaper,
                MatryoshkaPaper {
    /** All papers, in the order of their numbers. */
    List<Paper> ALL = List.of(
            new ActivatingPaper(),
            new GatedPaper(),
            new TopKPaper(),
            new JumpReluPaper(),
            new FeatureChoicePaper(),
            new GradientPaper(),
            new BatchTopKPaper(),
            new MatryoshkaPaper(),
            new EnsemblePaper());

    /** Its arXiv number, without a version. */
    String number();

    /** Authors, year and title. */
    String title();

    /**
     * Measures every claim.
     *
     * @throws dev.darien.data.DataException if the folder doesn't hold what the experiment needs; says what, and what
     *     makes it
     */
    Results measure(Experiment experiment);

    /** All papers by number. */
    static Map<String, Paper> byNumber() {
        Map<String, Paper> papers = new LinkedHashMap<>();
        ALL.forEach(paper -> papers.put(paper.number(), paper));
        return papers;
    }
}
