// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

/**
 * The largest positive value of each group of neighbouring latents, for the rows of a task, tile by tile of latents: what
 * a group has so far is kept for each row where a group reaches into the next tile.
 */
final class GroupMaxRows {
    private final float[] values = new float[EncodeScratch.ROWS];
    private final int[] latents = new int[EncodeScratch.ROWS];

    /** Takes one row's tile of {@code count} latents, and ends a run of {@code entries} with the groups that end in it. */
    void select(float[] tile, int row, int first, int count, int all, int groups, TaskEntries entries) {
        entries.ensure(Math.min(groups, count));
        int end = entries.end();
        float best = first == 0 ? 0 : values[row];
        int bestLatent = first == 0 ? -1 : latents[row];
        int group = groupOf(first, all, groups);
        int from = first;
        int offset = row * EncodeScratch.TILE_STRIDE - first;
        while (from < first + count) {
            int groupEnd = ScalarEncode.groupStart(group + 1, groups, all);
            int to = Math.min(groupEnd, first + count);
            for (int latent = from; latent < to; latent++) {
                float value = tile[offset + latent];
                if (value > best) {
                    best = value;
                    bestLatent = latent;
                }
            }
            if (to == groupEnd) {
                if (bestLatent >= 0) {
                    entries.indices[end] = bestLatent;
                    entries.values[end++] = best;
                }
                best = 0;
                bestLatent = -1;
                group++;
            }
            from = to;
        }
        values[row] = best;
        latents[row] = bestLatent;
        entries.endRun(end);
    }

    /** The group that a latent is in. */
    private static int groupOf(int latent, int all, int groups) {
        int group = (int) ((long) latent * groups / all);
        while (ScalarEncode.groupStart(group + 1, groups, all) <= latent) {
            group++;
        }
        return group;
    }
}
