// SPDX-License-Identifier: Apache-2.0
package dev.darien.interop;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** The formats that SAEs are kept in. */
public enum SaeFormat {
    /** SAELens, versions 5 and 6; Darien's own. */
    SAE_LENS("sae-lens", "SAELens", new SaeLensFormat()),
    /** EleutherAI's sparsify. */
    SPARSIFY("sparsify", "sparsify", new SparsifyFormat()),
    /** dictionary_learning. */
    DICTIONARY_LEARNING("dictionary-learning", "dictionary_learning", new DictionaryLearningFormat()),
    /** Gemma Scope's npz files, and the like. */
    NPZ("npz", "Gemma Scope (npz)", new NpzFormat(false)),
    /** Gemma Scope's npz files for the embedding, whose inputs are √d times smaller. */
    NPZ_EMBEDDING("npz-embedding", "Gemma Scope (npz, embedding)", new NpzFormat(true)),
    /** Gemma Scope 2. */
    GEMMA_SCOPE_2("gemma-scope-2", "Gemma Scope 2", new GemmaScope2Format()),
    /** Llama Scope. */
    LLAMA_SCOPE("llama-scope", "Llama Scope", new LlamaScopeFormat()),
    /** OpenAI's sparse_autoencoder. */
    OPENAI("openai", "OpenAI's sparse_autoencoder", new OpenAiFormat()),
    /** The BatchTopK and matryoshka_sae repositories of Bussmann et al. */
    BUSSMANN("bussmann", "BatchTopK / matryoshka_sae", new BussmannFormat());

    private final String id;
    private final String title;

    @SuppressWarnings("ImmutableEnumChecker") // Readers have no state.
    private final FormatReader reader;

    SaeFormat(String id, String title, FormatReader reader) {
        this.id = id;
        this.title = title;
        this.reader = reader;
    }

    /** The name that {@code --as} and {@code --to} take. */
    public String id() {
        return id;
    }

    /** What people call it. */
    public String title() {
        return title;
    }

    /** Whether Darien writes it. */
    public boolean isWritten() {
        return reader instanceof FormatWriter && this != NPZ_EMBEDDING;
    }

    /** The formats that Darien writes. */
    public static List<SaeFormat> written() {
        return Arrays.stream(values()).filter(SaeFormat::isWritten).toList();
    }

    /** The format of this {@link #id}. */
    public static Optional<SaeFormat> named(String id) {
        return Arrays.stream(values()).filter(format -> format.id.equals(id)).findFirst();
    }

    FormatReader reader() {
        return reader;
    }

    FormatWriter writer() {
        if (isWritten() && reader instanceof FormatWriter writer) {
            return writer;
        }
        throw new IllegalArgumentException(id + " is read only");
    }
}
