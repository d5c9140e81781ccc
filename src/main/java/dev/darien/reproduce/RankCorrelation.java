// SPDX-License-Identifier: Apache-2.0
package dev.darien.reproduce;

import java.util.Arrays;

/** Spearman's rank correlation: -1 where y falls whenever x rises, 1 where it always rises too. */
final class RankCorrelation {
    private RankCorrelation() {}

    /** Of as many x as y, at least two of which differ in each; NaN otherwise. Ties share their mean rank. */
    static double of(double[] x, double[] y) {
        double[] first = ranks(x);
        double[] second = ranks(y);
        double mean = (x.length - 1) / 2.0;
        double products = 0;
        double firstSquares = 0;
        double secondSquares = 0;
        for (int i = 0; i < x.length; i++) {
            products += (first[i] - mean) * (second[i] - mean);
            firstSquares += (first[i] - mean) * (first[i] - mean);
            secondSquares += (second[i] - mean) * (second[i] - mean);
        }
        return products / Math.sqrt(firstSquares * secondSquares);
    }

    private static double[] ranks(double[] values) {
        double[] ranks = new double[values.length];
        Arrays.setAll(ranks, i -> {
            double rank = 0;
            for (int other = 0; other < values.length; other++) {
                if (other != i) {
                    rank += values[other] < values[i] ? 1 : values[other] == values[i] ? 0.5 : 0;
                }
            }
            return rank;
        });
        return ranks;
    }
}
