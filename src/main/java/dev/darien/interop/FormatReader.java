// SPDX-License-Identifier: Apache-2.0
package dev.darien.interop;

import dev.darien.sae.SaeLoader;

/** Knows one format: by which tensors it is recognised, and which role each of them plays. */
sealed interface FormatReader permits FormatWriter, BussmannFormat, GemmaScope2Format, LlamaScopeFormat, OpenAiFormat {

    /**
     * Whether the file may be of this format, by what is in it. If several say so the user has to tell; what a reader then
     * misses, it says itself.
     */
    boolean recognises(Candidate candidate);

    /**
     * What the file describes.
     *
     * @throws dev.darien.data.DataException if something is missing, or Darien can't compute it; says what
     */
    SaeLoader read(Candidate candidate, ReadAs as);
}
