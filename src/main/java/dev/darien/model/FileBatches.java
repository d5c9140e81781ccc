// SPDX-License-Identifier: Apache-2.0
package dev.darien.model;

import dev.darien.data.ActivationSource;
import dev.darien.data.ActivationSources;
import dev.darien.data.DataException;
import dev.darien.data.MappedFile;
import dev.darien.data.SafetensorsFile;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Batches out of files of activations, with the next tokens beside them, for the rest of a model as a file of its own. */
final class FileBatches implements BatchSource {
    private static final String CONTEXT = "context";
    private static final String TARGETS = "targets";
    private static final String TOKENS = "tokens";
    private static final int SEQUENCES = 32;

    private final SuffixModel suffix;
    private final ModelInputs inputs;
    private final ActivationSource activations;
    private final @Nullable ActivationSource gradients;
    private final int context;
    private final int[] targets;
    private final int[] tokens;
    private final int most;
    private long next;

    /**
     * Opens the files.
     *
     * @param model with one input for activations, F32[sequences, context, d]
     * @param gradientTensor of the loss's gradient by the activations, of the same shape; null for none
     * @throws DataException if the model needs what the files don't have, and says what
     */
    FileBatches(OnnxModel model, List<Path> data, String tensor, @Nullable String gradientTensor, int threads) {
        List<Path> files = new ArrayList<>();
        data.forEach(path -> files.addAll(Files.isDirectory(path) ? shards(path) : List.of(path)));
        if (files.isEmpty()) {
            throw new DataException(data + " holds no .safetensors files; name some that have '" + TARGETS
                    + "' beside the activations");
        }
        this.activations = ActivationSources.open(files, tensor);
        @Nullable SuffixModel opened = null;
        @Nullable ActivationSource slopes = null;
        try {
            slopes = gradientTensor == null ? null : ActivationSources.open(files, gradientTensor);
            this.gradients = slopes;
            if (slopes != null && (slopes.rows() != activations.rows() || slopes.width() != activations.width())) {
                throw new DataException(
                        "%s hold [%d, %d] gradients, but there are [%d, %d] activations; both need one shape"
                                .formatted(
                                        slopes.describe(),
                                        slopes.rows(),
                                        slopes.width(),
                                        activations.rows(),
                                        activations.width()));
            }
            int rows = Math.toIntExact(activations.rows());
            this.targets = new int[rows];
            this.tokens = new int[rows];
            this.context = read(files, rows);
            OnnxSession session = model.whole(threads);
            String hook = hook(model, session, activations.width());
            opened = new SuffixModel(session, hook, OptionalLong.empty());
            this.suffix = opened;
            this.inputs = new ModelInputs(
                    model.path().toString(),
                    session.inputs().values().stream()
                            .filter(type -> !type.name().equals(hook))
                            .toList());
            this.most = Math.clamp((1L << 25) / (context * suffix.outputsPerToken()), 1, SEQUENCES);
        } catch (RuntimeException | Error e) {
            if (opened != null) {
                opened.close();
            }
            if (slopes != null) {
                slopes.close();
            }
            activations.close();
            throw e;
        }
    }

    private static List<Path> shards(Path folder) {
        try (Stream<Path> inside = Files.list(folder)) {
            return inside.filter(path -> path.getFileName().toString().matches("[^.].*\\.safetensors"))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new DataException(
                    folder + " can't be listed: " + MappedFile.reason(e) + "; check its permissions", e);
        }
    }

