// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

/** What a row's matching pursuit has taken so far: latents in ascending order, each with the sum of what it was given. */
final class PursuitRow {
    private final int[] latents;
    private final float[] values;
    private int size;

    /** Takes ownership of both arrays, which have room for every latent that may be taken. */
    PursuitRow(int[] latents, float[] values) {
        this.latents = latents;
        this.values = values;
    }

    void clear() {
        size = 0;
    }

    /** Adds {@code value} to a latent; returns whether it was there already. */
    boolean add(int latent, float value) {
        int at = size;
        while (at > 0 && latents[at - 1] >= latent) {
            at--;
        }
        if (at < size && latents[at] == latent) {
            values[at] += value;
            return true;
        }
        System.arraycopy(latents, at, latents, at + 1, size - at);
        System.arraycopy(values, at, values, at + 1, size - at);
        latents[at] = latent;
        values[at] = value;
        size++;
        return false;
    }

    int size() {
        return size;
    }

    int latent(int at) {
        return latents[at];
    }

    float value(int at) {
        return values[at];
    }

    /** Copies all to {@code indices} and {@code to} from {@code at} on. */
    void copy(int[] indices, float[] to, int at) {
        System.arraycopy(latents, 0, indices, at, size);
        System.arraycopy(values, 0, to, at, size);
    }
}
