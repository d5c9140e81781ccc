// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import dev.darien.train.TrainingListener;
import dev.darien.train.TrainingMetrics;
import java.util.Locale;

/** Progress on standard error: one line that is written over on a terminal, a line now and then elsewhere. */
final class ProgressListener implements TrainingListener {
    private static final int CELLS = 8;
    private static final long TERMINAL_NANOS = 100_000_000L;
    private static final long LOG_NANOS = 60_000_000_000L;
    private static final double LOG_SHARE = 0.1;
    /** Goes to the start of the line and clears it. */
    private static final String RESTART = "\r\u001b[K";

    private final Console console;
    private final int runs;
    private long lastTime;
    private double lastShare;
    private boolean lineOpen;
    private long firstStep = -1;
    private double firstSeconds;

    /** @param runs how many SAEs are trained; the first stands for all */
    ProgressListener(Console console, int runs) {
        this.console = console;
        this.runs = runs;
    }

    @Override
    public void onReport(int run, TrainingMetrics metrics) {
        if (run != 0) {
            return;
        }
        if (firstStep < 0) {
            firstStep = metrics.step();
            firstSeconds = metrics.seconds();
        }
        long now = System.nanoTime();
        double share = (double) metrics.step() / metrics.steps();
        boolean last = metrics.step() == metrics.steps();
        if (console.terminal()) {
            if (last || now - lastTime >= TERMINAL_NANOS) {
                console.err().print(RESTART + bar(share) + " " + numbers(metrics));
                console.err().flush();
                lineOpen = true;
                lastTime = now;
            }
        } else if (last || share - lastShare >= LOG_SHARE || (lastTime != 0 && now - lastTime >= LOG_NANOS)) {
            console.err().println("step " + metrics.step() + " of " + metrics.steps() + ": " + numbers(metrics));
            lastShare = share;
            lastTime = now;
        } else if (lastTime == 0) {
            lastTime = now;
        }
    }

    private static String bar(double share) {
        int full = (int) (share * CELLS);
        return "[" + "#".repeat(full) + "-".repeat(CELLS - full) + "]";
    }

    private String numbers(TrainingMetrics metrics) {
        String text = String.format(
                Locale.ROOT,
                "%3d%% loss %.4g FVU %.4f L0 %.1f dead %.1f%% %s tok/s ETA %s",
                100 * metrics.step() / metrics.steps(),
                metrics.loss(),
                metrics.fvu(),
                metrics.l0(),
                100 * metrics.deadFraction(),
                Texts.rate(metrics.tokensPerSecond()),
                eta(metrics));
        return runs > 1 ? text + " (1 of " + runs + " SAEs)" : text;
    }

    private String eta(TrainingMetrics metrics) {
        long done = metrics.step() - firstStep;
        if (done == 0) {
            return "-";
        }
        double perStep = (metrics.seconds() - firstSeconds) / done;
        return Texts.duration(perStep * (metrics.steps() - metrics.step()));
    }

    @Override
    public void close() {
        if (lineOpen) {
            console.err().println();
            lineOpen = false;
        }
    }
}
