// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import dev.darien.device.LatentTerms;
import dev.darien.device.PenaltyCurve;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** The kernels that single methods need, cut into ranges for the team: once over the entries, too little for vectors. */
final class VectorMethods {
    private static final int LATENTS_PER_TASK = 256;
    private static final int ENTRIES_PER_TASK = 1 << 14;

    private final Team team;
    private double[] sums = new double[0];

    VectorMethods(Team team) {
        this.team = team;
    }

    void gatedMagnitudes(SparseCodes gates, Matrix gateBias, Matrix logScale, Matrix magnitudeBias, Matrix magnitudes) {
        int entries = gates.entries();
        team.run(
                VectorDense.tasks(entries, ENTRIES_PER_TASK),
                (task, worker) -> ScalarMethods.gatedMagnitudes(
                        gates,
                        gateBias,
                        logScale,
                        magnitudeBias,
                        magnitudes,
                        task * ENTRIES_PER_TASK,
                        end(task, ENTRIES_PER_TASK, entries)));
    }

    void gatedGradient(
            LatentTerms terms,
            Matrix logScale,
            Matrix magnitudeBias,
            boolean accumulate,
            Matrix scaleGradient,
            Matrix biasGradient) {
        int latents = terms.groups().latents();
        team.run(
                VectorDense.tasks(latents, LATENTS_PER_TASK),
                (task, worker) -> ScalarMethods.gatedGradient(
                        terms,
                        logScale,
                        magnitudeBias,
                        accumulate,
                        scaleGradient,
                        biasGradient,
                        task * LATENTS_PER_TASK,
                        end(task, LATENTS_PER_TASK, latents)));
    }

    void keepLatents(SparseCodes codes, int first, int last, Matrix values) {
        int entries = codes.entries();
        team.run(
                VectorDense.tasks(entries, ENTRIES_PER_TASK),
                (task, worker) -> ScalarMethods.keepLatents(
                        codes, first, last, values, task * ENTRIES_PER_TASK, end(task, ENTRIES_PER_TASK, entries)));
    }

    void addPenalty(
            SparseCodes codes,
            @Nullable Matrix norms,
            PenaltyCurve curve,
            float coefficient,
            Matrix codeGradients,
            Matrix penalty) {
        int entries = codes.entries();
        int tasks = VectorDense.tasks(entries, ENTRIES_PER_TASK);
        if (sums.length < tasks) {
            sums = Arrays.copyOf(sums, tasks);
        }
        double[] partial = sums;
        team.run(
                tasks,
                (task, worker) -> partial[task] = addPenalty(
                        codes,
                        norms,
                        curve,
                        coefficient,
                        codeGradients,
                        task * ENTRIES_PER_TASK,
                        end(task, ENTRIES_PER_TASK, entries)));
        double sum = 0;
        for (int task = 0; task < tasks; task++) {
            sum += partial[task];
        }
        Cells.setDouble(penalty, 0, Cells.getDouble(penalty, 0) + coefficient * sum);
    }

    /** As the reference, with one call of a costly function for value and slope, and none where the result is known. */
    private static double addPenalty(
            SparseCodes codes,
            @Nullable Matrix norms,
            PenaltyCurve curve,
            float coefficient,
            Matrix codeGradients,
            int firstEntry,
            int lastEntry) {
        double sum = 0;
        boolean tanh = curve.kind() == PenaltyCurve.Kind.TANH;
        double parameter = curve.parameter();
        double offset = tanh ? 0 : PenaltyCurve.POWER_OFFSET;
        double none = tanh ? 0 : Math.pow(offset, parameter);
        for (int entry = firstEntry; entry < lastEntry; entry++) {
            float value = codes.value(entry);
            if (curve.counts(value)) {
                double norm = norms == null ? 1 : Cells.get(norms, 0, codes.latent(entry));
                double slope;
                if (value == 0 && Double.isFinite(norm)) {
                    slope = parameter;
                } else if (tanh) {
                    double height = Math.tanh(parameter * value * norm);
                    sum += height;
                    slope = parameter * (1 - height * height);
                } else if (parameter == 1) {
                    sum += value * norm;
                    slope = 1;
                } else {
                    double at = value * norm + offset;
                    double power = Math.pow(at, parameter);
                    sum += power - none;
                    slope = parameter * power / at;
                }
                slope *= coefficient * norm;
                Cells.set(codeGradients, 0, entry, Cells.get(codeGradients, 0, entry) + slope);
            }
        }
        return sum;
    }

    private static int end(int task, int perTask, int all) {
        return (int) Math.min(all, (task + 1L) * perTask);
    }
}
