// SPDX-License-Identifier: Apache-2.0
package dev.darien.sae;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;

/** The code of one activation: its active latents in ascending order, each with its value. Immutable. */
public final class ActiveLatents {
    private final int[] latents;
    private final float[] values;

    /** Takes ownership of both arrays, which are of the same length. */
    ActiveLatents(int[] latents, float[] values) {
        this.latents = latents;
        this.values = values;
    }

    /**
     * An active latent.
     *
     * @param latent its number, from 0
     * @param value what it is active with
     */
    public record Active(int latent, float value) {}

    /** How many latents are active. */
    public int size() {
        return latents.length;
    }

    /** Number of the latent at place {@code at}; ascending. */
    public int latent(int at) {
        return latents[at];
    }

    /** Value of the latent at place {@code at}. */
    public float value(int at) {
        return values[at];
    }

    /** Value of latent {@code latent}, 0 if it isn't active. */
    public float valueOf(int latent) {
        int at = Arrays.binarySearch(latents, latent);
        return at < 0 ? 0 : values[at];
    }

    /** The {@code count} strongest latents, or all if fewer are active, strongest first; of equal ones the lower first. */
    public List<Active> strongest(int count) {
        List<Active> all = new ArrayList<>(latents.length);
        for (int at = 0; at < latents.length; at++) {
            all.add(new Active(latents[at], values[at]));
        }
        all.sort(Comparator.comparingDouble(Active::value).reversed().thenComparingInt(Active::latent));
        return List.copyOf(all.subList(0, Math.min(Math.max(0, count), all.size())));
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof ActiveLatents that
                && Arrays.equals(latents, that.latents)
                && Arrays.equals(values, that.values);
    }

    @Override
    public int hashCode() {
        return Objects.hash(Arrays.hashCode(latents), Arrays.hashCode(values));
    }

    @Override
    public String toString() {
        return strongest(latents.length).toString();
    }
}
