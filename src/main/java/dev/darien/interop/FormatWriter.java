// SPDX-License-Identifier: Apache-2.0
package dev.darien.interop;

import dev.darien.sae.Sae;
import java.nio.file.Path;
import java.util.List;

/** Writes a format, too. */
sealed interface FormatWriter extends FormatReader
        permits DictionaryLearningFormat, NpzFormat, SaeLensFormat, SparsifyFormat {

    /** Names of the files that it writes into a folder, the one that makes it whole last; empty if it writes one file. */
    List<String> files();

    /**
     * Writes {@code sae} to {@code out}, an empty folder or a file that isn't there.
     *
     * @return sentences on what was folded
     * @throws dev.darien.data.DataException if the format can't express it; says why
     */
    List<String> write(Sae sae, Path out);
}
