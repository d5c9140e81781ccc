// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import java.util.Arrays;

/**
 * How often the latent of rank r fires, {@code ∝ (r + offset)^-exponent}, r = 1, 2, … (Zipf; with an offset Mandelbrot). Its
 * use for budgets is Ayonrinde's (2024); how it is fitted and cut is Darien's own.
 *
 * @param exponent above 0; 1 is Zipf's
 * @param offset 0 or more
 */
public record ZipfLaw(double exponent, double offset) {
    private static final double[] OFFSETS = {0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000};
    /** The lowest ranks are those that deviate: they aren't fitted. */
    private static final double FITTED_SHARE = 0.8;

    private static final int BISECTIONS = 200;

    public ZipfLaw {
        if (!(exponent >= 0) || !(offset >= 0) || Double.isInfinite(exponent) || Double.isInfinite(offset)) {
            throw new IllegalArgumentException(
                    "a Zipf law needs an exponent and an offset of at least 0, not " + exponent + " and " + offset);
        }
    }

    /**
     * The law nearest to measured rates: least squares of log(rate) against log(rank + offset) over the upper 80 % of the
     * ranks, with the offset that fits best. Zipf's own law where fewer than three latents fire at all.
     *
     * @param descending rates, the largest first
     */
    public static ZipfLaw fit(double[] descending) {
        int firing = 0;
        while (firing < descending.length && descending[firing] > 0) {
            firing++;
        }
        int ranks = Math.min(firing, (int) Math.ceil(FITTED_SHARE * descending.length));
        if (ranks < 3) {
            return new ZipfLaw(1, 0);
        }
        ZipfLaw best = new ZipfLaw(1, 0);
        double least = Double.POSITIVE_INFINITY;
        for (double offset : OFFSETS) {
            double[] line = line(descending, ranks, offset);
            if (line[1] < least) {
                least = line[1];
                best = new ZipfLaw(Math.max(0, -line[0]), offset);
            }
        }
        return best;
    }

    /** Slope and sum of squared residuals of the line through the logarithms. */
    private static double[] line(double[] rates, int ranks, double offset) {
        double meanX = 0;
        double meanY = 0;
        for (int at = 0; at < ranks; at++) {
            meanX += Math.log(at + 1 + offset) / ranks;
            meanY += Math.log(rates[at]) / ranks;
        }
        double xx = 0;
        double xy = 0;
        double yy = 0;
        for (int at = 0; at < ranks; at++) {
            double x = Math.log(at + 1 + offset) - meanX;
            double y = Math.log(rates[at]) - meanY;
            xx += x * x;
            xy += x * y;
            yy += y * y;
        }
        return new double[] {xy / xx, yy - xy * xy / xx};
    }

    /**
     * The rates of all ranks, the largest first: in proportion to the law, but none below {@code least} or above {@code
     * most}, and together {@code total}: what is cut off at one end goes to the others in proportion.
     *
     * @throws IllegalArgumentException if no such rates exist
     */
    public double[] rates(int latents, double total, double least, double most) {
        if (total > latents * most * (1 + 1e-9) || total < latents * least * (1 - 1e-9)) {
            throw new IllegalArgumentException("budgets can't be met: " + latents + " latents with rates between "
                    + least + " and " + most + " can't add up to " + total + " for each token");
        }
        double[] weights = new double[latents];
        for (int at = 0; at < latents; at++) {
            weights[at] = Math.pow(at + 1 + offset, -exponent);
        }
        double low = 0;
        double high = most / weights[latents - 1];
        for (int time = 0; time < BISECTIONS; time++) {
            double middle = (low + high) / 2;
            double sum = 0;
            for (double weight : weights) {
                sum += Math.clamp(middle * weight, least, most);
            }
            if (sum < total) {
                low = middle;
            } else {
                high = middle;
            }
        }
        double factor = high;
        return Arrays.stream(weights)
                .map(weight -> Math.clamp(factor * weight, least, most))
                .toArray();
    }
}
