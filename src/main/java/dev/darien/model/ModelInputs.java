// SPDX-License-Identifier: Apache-2.0
package dev.darien.model;

import dev.darien.data.DataException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** What text gives a model: which of its inputs are token numbers, which the mask, and so on. Told by type and name. */
final class ModelInputs {
    /** What an input holds for each token. */
    enum Role {
        /** Token numbers. */
        IDS,
        /** 1 for a token, 0 for padding. */
        MASK,
        /** 0: all text is of one segment. */
        TYPES,
        /** 0, 1, 2, … */
        POSITIONS,
        /** The number of the token that follows; 0 where none does. */
        TARGETS
    }

    record Input(OnnxType type, Role role) {}

    private final String what;
    private final List<Input> inputs = new ArrayList<>();
    private final @Nullable Input ids;

    /** @throws DataException if an input isn't one that text gives */
    ModelInputs(OnnxGraph graph) {
        this(graph.what(), graph.inputs().values());
    }

    ModelInputs(String what, Collection<OnnxType> types) {
        this.what = what;
        for (OnnxType type : types) {
            if ((type.type() != OnnxType.INT64 && type.type() != OnnxType.INT32)
                    || type.sizes().size() != 2) {
                throw new DataException(what + " has the input '" + type.name() + "' " + type.dtype() + " "
                        + type.shape() + ", which text alone doesn't give (only integers [sequences, tokens]: token"
                        + " numbers, mask, types, positions, targets); export the model without it");
            }
            inputs.add(new Input(type, role(type.name().toLowerCase(Locale.ROOT))));
        }
        this.ids = inputs.stream()
                .filter(input -> input.role == Role.IDS)
                .findFirst()
                .orElse(null);
    }

    /** @throws DataException if the model takes no token numbers */
    ModelInputs requireIds() {
        ids();
        return this;
    }

    private static Role role(String name) {
        if (name.contains("mask")) {
            return Role.MASK;
        }
        if (name.contains("type") || name.contains("segment")) {
            return Role.TYPES;
        }
        if (name.contains("position")) {
            return Role.POSITIONS;
        }
        if (name.contains("target") || name.contains("label")) {
            return Role.TARGETS;
        }
        return Role.IDS;
    }

    List<Input> all() {
        return inputs;
    }

    /** Name of the input for token numbers. */
    String ids() {
        if (ids == null) {
            throw new DataException(what + " has no input for token numbers; name the whole model, not a part of it");
        }
        return ids.type.name();
    }

    /** Whether padding can be marked; without it only sequences of one length can share a batch. */
    boolean hasMask() {
        return inputs.stream().anyMatch(input -> input.role == Role.MASK);
    }

    /** The only number of tokens that the model takes, or 0 if any will do. */
    int fixedLength() {
        return ids == null ? 0 : (int) Math.max(0, ids.type.sizes().getLast());
    }

    /**
     * The only number of sequences that the model takes, or 0 if any will do.
     *
     * @throws DataException if it is more than one, which no text comes in
     */
    int fixedBatch() {
        long batch = ids == null ? 0 : ids.type.sizes().getFirst();
        if (batch > 1) {
            throw new DataException(what + " only takes " + batch
                    + " sequences at a time; export it for any number of them (dynamic axes)");
        }
        return (int) Math.max(0, batch);
    }
}
