// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;

/** Opens activation sources. */
public final class ActivationSources {
    /** The tensor that is read unless another is named. */
    public static final String DEFAULT_TENSOR = "activations";

    /** Between the name of a tensor and the file that it is in, where that is none of the data's. */
    private static final char ELSEWHERE = '@';

    /** Far above any model's width; buffers of a row are allocated on its strength. */
    private static final long WIDEST = 1 << 20;

    private ActivationSources() {}

    /**
     * Opens what the user named: one {@code synthetic:…} specification, or files and folders as in {@link #open}.
     *
     * @throws DataException if that isn't possible, with the reason
     */
    public static ActivationSource parse(List<String> arguments, String tensor) {
        if (arguments.stream().anyMatch(argument -> argument.startsWith(SyntheticSource.PREFIX))) {
            if (arguments.size() > 1) {
                throw new DataException("synthetic data can't be mixed with other data, but " + arguments
                        + " were given; name one specification alone");
            }
            return SyntheticSource.parse(arguments.getFirst());
        }
        List<Path> files = new ArrayList<>();
        for (String argument : arguments) {
            try {
                files.add(Path.of(argument));
            } catch (InvalidPathException e) {
                throw new DataException("'" + argument.replace('\0', ' ') + "' can't be the name of a file", e);
            }
        }
        return open(files, tensor);
    }

    /**
     * As {@link #parse(List, String)}, with several tensors of the same rows side by side, as {@link #open(List, List)} has
     * them. A tensor that is named {@code NAME@FILE} is read from that file, or folder, instead.
     *
     * @throws DataException also if several tensors of synthetic data are wanted, which has one
     */
    public static ActivationSource parse(List<String> arguments, List<String> tensors) {
        if (tensors.size() == 1) {
            return parse(arguments, tensors.getFirst());
        }
        List<String> here =
                tensors.stream().filter(tensor -> tensor.indexOf(ELSEWHERE) < 0).toList();
        for (String argument : arguments) {
            if (argument.startsWith(SyntheticSource.PREFIX) && here.size() > 1) {
                throw new DataException("synthetic data has no tensors but its activations, but "
                        + String.join(", ", here) + " were asked for; name files that hold them");
            }
        }
        return openJoined(tensors, tensor -> {
            int at = tensor.indexOf(ELSEWHERE);
            return at < 0
                    ? parse(arguments, tensor)
                    : parse(List.of(tensor.substring(at + 1)), tensor.substring(0, at));
        });
    }

    /**
     * Opens several tensors of the same files side by side, as one source whose width is the sum of theirs: the columns of
     * the first tensor come first. It is of their type, or F32 where they differ.
     *
     * @throws DataException if a file can't be read, has no such tensor, or not as many rows of each
     */
    public static ActivationSource open(List<Path> files, List<String> tensors) {
        return tensors.size() == 1
                ? open(files, tensors.getFirst())
                : openJoined(tensors, tensor -> open(files, tensor));
    }

    /**
     * Sources of as many rows side by side, as one whose width is the sum of theirs. Closing it closes them; if there is an
     * exception they stay open.
     *
     * @throws DataException if they differ in the number of rows
     */
    public static ActivationSource join(List<ActivationSource> parts) {
        return parts.size() == 1 ? parts.getFirst() : new JoinedSource(parts);
    }

    /**
     * The activations of {@code tensor} with their gradients beside them: as {@link #parse(List, List)}, if both are of the
     * same width.
     *
     * @throws DataException if they aren't, or one is missing
     */
    public static ActivationSource parseWithGradients(List<String> arguments, String tensor, String gradients) {
        try (ActivationSource first = parse(arguments, tensor);
                ActivationSource second = first instanceof SyntheticSource ? first : parse(arguments, gradients)) {
            if (second.width() != first.width()) {
                throw new DataException(
                        "%s are of width %d, but %s of width %d; gradients need the shape of activations"
                                .formatted(second.describe(), second.width(), first.describe(), first.width()));
            }
        }
        return parse(arguments, List.of(tensor, gradients));
    }

    private static ActivationSource openJoined(List<String> tensors, Function<String, ActivationSource> opener) {
        List<ActivationSource> parts = new ArrayList<>();
        try {
            for (String tensor : tensors) {
                parts.add(opener.apply(tensor));
            }
            requireSameFiles(parts.stream()
                    .filter(part -> part instanceof MappedSource)
                    .map(MappedSource.class::cast)
                    .toList());
            return join(parts);
        } catch (RuntimeException | Error e) {
            parts.forEach(ActivationSource::close);
            throw e;
        }
    }

    /** Each file must have as many rows of each tensor, or what lies side by side wouldn't belong together. */
    private static void requireSameFiles(List<MappedSource> parts) {
        for (MappedSource other : parts) {
            MappedSource first = parts.getFirst();
            long[] starts = first.starts();
            long[] others = other.starts();
            for (int file = 0; starts.length == others.length && file + 1 < starts.length; file++) {
                requireSameRows(
                        first.describe(file),
                        starts[file + 1] - starts[file],
                        other.describe(file),
                        others[file + 1] - others[file]);
            }
        }
    }

    static void requireSameRows(String first, long rows, String other, long otherRows) {
        if (rows != otherRows) {
            throw new DataException("%s has %d rows, but %s has %d; both must hold the same tokens in the same order"
                    .formatted(first, rows, other, otherRows));
        }
    }

