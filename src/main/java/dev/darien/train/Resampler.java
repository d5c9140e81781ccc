// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import dev.darien.data.SeededRandom;
import dev.darien.device.Device;
import dev.darien.device.Kernels;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import java.util.Arrays;

/**
 * Gives dead latents a new start, as Bricken et al. 2023 do: a decoder row along an input that is badly reconstructed, drawn
 * with a probability in proportion to the norm of its residual; an encoder row along it with a fifth of the mean norm of the
 * living ones; biases and moments of 0. Four times, over the first half of the run, from the batch at hand. On the host: it
 * is done so seldom.
 */
final class Resampler {
    /** Times, and the share of the run over which they are spread. */
    private static final int TIMES = 4;

    private static final double ENCODER_SHARE = 0.2;

    private final StepContext context;

    Resampler(StepContext context) {
        this.context = context;
    }

    /** Steps between two resamplings of a run of {@code steps}; they lie in its first half. */
    static long interval(long steps) {
        return steps / (2L * TIMES);
    }

    /** After step number {@code step}, counted from 1. */
    void finishStep(long step) {
        TrainingOptions options = context.options();
        long every = interval(options.steps());
        if (step % every != 0 || step > TIMES * every) {
            return;
        }
        Device device = context.device();
        StepWorkspace workspace = context.workspace();
        context.kernels()
                .listDead(
                        context.state().lastFired,
                        (int) Math.max(0, step + 1 - options.deadAfterSteps()),
                        workspace.dead,
                        workspace.deadCount);
        int[] dead;
        try (Matrix count = device.staging("number of dead latents", DType.I32, 1, 1);
                Matrix latents = device.staging("dead latents", DType.I32, 1, options.latents())) {
            device.download(workspace.deadCount, count);
            device.download(workspace.dead, latents);
            dead = new int[(int) count.getLong(0, 0)];
            for (int at = 0; at < dead.length; at++) {
                dead[at] = (int) latents.getLong(0, at);
            }
        }
        if (dead.length > 0 && dead.length < options.latents()) {
            resample(dead, step);
        }
    }

    private void resample(int[] dead, long step) {
        TrainingOptions options = context.options();
        LearnerState state = context.state();
        Device device = context.device();
        double[] residuals = rowNorms(context.workspace().residual);
        double[] cumulative = new double[residuals.length];
        double sum = 0;
        for (int row = 0; row < residuals.length; row++) {
            sum += residuals[row];
            cumulative[row] = sum;
        }
        double length = ENCODER_SHARE * meanOfLiving(rowNorms(state.rows.encoder()), dead);
        SeededRandom random = new SeededRandom(SeededRandom.combine(options.seed(), 4), step);
        int width = state.weights.width();
        try (Matrix row = device.staging("resampled row", DType.F32, 1, width)) {
            for (int latent : dead) {
                int from = Arrays.binarySearch(cumulative, random.nextDouble() * sum);
                from = Math.min(residuals.length - 1, from < 0 ? -from - 1 : from + 1);
                device.download(context.workspace().input.slice(from, 1), row);
                double norm = 0;
                for (int column = 0; column < width; column++) {
                    norm += (double) row.get(0, column) * row.get(0, column);
                }
                if (norm > 0) {
                    scale(row, options.decoderInitNorm() / Math.sqrt(norm));
                    device.upload(row, state.rows.decoder().slice(latent, 1));
                    scale(row, length / options.decoderInitNorm());
                    device.upload(row, state.rows.encoder().slice(latent, 1));
                    clearMoments(latent);
                }
            }
        }
        restart(state.encoderBias, dead, true);
        if (state.gate != null) {
            restart(state.gate.logScale(), dead, true);
            restart(state.gate.magnitudeBias(), dead, true);
        }
        if (state.thresholds != null) {
            // It stays where it is: from 0 its latent would fire all the time.
            restart(state.thresholds, dead, false);
        }
        set(state.lastFired, dead, step);
    }

    private void restart(Parameter parameter, int[] dead, boolean fromZero) {
        set(parameter.firstMoment(), dead, 0);
        set(parameter.secondMoment(), dead, 0);
        if (fromZero) {
            set(parameter.value(), dead, 0);
        }
    }

    private static void scale(Matrix row, double factor) {
        for (int column = 0; column < row.columns(); column++) {
            row.set(0, column, (float) (factor * row.get(0, column)));
        }
    }

    private void clearMoments(int latent) {
        Kernels kernels = context.kernels();
        LearnerState state = context.state();
        for (Matrix moment : new Matrix[] {
            state.firstMoments.encoder(),
            state.firstMoments.decoder(),
            state.secondMoments.encoder(),
            state.secondMoments.decoder()
        }) {
            kernels.fill(moment.slice(latent, 1), 0);
        }
    }

    private double[] rowNorms(Matrix matrix) {
        Device device = context.device();
        int rows = matrix.intRows();
        try (Matrix norms = context.memory().vector("row norms", rows);
                Matrix host = device.staging("row norms", DType.F32, 1, rows)) {
            context.kernels().rowNorms(matrix, norms);
            device.download(norms, host);
            double[] values = new double[rows];
            for (int row = 0; row < rows; row++) {
                values[row] = host.get(0, row);
            }
            return values;
        }
    }

    private static double meanOfLiving(double[] norms, int... dead) {
        double sum = Arrays.stream(norms).sum();
        for (int latent : dead) {
            sum -= norms[latent];
        }
        return sum / (norms.length - dead.length);
    }

    /** Sets some elements of a vector. */
    private void set(Matrix vector, int[] at, long value) {
        Device device = context.device();
        try (Matrix host = device.staging("vector", vector.dtype(), 1, vector.columns())) {
            device.download(vector, host);
            for (int one : at) {
                if (host.dtype().isFloating()) {
                    host.set(0, one, (float) value);
                } else {
                    host.setLong(0, one, value);
                }
            }
            device.upload(host, vector);
        }
    }
}
