// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * A file of tensors in any of the formats that models are kept in, told apart by content: safetensors, a PyTorch
 * archive ({@code .pt}), NumPy's {@code .npz} or {@code .npy}. It is mapped; nothing is read but what is asked for, and
 * nothing in it is ever run. Closing is idempotent and ends every tensor.
 */
public final class TensorFile implements AutoCloseable {
    /** How tensors are kept. */
    public enum Kind {
        SAFETENSORS("safetensors"),
        TORCH("PyTorch"),
        NPZ("npz"),
        NPY("npy");

        private final String text;

        Kind(String text) {
            this.text = text;
        }

        /** As people call it. */
        @Override
        public String toString() {
            return text;
        }
    }

    private static final int NAMES_IN_MESSAGES = 12;

    private final Path path;
    private final Kind kind;
    private final Map<String, Object> content;
    private final Map<String, String> metadata;
    private final Runnable close;

    private TensorFile(
            Path path, Kind kind, Map<String, Object> content, Map<String, String> metadata, Runnable close) {
        this.path = path;
        this.kind = kind;
        this.content = Collections.unmodifiableMap(content);
        this.metadata = Collections.unmodifiableMap(metadata);
        this.close = close;
    }

    /**
     * Maps {@code path}.
     *
     * @throws DataException if it can't be read, or isn't a sound file of one of these formats
     */
    public static TensorFile open(Path path) {
        MappedFile file = MappedFile.open(path);
        try {
            MemorySegment bytes = file.segment();
            if (NpyHeader.hasMagic(bytes)) {
                Map<String, Object> content = Map.of(
                        "", NpzFile.array(path.toString(), "", bytes, TensorBytes.mapped(bytes), bytes.byteSize()));
                return new TensorFile(path, Kind.NPY, content, Map.of(), file::close);
            }
            if (ZipDirectory.hasMagic(bytes)) {
                ZipDirectory zip = ZipDirectory.parse(path, bytes);
                return TorchFile.isOne(zip)
                        ? new TensorFile(path, Kind.TORCH, TorchFile.content(zip), Map.of(), file::close)
                        : new TensorFile(path, Kind.NPZ, NpzFile.content(zip), NpzFile.metadata(zip), file::close);
            }
            TorchFile.refuseOldFormat(path, bytes);
        } catch (RuntimeException | Error e) {
            file.close();
            throw e;
        }
        file.close();
        return safetensors(path);
    }

    private static TensorFile safetensors(Path path) {
        SafetensorsFile file = SafetensorsFile.open(path);
        Map<String, Object> content = new LinkedHashMap<>();
        for (TensorInfo info : file.tensors().values()) {
            MemorySegment bytes = file.bytes(info.name());
            content.put(
                    info.name(),
                    Tensor.of(
                            path.toString(),
                            info.name(),
                            info.dtype(),
                            info.shape(),
                            null,
                            TensorBytes.mapped(bytes),
                            bytes.byteSize()));
        }
        return new TensorFile(path, Kind.SAFETENSORS, content, file.metadata(), file::close);
    }

    /** The file that was opened. */
    public Path path() {
        return path;
    }

    /** What it was told to be. */
    public Kind kind() {
        return kind;
    }

    /**
     * Everything in the file by name: a {@link Tensor}, and in a PyTorch archive also a {@link String}, {@link Long},
     * {@link Double}, {@link Boolean}, or a list or a map of such. Unmodifiable.
     */
    public Map<String, Object> content() {
        return content;
    }

    /** The tensors at the top, in the order of the file. */
    public Map<String, Tensor> tensors() {
        return tensorsOf(content);
    }

    /**
     * One tensor at the top.
     *
     * @throws DataException if there is no such tensor; says which there are
     */
    public Tensor tensor(String name) {
        return tensor(content, name, path.toString());
    }

    /**
     * One tensor among {@code entries}.
     *
     * @param where named in the message
     * @throws DataException if there is no such tensor; says which there are
     */
    public static Tensor tensor(Map<?, ?> entries, String name, String where) {
        if (entries.get(name) instanceof Tensor tensor) {
            return tensor;
        }
        Map<String, Tensor> there = tensorsOf(entries);
        throw new DataException(where + " has no tensor '" + name + "'; it holds "
                + (there.isEmpty() ? "no tensors at all" : listing(there)));
    }

    private static String listing(Map<String, Tensor> tensors) {
        String names = tensors.entrySet().stream()
                .limit(NAMES_IN_MESSAGES)
                .map(entry -> entry.getKey() + " " + entry.getValue().describe())
                .collect(Collectors.joining(", "));
        int more = tensors.size() - NAMES_IN_MESSAGES;
        return more > 0 ? names + " and " + more + " more" : names;
    }

    /** The tensors among {@code entries}. */
    public static Map<String, Tensor> tensorsOf(Map<?, ?> entries) {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        entries.forEach((name, value) -> {
            if (value instanceof Tensor tensor) {
                tensors.put(String.valueOf(name), tensor);
            }
        });
        return tensors;
    }

    /** Texts that the file carries beside its tensors; empty if it has none. */
    public Map<String, String> metadata() {
        return metadata;
    }

    @Override
    public void close() {
        close.run();
    }
}
