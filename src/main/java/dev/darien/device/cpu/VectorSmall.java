// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import dev.darien.device.LatentGroups;
import dev.darien.device.LatentTerms;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** What goes once over the entries of a batch: too little for vectors, and cut into ranges of latents for the team. */
final class VectorSmall {
    private static final int LATENTS_PER_TASK = 1024;

    private final Team team;
    private int[] starts = new int[0];

    VectorSmall(Team team) {
        this.team = team;
    }

    /** A counting sort whose counts are on the heap. */
    void groupByLatent(SparseCodes codes, LatentGroups groups) {
        int latents = groups.latents();
        int entries = codes.entries();
        if (starts.length < latents + 1) {
            starts = new int[latents + 1];
        }
        int[] start = starts;
        Arrays.fill(start, 0, latents + 1, 0);
        MemorySegment indices = codes.indices().segment();
        for (int entry = 0; entry < entries; entry++) {
            start[indices.get(Matrix.INT, (long) entry * Integer.BYTES) + 1]++;
        }
        for (int latent = 0; latent < latents; latent++) {
            start[latent + 1] += start[latent];
        }
        MemorySegment.copy(start, 0, groups.offsets().segment(), Matrix.INT, 0, latents + 1);
        MemorySegment groupRows = groups.rows().segment();
        MemorySegment groupEntries = groups.entries().segment();
        for (int row = 0; row < codes.rows(); row++) {
            int end = codes.start(row + 1);
            for (int entry = codes.start(row); entry < end; entry++) {
                long at = start[indices.get(Matrix.INT, (long) entry * Integer.BYTES)]++ * (long) Integer.BYTES;
                groupRows.set(Matrix.INT, at, row);
                groupEntries.set(Matrix.INT, at, entry);
            }
        }
    }

    void encoderBiasGradient(LatentTerms terms, boolean accumulate, Matrix gradient) {
        int latents = terms.groups().latents();
        team.run(
                VectorDense.tasks(latents, LATENTS_PER_TASK),
                (task, worker) -> ScalarGradients.encoderBiasGradient(
                        terms, accumulate, gradient, task * LATENTS_PER_TASK, end(task, latents)));
    }

    void thresholdGradient(
            LatentTerms terms,
            Matrix thresholds,
            float bandwidth,
            float l0Coefficient,
            boolean accumulate,
            Matrix gradient) {
        int latents = terms.groups().latents();
        team.run(
                VectorDense.tasks(latents, LATENTS_PER_TASK),
                (task, worker) -> ScalarGradients.thresholdGradient(
                        terms,
                        thresholds,
                        bandwidth,
                        l0Coefficient,
                        accumulate,
                        gradient,
                        task * LATENTS_PER_TASK,
                        end(task, latents)));
    }

    private static int end(int task, int latents) {
        return Math.min(latents, (task + 1) * LATENTS_PER_TASK);
    }
}
