// SPDX-License-Identifier: Apache-2.0
package dev.darien.ensemble;

/** How the members of an ensemble stand together (Gadgil et al. 2025, section 3). */
public enum EnsembleKind {
    /** Members that differ in their seed; the output is the mean of theirs. */
    BAGGING("bagging"),
    /** Each member encodes what those before it have left of the activations; the output is the sum. */
    BOOSTING("boosting");

    private final String id;

    EnsembleKind(String id) {
        this.id = id;
    }

    /** Its name, as {@code --ensemble} takes it. */
    public String id() {
        return id;
    }

    /** α: what the codes and the decoder bias of each of {@code members} members are multiplied by. */
    public float weight(int members) {
        return this == BAGGING ? 1f / members : 1;
    }

    /**
     * The seed of a member. Those of ensembles of one size with different seeds are all different, and a single member has
     * that of the plain SAE.
     */
    public static long seed(long seed, int members, int member) {
        return seed * members + member;
    }
}
