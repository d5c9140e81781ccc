// SPDX-License-Identifier: Apache-2.0
package dev.darien.interop;

import dev.darien.data.DataException;
import dev.darien.data.FilesAside;
import dev.darien.sae.Mapping;
import dev.darien.sae.Sae;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/** Writes SAEs in the formats of other projects: whole, or not at all. */
public final class SaeExport {
    /** What {@code darien train} leaves beside an SAE, and what isn't true of another. */
    private static final String RECORD = "darien.json";

    private SaeExport() {}

    /**
     * Writes {@code sae} to {@code out}, a folder, or a file for {@link SaeFormat#NPZ}. It is written aside and renamed.
     * What the format has no field for is folded into the weights.
     *
     * @param overwrite replaces an SAE that is there; other files in the folder stay
     * @return sentences on what was folded
     * @throws DataException if the format can't express the SAE, something is there already, or it can't be written;
     *     nothing has changed then
     * @throws IllegalArgumentException if Darien doesn't write the format
     */
    public static List<String> write(Sae sae, SaeFormat format, Path out, boolean overwrite) {
        FormatWriter writer = format.writer();
        if (!(sae.mapping() instanceof Mapping.Identity) && format != SaeFormat.SAE_LENS) {
            throw new DataException("a " + sae.mapping() + " can't be written as " + format.id()
                    + ", which has only autoencoders of one tensor; write it as " + SaeFormat.SAE_LENS.id());
        }
        requireFree(format, out, overwrite);
        try {
            if (writer.files().isEmpty()) {
                return writer.write(sae, out);
            }
            Path aside = aside(out);
            try {
                List<String> notes = writer.write(sae, aside);
                install(aside, out, writer.files());
                return notes;
            } finally {
                remove(aside);
            }
        } catch (IOException e) {
            throw new DataException(
                    out + " can't be written: " + reason(e) + "; free space or choose another place", e);
        }
    }

    /**
     * Fails if something is where the SAE is to go.
     *
     * @throws DataException as {@link #write}
     */
    public static void requireFree(SaeFormat format, Path out, boolean overwrite) {
        boolean file = format.writer().files().isEmpty();
        if (file && (Files.isDirectory(out) || out.getFileName() == null)) {
            throw new DataException(out + " is a folder, but " + format.id() + " is one file; name a file in it");
        }
        if (file && Files.exists(out) && !overwrite) {
            throw new DataException(out + " exists already; add --overwrite to replace it, or name another file");
        }
        if (!file && Files.exists(out) && !Files.isDirectory(out)) {
            throw new DataException(out + " is a file, but " + format.id() + " is a folder; name another place");
        }
        if (!file && !overwrite && !isEmpty(out)) {
            throw new DataException(
                    out + " isn't empty; add --overwrite to replace the SAE in it, or name another folder");
        }
        Path parent = out.toAbsolutePath().getParent();
        if (parent != null && !Files.isDirectory(parent)) {
            throw new DataException("the folder " + parent + " doesn't exist; create it, or name another place");
        }
    }

    private static boolean isEmpty(Path folder) {
        if (!Files.isDirectory(folder)) {
            return true;
        }
        try (Stream<Path> inside = Files.list(folder)) {
            return inside.findAny().isEmpty();
        } catch (IOException e) {
            throw new DataException("the folder " + folder + " can't be read: " + reason(e), e);
        }
    }

    private static Path aside(Path out) throws IOException {
        Path folder = out.toAbsolutePath().normalize();
        FilesAside.removeAbandoned(folder);
        return Files.createDirectory(FilesAside.of(folder));
    }

    /** Puts the folder, or its files one by one, in place; the configuration, which makes them an SAE, last. */
    private static void install(Path aside, Path out, List<String> files) throws IOException {
        if (isEmpty(out)) {
            Files.deleteIfExists(out);
            Files.move(aside, out, StandardCopyOption.ATOMIC_MOVE);
            return;
        }
        for (String stale : staleFirst()) {
            Files.deleteIfExists(out.resolve(stale));
        }
        for (String file : files) {
            Files.move(aside.resolve(file), out.resolve(file), StandardCopyOption.ATOMIC_MOVE);
        }
    }

    /** All that any format is made of, configurations first: half removed, it is no SAE any more. */
    private static Set<String> staleFirst() {
        Set<String> names = new LinkedHashSet<>(List.of(RECORD));
        SaeFormat.written()
                .forEach(format -> names.addAll(format.writer().files().reversed()));
        return names;
    }

    private static void remove(Path folder) throws IOException {
        if (!Files.exists(folder)) {
            return;
        }
        try (Stream<Path> inside = Files.list(folder)) {
            for (Path file : inside.toList()) {
                Files.deleteIfExists(file);
            }
        }
        Files.deleteIfExists(folder);
    }

    private static String reason(IOException e) {
        if (e instanceof AccessDeniedException) {
            return "permission denied";
        }
        String reason = e instanceof FileSystemException system ? system.getReason() : e.getMessage();
        return reason == null ? "the system gave no reason" : reason;
    }
}
