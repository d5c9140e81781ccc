// SPDX-License-Identifier: Apache-2.0
package dev.darien.ensemble;

import dev.darien.data.DataException;
import dev.darien.data.JsonFile;
import dev.darien.device.Device;
import dev.darien.memory.Closing;
import dev.darien.sae.Sae;
import dev.darien.sae.SaeFolder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** An ensemble as a folder of folders: {@code member-0}, {@code member-1}, …, and {@code darien.json}. */
public final class EnsembleFolder {
    /** The file that makes the folder an ensemble. */
    public static final String RECORD = "darien.json";

    private static final String ENTRY = "ensemble";
    private static final String KIND = "kind";
    private static final String MEMBERS = "members";
    /** More is a mistake, or an attack on memory. */
    private static final int MOST = 10_000;

    private EnsembleFolder() {}

    /** Name of the folder of a member. */
    public static String memberName(int member) {
        return "member-" + member;
    }

    /** What {@code darien.json} has to say of an ensemble, under {@code ensemble}. */
    public static Map<String, Object> entry(EnsembleKind kind, int members) {
        Map<String, Object> entry = new LinkedHashMap<>();
        entry.put(KIND, kind.id());
        entry.put(MEMBERS, members);
        return Map.of(ENTRY, entry);
    }

    /** Whether {@code folder} says that it holds an ensemble. */
    static boolean isEnsemble(Path folder) {
        Path record = folder.resolve(RECORD);
        // The record beside an SAE has no say in what that is, and need not be readable.
        return Files.isRegularFile(record)
                && !Files.exists(folder.resolve(SaeFolder.CONFIGURATION))
                && JsonFile.read(record).containsKey(ENTRY);
    }

    static void save(Ensemble ensemble, Path folder) {
        for (int at = 0; at < ensemble.members().size(); at++) {
            ensemble.members().get(at).save(folder.resolve(memberName(at)));
        }
        JsonFile.write(
                folder.resolve(RECORD),
                entry(ensemble.kind(), ensemble.members().size()));
    }

    static Ensemble load(Path folder, Device device) {
        Path record = folder.resolve(RECORD);
        if (!isEnsemble(folder)) {
            throw new DataException(folder + " holds no ensemble: there is no " + RECORD + " that says so");
        }
        if (!(JsonFile.read(record).get(ENTRY) instanceof Map<?, ?> entry)) {
            throw new DataException(record + ": " + ENTRY + " is not an object with " + KIND + " and " + MEMBERS);
        }
        EnsembleKind kind = kind(record, entry.get(KIND));
        if (!(entry.get(MEMBERS) instanceof Integer count) || count < 1 || count > MOST) {
            throw new DataException(record + ": " + MEMBERS + " is " + entry.get(MEMBERS)
                    + ", not a number of members from 1 to " + MOST);
        }
        return load(folder, kind, count, device);
    }

    /**
     * As {@link Ensemble#load} of a folder that has no record yet.
     *
     * @throws DataException if a member is missing or doesn't fit; says which
     */
    public static Ensemble load(Path folder, EnsembleKind kind, int count, Device device) {
        List<Sae> members = new ArrayList<>();
        try {
            for (int at = 0; at < count; at++) {
                Path member = folder.resolve(memberName(at));
                if (!Files.isDirectory(member)) {
                    throw new DataException(
                            folder + " should hold " + count + " members, but there is no " + memberName(at));
                }
                members.add(Sae.load(member, device));
            }
            return Ensemble.of(kind, members);
        } catch (IllegalArgumentException e) {
            members.forEach(member -> Closing.after(e, member));
            throw new DataException("the members in " + folder + " are no ensemble: " + e.getMessage(), e);
        } catch (RuntimeException | Error e) {
            members.forEach(member -> Closing.after(e, member));
            throw e;
        }
    }

    private static EnsembleKind kind(Path record, @Nullable Object id) {
        return Arrays.stream(EnsembleKind.values())
                .filter(kind -> kind.id().equals(id))
                .findFirst()
                .orElseThrow(() -> new DataException(record + ": the ensemble's kind is '" + id + "', not "
                        + Arrays.stream(EnsembleKind.values())
                                .map(EnsembleKind::id)
                                .collect(Collectors.joining(" or "))));
    }
}
