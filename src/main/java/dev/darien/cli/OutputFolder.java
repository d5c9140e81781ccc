// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import dev.darien.data.DataException;
import dev.darien.train.MetricsFileListener;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The folder of a run. It is made when there is something to put into it, and is as it was if nothing came of the run.
 * Only files that Darien writes are ever removed.
 */
final class OutputFolder {
    static final String CONFIGURATION = "cfg.json";
    static final String WEIGHTS = "sae_weights.safetensors";
    static final String RECORD = "darien.json";
    static final String REPORT = "report.html";
    static final String CHECKPOINTS = "checkpoints";

    private static final Set<String> OURS =
            Set.of(CONFIGURATION, WEIGHTS, RECORD, REPORT, MetricsFileListener.LINES, MetricsFileListener.TABLE);
    private static final Pattern MANIFEST = Pattern.compile("step-(\\d{1,18})\\.json");
    private static final Pattern CHECKPOINT = Pattern.compile("step-\\d+\\.(json|safetensors)");
    /** What a process that was killed while it wrote a file left beside it. */
    private static final Pattern ASIDE = Pattern.compile("\\..+\\.\\d+-[0-9a-f]+\\.tmp");

    private final Path folder;
    private final List<Path> created = new ArrayList<>();

    private OutputFolder(Path folder) {
        this.folder = folder;
    }

    /**
     * Looks at the folder without touching it.
     *
     * @throws UsageException if something is there that was asked neither to be gone on with nor to be replaced
     */
    static OutputFolder of(Path folder, boolean resume, boolean overwrite) {
        if (Files.exists(folder) && !Files.isDirectory(folder)) {
            throw new UsageException(folder + " is a file; name a folder with --out");
        }
        if (!resume && !overwrite && Files.isDirectory(folder) && !list(folder).isEmpty()) {
            throw new UsageException(folder + " isn't empty; add --resume to go on with the run in it, --overwrite to"
                    + " replace it, or name another folder with --out");
        }
        return new OutputFolder(folder);
    }

    Path path() {
        return folder;
    }

    Path run(String name) {
        return name.isEmpty() ? folder : folder.resolve(name);
    }

    Path checkpoints(String name) {
        return folder.resolve(CHECKPOINTS).resolve(name);
    }

    /**
     * Makes the folder and those of runs below it, and makes sure that it can be written to.
     *
     * @throws DataException if it can't; nothing has been created then
     */
    void create(List<String> runs) {
        try {
            make(folder.toAbsolutePath());
            for (String run : runs) {
                make(run(run).toAbsolutePath());
            }
            Files.delete(Files.createTempFile(folder, ".darien", ".tmp"));
        } catch (IOException e) {
            removeCreated();
            throw new DataException(
                    "the folder " + folder + " can't be written to: " + reason(e) + "; name another with --out", e);
        }
    }

    private void make(Path path) throws IOException {
        if (Files.isDirectory(path)) {
            return;
        }
        Path parent = path.getParent();
        if (parent != null) {
            make(parent);
        }
        try {
            Files.createDirectory(path);
            created.add(path);
        } catch (FileAlreadyExistsException e) {
            if (!Files.isDirectory(path)) {
                throw e;
            }
        }
    }

    private static String reason(IOException e) {
        return switch (e) {
            case AccessDeniedException denied -> "permission denied";
            case FileAlreadyExistsException file -> file.getFile() + " is a file";
            case NoSuchFileException missing -> "its parent can't hold folders";
            case FileSystemException other ->
                other.getReason() != null ? other.getReason() : String.valueOf(other.getMessage());
            default -> String.valueOf(e.getMessage());
        };
    }

    /** Whether a checkpoint of an unfinished run is here. */
    boolean hasCheckpoint() {
        return !checkpointedRuns().isEmpty();
    }

    /** Names of the SAEs that have checkpoints here; the empty name is that of an only one. */
    Set<String> checkpointedRuns() {
        Set<String> names = new LinkedHashSet<>();
        Path checkpoints = folder.resolve(CHECKPOINTS);
        if (Files.isDirectory(checkpoints)) {
            if (holdsManifest(checkpoints)) {
                names.add("");
            }
            list(checkpoints).stream()
                    .filter(inside -> Files.isDirectory(inside) && holdsManifest(inside))
                    .forEach(inside -> names.add(name(inside)));
        }
        return names;
    }

