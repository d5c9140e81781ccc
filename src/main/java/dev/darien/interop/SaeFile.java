// SPDX-License-Identifier: Apache-2.0
package dev.darien.interop;

import dev.darien.data.DataException;
import dev.darien.data.TensorFile;
import dev.darien.device.Device;
import dev.darien.sae.Sae;
import dev.darien.sae.SaeFolder;
import dev.darien.sae.SaeLoader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * An SAE in a file or folder of any {@link SaeFormat}, recognised by its tensors and not by its name. Nothing in it is
 * ever run. Close it when the SAE is loaded.
 *
 * {@snippet :
 * try (SaeFile file = SaeFile.open(Path.of("ae.pt"));
 *         Sae sae = file.load(device)) {
 *     …
 * }
 * }
 */
public final class SaeFile implements AutoCloseable {
    private static final List<String> USUAL_NAMES = List.of(".safetensors", ".pt", ".pth", ".npz");

    private final Path path;
    private final Candidate candidate;
    private final SaeFormat format;
    private final ReadAs as;
    private @Nullable SaeLoader loader;

    private SaeFile(Path path, Candidate candidate, SaeFormat format, ReadAs as) {
        this.path = path;
        this.candidate = candidate;
        this.format = format;
        this.as = as;
    }

    /**
     * Opens a file with weights, or a folder with one.
     *
     * @throws DataException if there is none, or several, or it isn't clear what it is; says which option settles it
     */
    public static SaeFile open(Path path) {
        return open(path, null);
    }

    /**
     * As {@link #open(Path)}, where the file alone doesn't say what it is.
     *
     * @param as one of {@link #names()}, or a format and a rule as {@code dictionary-learning:topk}; null for nothing
     * @throws IllegalArgumentException if it is none of them
     */
    public static SaeFile open(Path path, @Nullable String as) {
        ReadAs readAs = as == null
                ? ReadAs.NOTHING
                : ReadAs.parse(as)
                        .orElseThrow(() -> new IllegalArgumentException(
                                "'" + as + "' is not one of " + String.join(", ", names())));
        return Files.isDirectory(path) ? openFolder(path, readAs) : openFile(path, readAs);
    }

    /** What {@code as} can be: formats, then selection rules. */
    public static List<String> names() {
        return ReadAs.names();
    }

    /** Whether {@code as} says something: one of {@link #names()}, or a format and a rule. */
    public static boolean isName(String as) {
        return ReadAs.parse(as).isPresent();
    }

    /** The formats that a file may be in, by its tensors; none if it is no SAE. */
    public static List<SaeFormat> formats(TensorFile file) {
        return formats(new Candidate(file), ReadAs.NOTHING);
    }

    private static SaeFile openFile(Path path, ReadAs as) {
        TensorFile file = TensorFile.open(path);
        try {
            Candidate candidate = new Candidate(file);
            List<SaeFormat> formats = formats(candidate, as);
            if (formats.isEmpty()) {
                throw new DataException(path + " is a " + file.kind() + " file, but not an SAE of a format that Darien"
                        + " knows: it holds " + describe(candidate));
            }
            return new SaeFile(path, candidate, only(path, formats), as);
        } catch (RuntimeException | Error e) {
            file.close();
            throw e;
        }
    }

    private static String describe(Candidate candidate) {
        String tensors = candidate.tensors().values().stream()
                .limit(12)
                .map(tensor -> (tensor.name().isEmpty() ? "an array" : tensor.name()) + " " + tensor.describe())
                .collect(Collectors.joining(", "));
        return tensors.isEmpty() ? "no tensors at its top" : tensors;
    }

    private static List<SaeFormat> formats(Candidate candidate, ReadAs as) {
        @Nullable SaeFormat wanted = as.format();
        return wanted != null
                ? List.of(wanted)
                : Arrays.stream(SaeFormat.values())
                        .filter(format -> format.reader().recognises(candidate))
                        .toList();
    }

    private static SaeFormat only(Path path, List<SaeFormat> formats) {
        if (formats.size() > 1) {
            throw new DataException(path + " may be of several formats; settle it with "
                    + formats.stream().map(format -> "--as " + format.id()).collect(Collectors.joining(" or ")));
        }
        return formats.getFirst();
    }

    // ----------------------------------------------------------------------------------------------------- folders

