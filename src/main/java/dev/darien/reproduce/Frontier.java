// SPDX-License-Identifier: Apache-2.0
package dev.darien.reproduce;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/**
 * FVU against L0 of one architecture's runs, between which both logarithms are interpolated: penalties never reach exactly
 * the L0 that others have.
 */
final class Frontier {
    private final double[] logL0;
    private final double[] logFvu;

    private Frontier(double[] logL0, double[] logFvu) {
        this.logL0 = logL0;
        this.logFvu = logFvu;
    }

    /** The frontier through {@code runs}, of any order. */
    static Frontier through(List<Sweep.Run> runs) {
        List<Sweep.Run> sorted =
                runs.stream().sorted(Comparator.comparingDouble(Sweep.Run::l0)).toList();
        return of(
                sorted.stream().mapToDouble(Sweep.Run::l0).toArray(),
                sorted.stream().mapToDouble(Sweep.Run::fvu).toArray());
    }

    /** The frontier through points with ascending L0. */
    static Frontier of(double[] l0, double[] fvu) {
        return new Frontier(
                Arrays.stream(l0).map(Math::log).toArray(),
                Arrays.stream(fvu).map(Math::log).toArray());
    }

    /** ln FVU at an L0; NaN beyond the runs. */
    double logFvuAt(double l0) {
        return interpolate(logL0, logFvu, Math.log(l0));
    }

    /** ln L0 at which the FVU is reached; NaN beyond the runs, or where FVU doesn't fall with L0. */
    double logL0At(double fvu) {
        return interpolate(Arrays.stream(logFvu).map(value -> -value).toArray(), logL0, -Math.log(fvu));
    }

    private static double interpolate(double[] xs, double[] ys, double x) {
        for (int at = 1; at < xs.length; at++) {
            if (x >= xs[at - 1] && x <= xs[at]) {
                double part = (x - xs[at - 1]) / (xs[at] - xs[at - 1]);
                return ys[at - 1] + part * (ys[at] - ys[at - 1]);
            }
        }
        return Double.NaN;
    }
}