    private static boolean holdsManifest(Path path) {
        return !manifestSteps(path).isEmpty();
    }

    /** The newest step at which each of {@code runs} has a checkpoint, if there is one. */
    OptionalLong checkpointedStep(List<String> runs) {
        Set<Long> steps = new TreeSet<>(manifestSteps(checkpoints(runs.getFirst())));
        runs.forEach(run -> steps.retainAll(manifestSteps(checkpoints(run))));
        return steps.stream().mapToLong(Long::longValue).max();
    }

    private static Set<Long> manifestSteps(Path path) {
        Set<Long> steps = new TreeSet<>();
        if (Files.isDirectory(path)) {
            for (Path file : list(path)) {
                Matcher matcher = MANIFEST.matcher(name(file));
                if (matcher.matches()) {
                    steps.add(Long.parseLong(matcher.group(1)));
                }
            }
        }
        return steps;
    }

    /**
     * Removes what runs have left here: their files, checkpoints and folders, and nothing else. Another SAE that lives in
     * a folder below is not part of the run.
     *
     * @param runs names of the folders of the run that is to take this place
     */
    void clear(List<String> runs) {
        Set<String> all = new LinkedHashSet<>(runs);
        Path checkpoints = folder.resolve(CHECKPOINTS);
        if (isOwnFolder(checkpoints)) {
            list(checkpoints).stream().filter(OutputFolder::isOwnFolder).forEach(inside -> {
                all.add(name(inside));
                removeOurs(inside);
                removeIfEmpty(inside);
            });
            removeOurs(checkpoints);
            removeIfEmpty(checkpoints);
        }
        RunRecord.read(folder).ifPresent(record -> all.addAll(record.saeNames()));
        all.addAll(members());
        for (String run : all) {
            Path inside = folder.resolve(run).normalize();
            // A name out of a file is not to be trusted to stay inside.
            if (!run.isEmpty() && folder.normalize().equals(inside.getParent()) && isOwnFolder(inside)) {
                removeOurs(inside);
                removeIfEmpty(inside);
            }
        }
        if (Files.isDirectory(folder)) {
            removeOurs(folder);
        }
    }

    /** Finished members of an ensemble that isn't. */
    private List<String> members() {
        return !Files.isDirectory(folder)
                ? List.of()
                : list(folder).stream()
                        .filter(inside -> isOwnFolder(inside)
                                && name(inside).startsWith("member-")
                                && RunRecord.read(inside)
                                        .filter(record -> record.content().containsKey(RunRecord.MEMBER_OF))
                                        .isPresent())
                        .map(OutputFolder::name)
                        .toList();
    }

    /** A link to a folder elsewhere isn't ours. */
    private static boolean isOwnFolder(Path path) {
        return Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS);
    }

    private static void removeOurs(Path where) {
        for (Path file : list(where)) {
            String name = name(file);
            if (Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)
                    && (OURS.contains(name)
                            || CHECKPOINT.matcher(name).matches()
                            || ASIDE.matcher(name).matches())) {
                delete(file);
            }
        }
    }

    /** Removes what a killed process left half-written, and the folder of checkpoints, when the run is finished. */
    void tidy(List<String> runs) {
        removeIfEmpty(folder.resolve(CHECKPOINTS));
        Stream.concat(Stream.of(""), runs.stream()).distinct().map(this::run).forEach(run -> list(run).stream()
                .filter(file -> ASIDE.matcher(name(file)).matches())
                .forEach(OutputFolder::delete));
    }

    /** Puts everything back as it was, after a run that came to nothing. */
    void rollBack(List<String> runs) {
        clear(runs);
        removeCreated();
    }

    private void removeCreated() {
        created.reversed().forEach(OutputFolder::removeIfEmpty);
        created.clear();
    }

    private static void removeIfEmpty(Path path) {
        if (Files.isDirectory(path) && list(path).isEmpty()) {
            delete(path);
        }
    }

    private static void delete(Path path) {
        try {
            Files.deleteIfExists(path);
        } catch (IOException e) {
            throw new DataException(path + " can't be removed: " + reason(e), e);
        }
    }

    private static String name(Path path) {
        return String.valueOf(path.getFileName());
    }

    private static List<Path> list(Path path) {
        try (Stream<Path> inside = Files.list(path)) {
            return inside.sorted().toList();
        } catch (IOException e) {
            throw new DataException("the folder " + path + " can't be read: " + reason(e), e);
        }
    }
}
