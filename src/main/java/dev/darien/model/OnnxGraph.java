// SPDX-License-Identifier: Apache-2.0
package dev.darien.model;

import dev.darien.data.DataException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** The graph of an ONNX file: what is computed from what. Weights stay where they are in the mapped file. */
final class OnnxGraph {
    static final int NODE = 1;
    static final int INITIALIZER = 5;
    static final int INPUT = 11;
    static final int OUTPUT = 12;

    private static final int VALUE_INFO = 13;
    private static final int MODEL_GRAPH = 7;
    private static final int MODEL_TRAINING = 20;

    private final String what;
    /** Fields of the model and of its graph that any part of it keeps: versions, imported operators, functions. */
    private final List<MemorySegment> modelFields = new ArrayList<>();

    private final List<MemorySegment> graphFields = new ArrayList<>();
    private final List<OnnxNode> nodes = new ArrayList<>();
    private final Map<String, OnnxWeight> weights = new LinkedHashMap<>();
    private final Map<String, MemorySegment> weightFields = new HashMap<>();
    private final Map<String, OnnxType> inputs = new LinkedHashMap<>();
    private final Map<String, OnnxType> outputs = new LinkedHashMap<>();
    private final Map<String, OnnxType> declared = new HashMap<>();
    private final Map<String, Integer> producers = new HashMap<>();
    /** Nodes that no input of the graph reaches. */
    private final BitSet constant = new BitSet();

    /**
     * Reads a model.
     *
     * @param bytes of the file; they must outlive this
     * @param what the file, for messages
     * @throws DataException if it isn't an ONNX model
     */
    OnnxGraph(MemorySegment bytes, String what) {
        this.what = what;
        boolean found = false;
        ProtoReader model = new ProtoReader(bytes, what);
        while (model.next()) {
            if (model.field() == MODEL_GRAPH) {
                found = true;
                readGraph(model.message());
            } else if (model.field() != MODEL_TRAINING) {
                modelFields.add(model.raw());
            }
        }
        if (!found || nodes.isEmpty()) {
            throw new DataException(what + " holds no ONNX graph; name a model that was exported as ONNX");
        }
        // Old files list the weights among the inputs.
        inputs.keySet().removeAll(weights.keySet());
        link();
    }

    private void readGraph(ProtoReader graph) {
        while (graph.next()) {
            switch (graph.field()) {
                case NODE -> nodes.add(OnnxNode.read(graph));
                case INITIALIZER -> {
                    OnnxWeight weight = OnnxWeight.read(graph.message());
                    weights.put(weight.name(), weight);
                    weightFields.put(weight.name(), graph.raw());
                }
                case INPUT -> put(inputs, OnnxType.read(graph.message()));
                case OUTPUT -> put(outputs, OnnxType.read(graph.message()));
                case VALUE_INFO -> put(declared, OnnxType.read(graph.message()));
                default -> graphFields.add(graph.raw());
            }
        }
    }

    private static void put(Map<String, OnnxType> values, OnnxType value) {
        values.put(value.name(), value);
    }

    private void link() {
        for (int node = 0; node < nodes.size(); node++) {
            boolean fromInputs = false;
            for (String input : nodes.get(node).inputs()) {
                Integer producer = producers.get(input);
                if (producer == null && !inputs.containsKey(input) && !weights.containsKey(input)) {
                    throw new DataException(what + " computes '"
                            + String.join(", ", nodes.get(node).outputs()) + "' from '" + input
                            + "', which nothing before it makes; export it again");
                }
                fromInputs |= producer == null ? inputs.containsKey(input) : !constant.get(producer);
            }
            constant.set(node, !fromInputs);
            for (String output : nodes.get(node).outputs()) {
                producers.put(output, node);
            }
        }
        for (String output : outputs.keySet()) {
            if (!producers.containsKey(output) && !inputs.containsKey(output) && !weights.containsKey(output)) {
                throw new DataException(
                        what + " has the output '" + output + "', which nothing makes; export it again");
            }
        }
    }

    String what() {
        return what;
    }

    List<OnnxNode> nodes() {
        return nodes;
    }

    Map<String, OnnxType> inputs() {
        return inputs;
    }

    Map<String, OnnxType> outputs() {
        return outputs;
    }

    Map<String, OnnxWeight> weights() {
        return weights;
    }

    /** What the file says of a tensor's type and shape, if it does. */
    @Nullable
    OnnxType declared(String tensor) {
        OnnxType value = outputs.get(tensor);
        return value != null ? value : declared.get(tensor);
    }

    boolean isConstant(int node) {
        return constant.get(node);
    }

    /** Number of the node that makes {@code tensor}. */
    @Nullable
    Integer producer(String tensor) {
        return producers.get(tensor);
    }

    /** Tensors that operations make out of the inputs. */
    List<String> computed() {
        List<String> computed = new ArrayList<>();
        for (int node = 0; node < nodes.size(); node++) {
            if (!constant.get(node)) {
                computed.addAll(nodes.get(node).outputs());
            }
        }
        return computed;
    }

    /** The nodes that must run for {@code tensors}, those that make them included. */
    BitSet ancestors(Collection<String> tensors) {
        BitSet needed = new BitSet();
        for (String tensor : tensors) {
            Integer producer = producers.get(tensor);
            if (producer != null) {
                needed.set(producer);
            }
        }
        for (int node = needed.length() - 1; node >= 0; node = needed.previousSetBit(node - 1)) {
            for (String input : nodes.get(node).inputs()) {
                Integer producer = producers.get(input);
                if (producer != null) {
                    needed.set(producer);
                }
            }
        }
        return needed;
    }

    /**
     * Part of this model as a model of its own.
     *
     * @param kept numbers of the nodes that it has
     * @param newInputs its inputs
     * @param newOutputs its outputs
     */
    ProtoWriter part(BitSet kept, Collection<OnnxType> newInputs, Collection<OnnxType> newOutputs) {
        ProtoWriter graph = new ProtoWriter();
        graphFields.forEach(graph::raw);
        Set<String> made = new HashSet<>();
        Set<String> wanted = newOutputs.stream().map(OnnxType::name).collect(Collectors.toCollection(HashSet::new));
        kept.stream().mapToObj(nodes::get).forEach(node -> {
            graph.raw(node.raw());
            wanted.addAll(node.inputs());
            made.addAll(node.outputs());
        });
        weightFields.forEach((name, field) -> {
            if (wanted.contains(name)) {
                graph.raw(field);
            }
        });
        newInputs.forEach(input -> graph.message(INPUT, input.toMessage()));
        newOutputs.forEach(output -> graph.message(OUTPUT, output.toMessage()));
        Set<String> outputNames = newOutputs.stream().map(OnnxType::name).collect(Collectors.toSet());
        declared.forEach((name, value) -> {
            if (made.contains(name) && !outputNames.contains(name)) {
                graph.message(VALUE_INFO, value.toMessage());
            }
        });
        ProtoWriter model = new ProtoWriter();
        modelFields.forEach(model::raw);
        return model.message(MODEL_GRAPH, graph);
    }

    /** Inputs of the graph that the nodes read. */
    List<OnnxType> inputsOf(BitSet kept) {
        Set<String> read = kept.stream()
                .mapToObj(nodes::get)
                .flatMap(node -> node.inputs().stream())
                .collect(Collectors.toSet());
        return inputs.values().stream()
                .filter(input -> read.contains(input.name()))
                .toList();
    }
}
