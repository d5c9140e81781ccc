// SPDX-License-Identifier: Apache-2.0
package dev.darien.model;

import dev.darien.data.DataException;
import dev.darien.data.MappedFile;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.BitSet;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalLong;
import java.util.Set;

/**
 * An ONNX file: its tensors, and the places where it can be cut. Nothing is run before something is asked that needs it.
 * Closing is idempotent.
 */
public final class OnnxModel implements AutoCloseable {
    /** The first field of every ONNX file, the version of the format. */
    private static final byte VERSION_TAG = 0x08;

    private static final byte NEWEST_VERSION = 32;
    /** Where safetensors files have their opening brace, behind a length that may begin with the same bytes. */
    private static final int SAFETENSORS_JSON = 8;

    /** What leaves token numbers as they are. */
    private static final Set<String> PASSING = Set.of("Cast", "Identity");

    private final MappedFile file;
    private final OnnxGraph graph;

    private OnnxModel(MappedFile file, OnnxGraph graph) {
        this.file = file;
        this.graph = graph;
    }

    /**
     * Opens a model, of any size.
     *
     * @throws DataException if the file can't be read or is no ONNX model
     */
    public static OnnxModel open(Path path) {
        MappedFile file = MappedFile.open(path);
        try {
            return new OnnxModel(file, new OnnxGraph(file.segment(), path.toString()));
        } catch (RuntimeException | Error e) {
            file.close();
            throw e;
        }
    }

    /** Whether a file is called or begins as an ONNX model does. */
    public static boolean isModel(Path path) {
        if (path.toString().endsWith(".onnx")) {
            return true;
        }
        try (MappedFile file = MappedFile.open(path)) {
            return file.size() > SAFETENSORS_JSON
                    && file.segment().get(ValueLayout.JAVA_BYTE, 0) == VERSION_TAG
                    && file.segment().get(ValueLayout.JAVA_BYTE, 1) > 0
                    && file.segment().get(ValueLayout.JAVA_BYTE, 1) <= NEWEST_VERSION
                    && file.segment().get(ValueLayout.JAVA_BYTE, SAFETENSORS_JSON) != '{';
        } catch (DataException unreadable) {
            // Opening it says why.
            return false;
        }
    }

    /** The file that was opened. */
    public Path path() {
        return file.path();
    }

    OnnxGraph graph() {
        return graph;
    }

    /** What the model takes. */
    public List<ModelTensor> inputs() {
        return graph.inputs().values().stream()
                .map(input -> new ModelTensor(input.name(), input.dtype(), input.shape(), "", 0))
                .toList();
    }

    /** What the model returns. */
    public List<ModelTensor> outputs() {
        return graph.outputs().values().stream()
                .map(output ->
                        new ModelTensor(output.name(), output.dtype(), output.shape(), operation(output.name()), 0))
                .toList();
    }

    String operation(String tensor) {
        Integer producer = graph.producer(tensor);
        return producer == null ? "" : graph.nodes().get(producer).operation();
    }

    /** Number of weights, those of constants inside operations not counted. */
    public long parameters() {
        return graph.weights().values().stream()
                .mapToLong(weight -> weight.shape().stream().reduce(1L, (a, b) -> a * b))
                .sum();
    }

    /**
     * Where activations can be collected: tensors F32[sequences, tokens, d] on which an output depends, in the order in
     * which they are computed. Files seldom say shapes, so the model is run once on two short sequences.
     *
     * @throws DataException if ONNX Runtime isn't there, or the model takes what text doesn't give
     */
    public List<ModelTensor> hooks() {
        Libraries.requireOnnxRuntime();
        return HookSearch.hooks(this);
    }

    /** The model with {@code tensors} as its outputs, unchanged otherwise. */
    ProtoWriter withOutputs(Collection<String> tensors) {
        List<OnnxType> untyped = tensors.stream()
                .map(name -> new OnnxType(name, 0, List.of(), List.of(), false))
                .toList();
        return graph.part(everything(), graph.inputs().values(), untyped);
    }

    private BitSet everything() {
        BitSet everything = new BitSet();
        everything.set(0, graph.nodes().size());
        return everything;
    }

    /** Rows of the table that token numbers are looked up in, if it can be found. */
    OptionalLong vocabulary(String ids) {
        Collection<String> same = new HashSet<>(Set.of(ids));
        for (OnnxNode node : graph.nodes()) {
            if (PASSING.contains(node.operation()) && same.containsAll(node.inputs())) {
                same.addAll(node.outputs());
            }
            if (node.operation().equals("Gather")
                    && node.inputs().size() == 2
                    && same.contains(node.inputs().get(1))) {
                OnnxWeight table = graph.weights().get(node.inputs().getFirst());
                if (table != null && table.shape().size() == 2) {
                    return OptionalLong.of(table.shape().getFirst());
                }
            }
        }
        return OptionalLong.empty();
    }

    /** The part of the model that computes {@code tensors}, ready to run. */
    OnnxSession prefix(ModelCut cut, Collection<String> tensors, int threads) {
        return OnnxSession.open(
                cut.prefix(tensors), folder(), graph.what() + " up to '" + cut.hook() + "'", threads, true);
    }

    /** The part of the model behind the cut, ready to run. */
    OnnxSession suffix(ModelCut cut, Collection<OnnxType> types, int threads) {
        return OnnxSession.open(
                cut.suffix(types), folder(), graph.what() + " from '" + cut.hook() + "' on", threads, true);
    }

    /** The whole model, ready to run. */
    OnnxSession whole(int threads) {
        return OnnxSession.open(
                graph.part(
                        everything(), graph.inputs().values(), graph.outputs().values()),
                folder(),
                graph.what(),
                threads,
                true);
    }

    /**
     * Writes the part of the model that computes a tensor as a model of its own.
     *
     * @param file replaced if it exists; weights that lie in files of their own stay there, so it belongs into the same
     *     folder
     * @throws DataException if the model computes no such tensor, or the file can't be written
     */
    public void savePrefix(String hook, Path file) {
        write(ModelCut.at(graph, hook).prefix(List.of(hook)), file);
    }

    /**
     * Writes the part of the model from a tensor on as a model of its own, for {@link DownstreamEvaluator#ofSuffix}: the
     * tensor is an input, and so are others that cross the cut.
     *
     * @param file as above
     * @return names of the other tensors that cross the cut
     * @throws DataException as above, or if the tensor doesn't hold a vector for each token or ONNX Runtime isn't there
     */
    public List<String> saveSuffix(String hook, Path file) {
        Libraries.requireOnnxRuntime();
        ModelCut cut = ModelCut.at(graph, hook);
        try (HookRunner runner = new HookRunner(this, cut, cut.crossing(), 1)) {
            write(cut.suffix(runner.types()), file);
        }
        return cut.crossing();
    }

    private static void write(ProtoWriter part, Path file) {
        Path aside = file.resolveSibling("." + file.getFileName() + ".tmp");
        try {
            part.writeTo(aside);
            Files.move(aside, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw new DataException(file + " can't be written: " + MappedFile.reason(e), e);
        }
    }

    Path folder() {
        Path parent = file.path().toAbsolutePath().getParent();
        return parent == null ? file.path() : parent;
    }

    @Override
    public void close() {
        file.close();
    }
}
