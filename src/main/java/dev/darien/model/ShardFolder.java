// SPDX-License-Identifier: Apache-2.0
package dev.darien.model;

import dev.darien.data.ActivationSource;
import dev.darien.data.ActivationSources;
import dev.darien.data.DataException;
import dev.darien.data.JsonFile;
import dev.darien.data.MappedFile;
import dev.darien.data.SafetensorsFile;
import dev.darien.data.SafetensorsWriter;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The folder of a collection: shards, each complete, and a record of what they are of. A collection that was broken off
 * goes on behind the last shard, if it is of the same things.
 */
final class ShardFolder {
    static final String RECORD = "collect.json";

    private static final String FIRST = "first_sequence";
    private static final String COUNT = "sequences";
    private static final String FINISHED = "finished";
    private static final String OF = "of";
    /** Tensors with a number for each activation. */
    private static final List<String> PER_TOKEN = List.of("tokens", "targets", "sequences");

    private final Path folder;
    private final Map<String, Object> of;
    private final List<Path> shards = new ArrayList<>();
    private long sequences;
    private long tokens;
    private boolean finished;

    private ShardFolder(Path folder, Map<String, Object> of) {
        this.folder = folder;
        this.of = of;
    }

    /**
     * Opens or makes the folder.
     *
     * @param of what is collected from what, as JSON has it
     * @param resume whether to go on with what is there; otherwise what an earlier collection left is removed
     * @throws DataException if what is there is of something else, or the folder can't be written
     */
    static ShardFolder open(Path folder, Map<String, Object> of, boolean resume) {
        ShardFolder opened = new ShardFolder(folder, of);
        try {
            Files.createDirectories(folder);
        } catch (IOException e) {
            throw new DataException(
                    "the folder " + folder + " can't be made: " + MappedFile.reason(e) + "; name another", e);
        }
        if (resume && Files.exists(folder.resolve(RECORD))) {
            opened.goOn();
        } else {
            opened.removeShards(0);
            opened.record(Map.of());
        }
        return opened;
    }

    private void goOn() {
        Map<String, Object> record = JsonFile.read(folder.resolve(RECORD));
        // Through JSON and back, so that numbers are of the same types.
        Map<String, Object> wanted = JsonFile.parse(JsonFile.line(of), "the options");
        if (!(record.get(OF) instanceof Map<?, ?> before)) {
            throw new DataException(folder.resolve(RECORD) + " isn't the record of a collection; name another folder");
        }
        wanted.forEach((key, value) -> {
            if (!value.equals(before.get(key))) {
                throw new DataException(folder + " holds a collection with " + key + " " + before.get(key) + ", not "
                        + value + "; go on with the same, or collect anew without --resume");
            }
        });
        finished = Boolean.TRUE.equals(record.get(FINISHED));
        while (Files.exists(shard(shards.size())) && takeShard(shard(shards.size()))) {
            // Each adds itself.
        }
        if (!finished) {
            removeShards(shards.size());
        }
    }

    private boolean takeShard(Path path) {
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            Matrix activations = file.matrix("activations");
            boolean whole = String.valueOf(sequences).equals(file.metadata().get(FIRST))
                    && activations.columns() > 0
                    && PER_TOKEN.stream().allMatch(name -> isPerToken(file.matrix(name), activations.rows()));
            if (!whole) {
                return false;
            }
            sequences += Long.parseLong(file.metadata().getOrDefault(COUNT, ""));
            tokens += activations.rows();
            shards.add(path);
            return true;
        } catch (DataException | NumberFormatException damaged) {
            return false;
        }
    }

    private static boolean isPerToken(Matrix numbers, long tokens) {
        return numbers.dtype() == DType.I32 && numbers.rows() == 1 && numbers.columns() == tokens;
    }

    private Path shard(int number) {
        return folder.resolve("shard-%05d.safetensors".formatted(number));
    }

    private void removeShards(int from) {
        try {
            for (int number = from; Files.deleteIfExists(shard(number)); number++) {
                finished = false;
            }
        } catch (IOException e) {
            throw new DataException("old files in " + folder + " can't be removed: " + MappedFile.reason(e), e);
        }
    }

    private void record(Map<String, Object> result) {
        Map<String, Object> record = new LinkedHashMap<>();
        record.put(OF, of);
        record.put(FINISHED, finished);
        record.putAll(result);
        JsonFile.write(folder.resolve(RECORD), record);
    }

    /** Whether all has been collected. */
    boolean isFinished() {
        return finished;
    }

    /** How many sequences the shards have. */
    long sequences() {
        return sequences;
    }

    /** How many activations the shards have. */
    long tokens() {
        return tokens;
    }

    int shards() {
        return shards.size();
    }

    /** Writes the next shard. */
    void add(Chunk chunk, Map<String, String> metadata) {
        SafetensorsWriter writer = new SafetensorsWriter();
        metadata.forEach(writer::metadata);
        writer.metadata(FIRST, String.valueOf(sequences))
                .metadata(COUNT, String.valueOf(chunk.sequences().size()));
        Path path = shard(shards.size());
        chunk.write(writer, path);
        shards.add(path);
        sequences += chunk.sequences().size();
        tokens += chunk.rows();
    }

    /** Notes that nothing is missing. */
    void finish(Map<String, Object> result) {
        finished = true;
        record(result);
    }

    /** Makes one file of all shards. */
    void joinInto(Path file, Map<String, String> metadata) {
        if (tokens > Integer.MAX_VALUE - 8) {
            throw new DataException("the " + tokens + " activations in " + folder
                    + " are more than one file takes; use the folder as it is");
        }
        List<SafetensorsFile> files = new ArrayList<>();
        try (Arena arena = Arena.ofShared();
                ActivationSource activations = ActivationSources.open(shards, "activations")) {
            shards.forEach(path -> files.add(SafetensorsFile.open(path)));
            SafetensorsWriter writer = new SafetensorsWriter();
            metadata.forEach(writer::metadata);
            rows(writer, "activations", activations);
            for (String name : PER_TOKEN) {
                Matrix all = Matrix.of(arena.allocate(tokens * Integer.BYTES), DType.I32, 1, Math.toIntExact(tokens));
                int at = 0;
                for (SafetensorsFile shard : files) {
                    Matrix part = shard.matrix(name);
                    for (int i = 0; i < part.columns(); i++) {
                        all.setLong(0, at++, part.getLong(0, i));
                    }
                }
                writer.tensor(name, all, tokens);
            }
            if (files.getFirst().tensors().containsKey("gradients")) {
                try (ActivationSource gradients = ActivationSources.open(shards, "gradients")) {
                    rows(writer, "gradients", gradients);
                    writer.write(file);
                }
            } else {
                writer.write(file);
            }
        } finally {
            files.forEach(SafetensorsFile::close);
        }
    }

    private static void rows(SafetensorsWriter writer, String name, ActivationSource source) {
        writer.rows(
                name,
                source.dtype(),
                source.rows(),
                source.width(),
                (first, rows) -> source.read(first, rows.intRows(), rows));
    }

    /** Removes what was written here, and the folder if nothing else is in it. */
    void remove() {
        removeShards(0);
        try {
            Files.deleteIfExists(folder.resolve(RECORD));
            Files.deleteIfExists(folder);
        } catch (IOException e) {
            System.getLogger(ShardFolder.class.getName())
                    .log(System.Logger.Level.WARNING, folder + " can't be removed: " + MappedFile.reason(e));
        }
    }
}