    /** Fills in the tokens, and returns how many make a sequence. */
    private int read(List<Path> files, int rows) {
        int length = 0;
        int row = 0;
        for (Path path : files) {
            try (SafetensorsFile file = SafetensorsFile.open(path)) {
                int own = context(file);
                if (length != 0 && own != length) {
                    throw new DataException(path + " has a context of " + own + " tokens, but " + files.getFirst()
                            + " one of " + length + "; evaluate them one after the other");
                }
                length = own;
                if (!file.tensors().containsKey(TARGETS)) {
                    throw new DataException(path + " has no tensor '" + TARGETS
                            + "' (the token that follows each), which a" + " suffix needs; collect it with --context");
                }
                Matrix next = file.matrix(TARGETS);
                @Nullable Matrix here = file.tensors().containsKey(TOKENS) ? file.matrix(TOKENS) : null;
                long count = next.rows() * next.columns();
                if (count % own != 0 || row + count > rows || (here != null && here.rows() * here.columns() != count)) {
                    throw new DataException(path + " has " + count + " targets, which aren't those of " + (rows - row)
                            + " activations in sequences of " + own + "; collect it again");
                }
                for (long i = 0; i < count; i++) {
                    targets[row] = (int) next.getLong(i / next.columns(), (int) (i % next.columns()));
                    if (here != null) {
                        tokens[row] = (int) here.getLong(i / here.columns(), (int) (i % here.columns()));
                    }
                    row++;
                }
            }
        }
        if (row != rows) {
            throw new DataException(
                    files.getFirst() + " has " + rows + " activations but " + row + " targets; collect it" + " again");
        }
        return length;
    }

    private static int context(SafetensorsFile file) {
        String context = file.metadata().get(CONTEXT);
        try {
            int length = Integer.parseInt(String.valueOf(context));
            if (length > 0) {
                return length;
            }
        } catch (NumberFormatException notANumber) {
            // Said below.
        }
        throw new DataException(file.path() + " doesn't say how many tokens make a sequence (the metadata '" + CONTEXT
                + "' is " + context + "), which a suffix needs; collect it with --context");
    }

    private static String hook(OnnxModel model, OnnxSession session, int width) {
        List<OnnxType> floats = session.inputs().values().stream()
                .filter(type -> type.type() == OnnxType.FLOAT)
                .toList();
        List<String> hooks = floats.stream()
                .filter(type -> type.sizes().size() == 3
                        && (type.sizes().getLast() == width || type.sizes().getLast() < 0))
                .map(OnnxType::name)
                .toList();
        if (floats.size() == 1 && hooks.size() == 1) {
            return hooks.getFirst();
        }
        List<String> names =
                floats.stream().map(type -> type.name() + " " + type.shape()).toList();
        session.close();
        if (floats.size() > 1) {
            throw new DataException(model.path() + " needs more than the hook: " + String.join(", ", names)
                    + " cross the cut; use the whole model with --model and --hook, which carries them along");
        }
        throw new DataException(model.path() + " takes " + (names.isEmpty() ? "no activations" : names.getFirst())
                + ", but the data has activations of width " + width + "; name the suffix that belongs to it");
    }

    @Override
    public SuffixModel suffix() {
        return suffix;
    }

    @Override
    public ActivationSource activations() {
        return activations;
    }

    @Override
    public void rewind() {
        next = 0;
    }

    @Override
    public @Nullable HookedBatch next() {
        long sequences = Math.min(most, activations.rows() / context - next);
        if (sequences <= 0) {
            return null;
        }
        boolean[] kept = new boolean[context];
        Arrays.fill(kept, true);
        List<TokenSequence> taken = new ArrayList<>();
        for (long i = next; i < next + sequences; i++) {
            int from = (int) (i * context);
            taken.add(new TokenSequence(
                    i,
                    Arrays.copyOfRange(tokens, from, from + context),
                    Arrays.copyOfRange(targets, from, from + context),
                    kept));
        }
        HostTensor hook = new HostTensor(suffix.session().runtime(), taken.size(), context, activations.width());
        TokenBatch batch = new TokenBatch(suffix.session().runtime(), inputs, taken);
        long first = next * context;
        ActivationRows.read(activations, first, hook.rows());
        next += sequences;
        Arena arena = Arena.ofShared();
        @Nullable Matrix slopes = gradients == null ? null : gradients(gradients, first, hook.rows(), arena);
        return new HookedBatch(taken, hook, Map.copyOf(batch.tensors()), slopes, () -> {
            arena.close();
            hook.close();
            batch.close();
        });
    }

    /** Every position counts, so that there is a row for each. */
    private static Matrix gradients(ActivationSource source, long first, Matrix like, Arena arena) {
        Matrix rows = Matrix.of(
                arena.allocate(like.rows() * like.columns() * Float.BYTES, 64), DType.F32, like.rows(), like.columns());
        ActivationRows.read(source, first, rows);
        return rows;
    }

    @Override
    public void close() {
        suffix.close();
        if (gradients != null) {
            gradients.close();
        }
        activations.close();
    }
}