    private static SaeFile openFolder(Path folder, ReadAs as) {
        List<DataException> failures = new ArrayList<>();
        List<SaeFile> found = search(folder, as, failures);
        if (found.isEmpty() && Files.exists(folder.resolve("hyperparams.json"))) {
            found = search(folder.resolve("checkpoints"), as, failures);
        }
        if (found.size() == 1) {
            return found.getFirst();
        }
        found.forEach(SaeFile::close);
        if (found.size() > 1) {
            throw new DataException(folder + " holds several SAEs; name one of them: "
                    + found.stream()
                            .map(file ->
                                    String.valueOf(file.candidate.file().path().getFileName()))
                            .collect(Collectors.joining(", ")));
        }
        if (!failures.isEmpty()) {
            throw failures.getFirst();
        }
        if (Files.exists(folder.resolve(SaeFolder.CONFIGURATION))) {
            // Says what is wrong with the configuration, or that there are no weights.
            SaeFolder.requireConfiguration(folder.resolve(SaeFolder.CONFIGURATION));
            TensorFile.open(folder.resolve(SaeFolder.WEIGHTS)).close();
        }
        throw new DataException(folder + " holds no SAE: neither " + SaeFolder.CONFIGURATION + " with "
                + SaeFolder.WEIGHTS
                + " nor a file with the tensors of another format that Darien knows; name the file or"
                + " folder with the weights");
    }

    /** The SAEs among the files of a folder; what is wrong with those that are called like weights. */
    private static List<SaeFile> search(Path folder, ReadAs as, List<DataException> failures) {
        List<SaeFile> found = new ArrayList<>();
        for (Path file : files(folder)) {
            try {
                found.addAll(recognised(file, as));
            } catch (DataException e) {
                if (USUAL_NAMES.stream().anyMatch(file.toString()::endsWith)) {
                    failures.add(e);
                }
            } catch (RuntimeException | Error e) {
                found.forEach(SaeFile::close);
                throw e;
            }
        }
        return found;
    }

    private static List<SaeFile> recognised(Path path, ReadAs as) {
        TensorFile file = TensorFile.open(path);
        try {
            Candidate candidate = new Candidate(file);
            // A format that was asked for doesn't make an SAE of every file in the folder.
            List<SaeFormat> formats = formats(candidate, ReadAs.NOTHING);
            if (as.format() != null && (formats.contains(as.format()) || looksLikeWeights(candidate))) {
                return List.of(new SaeFile(path, candidate, as.format(), as));
            }
            if (as.format() == null && !formats.isEmpty()) {
                return List.of(new SaeFile(path, candidate, only(path, formats), as));
            }
        } catch (RuntimeException | Error e) {
            file.close();
            throw e;
        }
        file.close();
        return List.of();
    }

    private static boolean looksLikeWeights(Candidate candidate) {
        return candidate.tensors().keySet().stream()
                .anyMatch(name -> name.equalsIgnoreCase("W_enc") || name.equals("encoder.weight"));
    }

    private static List<Path> files(Path folder) {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> inside = Files.list(folder)) {
            return inside.filter(Files::isRegularFile).sorted().toList();
        } catch (IOException e) {
            throw new DataException("the folder " + folder + " can't be read: " + e.getMessage(), e);
        }
    }

    // ------------------------------------------------------------------------------------------------------ the SAE

    /** What was opened. */
    public Path path() {
        return path;
    }

    /** The format that it is in. */
    public SaeFormat format() {
        return format;
    }

    /** The configuration beside the weights, as it is; empty if there is none. */
    public Map<String, Object> configuration() {
        return Stream.of("cfg.json", "config.json", "hyperparams.json")
                .flatMap(name -> candidate.json(name).stream())
                .findFirst()
                .orElse(Map.of());
    }

    /** The file with the weights. */
    public TensorFile weights() {
        return candidate.file();
    }

    /**
     * What the file describes, and what had to be folded.
     *
     * @throws DataException if something is missing, or Darien can't compute it; says what
     */
    public SaeLoader read() {
        if (loader == null) {
            loader = format.reader().read(candidate, as);
        }
        return loader;
    }

    /**
     * The SAE on {@code device}; the caller closes it.
     *
     * @throws DataException as {@link #read()}
     */
    public Sae load(Device device) {
        return read().load(device);
    }

    @Override
    public void close() {
        candidate.file().close();
    }
}
