// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import dev.darien.data.DataException;
import dev.darien.device.Device;
import dev.darien.ensemble.Ensemble;
import dev.darien.interop.SaeFile;
import dev.darien.sae.Autoencoder;
import dev.darien.sae.Mapping;
import dev.darien.sae.RowNormalization;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** How commands open the SAE that they are given, of whatever format. */
final class SaeInput {
    @Option(
            names = "--as",
            paramLabel = "NAME",
            description = "What the SAE is, where its files alone don't tell: a format (sae-lens, sparsify,"
                    + " dictionary-learning, npz, npz-embedding, gemma-scope-2, llama-scope, openai, bussmann), a rule"
                    + " (relu, topk, batchtopk, jumprelu, gated), or FORMAT:RULE.")
    private @Nullable String as;

    /** Opens it without reading it; says in what it is mistaken if {@code --as} is. */
    SaeFile file(Path path) {
        List<String> names = SaeFile.names();
        if (as != null && !SaeFile.isName(as)) {
            throw new UsageException("unknown --as '" + as + "'" + Suggestions.hint(as, names) + " (known: "
                    + String.join(", ", names) + ")");
        }
        return SaeFile.open(path, as);
    }

    /** Whether the files are to be taken for something in particular. */
    boolean isSettled() {
        return as != null;
    }

    /** The SAE on {@code device}; what was folded or guessed is said on the way. */
    Autoencoder load(Path path, Device device, Console console) {
        if (Ensemble.isEnsemble(path)) {
            if (as != null) {
                throw new UsageException("--as says what the files of a single SAE are, but " + path
                        + " holds an ensemble; leave it out");
            }
            return Ensemble.load(path, device);
        }
        try (SaeFile file = file(path)) {
            file.read().notes().forEach(note -> console.notice(path + ": " + note));
            return file.load(device);
        }
    }

    /** Codes of some SAEs don't say how large the activations were that they are made of. */
    static void requireDecodable(Autoencoder sae, Path path) {
        if (sae.mapping() instanceof Mapping.Transcoder transcoder && transcoder.skip()) {
            throw new DataException(
                    "the transcoder in " + path + " has a skip connection, and codes alone don't say what it"
                            + " adds; only evaluate, which has the activations, can use its reconstructions");
        }
        if (sae.normalization() != RowNormalization.NONE) {
            throw new DataException("the SAE in " + path + " normalises each activation vector ("
                    + sae.normalization().id() + "), and codes alone don't say how large each was; only evaluate, which"
                    + " has both, can use its reconstructions");
        }
    }
}
