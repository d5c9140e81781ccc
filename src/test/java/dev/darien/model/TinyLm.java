// SPDX-License-Identifier: Apache-2.0
package dev.darien.model;

import java.nio.file.Path;

/** The small language model among the samples: characters, 4 blocks, width 128, always 64 tokens. */
final class TinyLm {
    static final Path MODEL = Path.of("samples", "tiny-lm.onnx");
    static final Path GRADIENT = Path.of("samples", "tiny-lm-gradient.onnx");
    static final Path TOKENIZER = Path.of("samples", "tiny-lm-tokenizer.json");
    static final Path TEXT = Path.of("samples", "tiny-lm-heldout.txt");
    /** The residual stream after block 2 of 4. */
    static final String HOOK = "residual";

    static final int WIDTH = 128;
    static final int CONTEXT = 64;
    static final int CHARACTERS = 65;

    private TinyLm() {}
}
