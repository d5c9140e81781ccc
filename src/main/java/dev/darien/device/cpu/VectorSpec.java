// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The one vector width that every CPU kernel uses.
 *
 * <p>It is the platform's preferred width unless the system property {@value #PROPERTY} names another one, which is how
 * the tests cover all widths on one machine. Sums are ordered by lane, so results may differ between widths, never
 * within one.
 *
 * <p>Kernels spell the API's calls out, loads too: a method of our own that returns a vector and was once compiled by itself
 * may be too large for C2 to inline where it is hot, and then puts each vector on the heap.
 */
final class VectorSpec {
    static final String PROPERTY = "darien.vector.bits";

    /** Static and final so that C2 treats it, and all that is derived from it, as a constant. */
    static final VectorSpecies<Float> SPECIES = choose(System.getProperty(PROPERTY, ""));

    /** Floats per vector. */
    static final int LANES = SPECIES.length();

    private VectorSpec() {}

    /**
     * @param bits the property's value, or an empty string for the platform's preference
     * @throws IllegalArgumentException if {@code bits} is anything but 128, 256 or 512
     */
    static VectorSpecies<Float> choose(String bits) {
        return switch (bits) {
            case "" -> preferred();
            case "128" -> FloatVector.SPECIES_128;
            case "256" -> FloatVector.SPECIES_256;
            case "512" -> FloatVector.SPECIES_512;
            default ->
                throw new IllegalArgumentException("System property " + PROPERTY + " is '" + bits
                        + "' but must be 128, 256 or 512; leave it unset for the width that the CPU prefers.");
        };
    }

    /** Kernels know these three widths; hardware with wider vectors runs them with 512 bits. */
    private static VectorSpecies<Float> preferred() {
        VectorSpecies<Float> preferred = FloatVector.SPECIES_PREFERRED;
        return switch (preferred.vectorBitSize()) {
            case 128, 256 -> preferred;
            case 64 -> FloatVector.SPECIES_128;
            default -> FloatVector.SPECIES_512;
        };
    }
}