    /**
     * Activations that are in the host's memory already. The matrix stays the caller's: closing the source doesn't close
     * it.
     *
     * @param rows F32, F16 or BF16[tokens, d], of any stride
     * @param what they are, for messages
     * @throws IllegalArgumentException if the matrix is of another type or in a device's memory
     */
    public static ActivationSource of(Matrix rows, String what) {
        if (rows.dtype() != DType.F32 && rows.dtype() != DType.F16 && rows.dtype() != DType.BF16) {
            throw new IllegalArgumentException("activations are F32, F16 or BF16, not " + rows.shape());
        }
        if (!rows.isHost()) {
            throw new IllegalArgumentException(what + " " + rows.shape() + " is not in the host's memory; download it");
        }
        return new MappedSource(List.of(new Shard(what, rows, () -> {})));
    }

    /**
     * Opens safetensors and npy files as one source, in the order given; a folder stands for its {@code *.safetensors}
     * and {@code *.npy} files by name. The tensor is [tokens, d] or [sequences, context, d], of f32, f16 or bf16; files
     * must agree in width and type. Files are mapped, not copied, so they may be larger than memory.
     *
     * @throws DataException if a file can't be read or isn't what it should be
     */
    public static ActivationSource open(List<Path> files, String tensor) {
        List<Shard> shards = new ArrayList<>();
        try {
            for (Path file : files) {
                for (Path shard : Files.isDirectory(file) ? shardsIn(file) : List.of(file)) {
                    shards.add(openShard(shard, tensor));
                    requireAgreement(shards.getFirst(), shards.getLast());
                }
            }
            if (shards.isEmpty()) {
                throw new DataException("no data was named; give at least one .safetensors or .npy file");
            }
            return new MappedSource(shards);
        } catch (RuntimeException | Error e) {
            shards.forEach(Shard::close);
            throw e;
        }
    }

    private static List<Path> shardsIn(Path folder) {
        List<Path> found;
        try (Stream<Path> entries = Files.list(folder)) {
            found = entries.filter(Files::isRegularFile)
                    .filter(path -> path.getFileName().toString().matches("[^.].*\\.(safetensors|npy)"))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new DataException(
                    folder + " can't be listed: " + MappedFile.reason(e) + "; check its permissions", e);
        }
        if (found.isEmpty()) {
            throw new DataException(folder + " has no .safetensors or .npy files; name the files or another folder");
        }
        return found;
    }

    private static Shard openShard(Path file, String tensor) {
        boolean npy;
        try (MappedFile peek = MappedFile.open(file)) {
            npy = NpyHeader.hasMagic(peek.segment());
            if (peek.size() >= 4 && peek.segment().get(Matrix.INT, 0) == 0x04034B50) {
                throw new DataException(
                        file + " is a zip archive (an .npz or PyTorch file?); convert it to safetensors");
            }
        }
        return npy || file.toString().endsWith(".npy") ? openNpy(file, tensor) : openSafetensors(file, tensor);
    }

    private static Shard openSafetensors(Path path, String tensor) {
        SafetensorsFile file = SafetensorsFile.open(path);
        try {
            TensorInfo info = file.tensor(tensor);
            String what = path + ", tensor '" + tensor + "'";
            requireActivations(what, info.dtype(), info.shape());
            return new Shard(what, file.matrix(tensor), file::close);
        } catch (RuntimeException | Error e) {
            file.close();
            throw e;
        }
    }

    private static Shard openNpy(Path path, String tensor) {
        if (!tensor.equals(DEFAULT_TENSOR)) {
            throw new DataException(path + " holds one array without a name, so the tensor '" + tensor
                    + "' can't be found in it; put both in a safetensors file");
        }
        NpyFile file = NpyFile.open(path);
        try {
            requireActivations(path.toString(), file.dtype().name(), file.shape());
            return new Shard(path.toString(), file.matrix(), file::close);
        } catch (RuntimeException | Error e) {
            file.close();
            throw e;
        }
    }

    private static void requireActivations(String what, String dtype, List<Long> shape) {
        if (shape.size() != 2 && shape.size() != 3) {
            throw new DataException(what + " has the shape " + shape
                    + ", but activations must be [tokens, width] or [sequences, context, width]; reshape it");
        }
        if (shape.contains(0L)) {
            throw new DataException(what + " has the shape " + shape + " and so holds no activations; write it again");
        }
        if (shape.getLast() > WIDEST) {
            throw new DataException(what + " has the shape " + shape + ", but activations can be at most " + WIDEST
                    + " wide; is it transposed?");
        }
        if (!dtype.equals("F32") && !dtype.equals("F16") && !dtype.equals("BF16")) {
            throw new DataException(
                    what + " is of type " + dtype + ", but activations must be F32, F16 or BF16; convert it");
        }
    }

    private static void requireAgreement(Shard first, Shard other) {
        if (other.matrix().columns() != first.matrix().columns()) {
            throw new DataException(
                    "%s has activations of width %d, but those of %s are of width %d; pass only files of one width"
                            .formatted(
                                    other.what(),
                                    other.matrix().columns(),
                                    first.what(),
                                    first.matrix().columns()));
        }
        DType wanted = first.matrix().dtype();
        if (other.matrix().dtype() != wanted) {
            throw new DataException("%s is of type %s, but %s is of type %s; convert one of them"
                    .formatted(other.what(), other.matrix().dtype(), first.what(), wanted));
        }
    }
}
