// SPDX-License-Identifier: Apache-2.0
package dev.darien.model;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * One operation of a graph.
 *
 * @param operation ONNX's name of it
 * @param inputs tensors that it reads, those that graphs inside it (of {@code If}, {@code Loop}, {@code Scan}) take from
 *     outside included
 * @param outputs tensors that it makes
 * @param raw its field in the graph
 */
record OnnxNode(String operation, List<String> inputs, List<String> outputs, MemorySegment raw) {
    private static final int INPUT = 1;
    private static final int OUTPUT = 2;
    private static final int OPERATION = 4;
    private static final int ATTRIBUTE = 5;
    private static final int ATTRIBUTE_GRAPH = 6;
    private static final int ATTRIBUTE_GRAPHS = 11;
    /** Graphs in graphs in graphs: far more than anybody writes, few enough for the stack. */
    private static final int DEEPEST = 32;

    static OnnxNode read(ProtoReader field) {
        MemorySegment raw = field.raw();
        return read(field.message(), raw, 0);
    }

    private static OnnxNode read(ProtoReader node, MemorySegment raw, int depth) {
        String operation = "";
        List<String> inputs = new ArrayList<>();
        List<String> outputs = new ArrayList<>();
        while (node.next()) {
            switch (node.field()) {
                case INPUT -> addName(inputs, node.string());
                case OUTPUT -> addName(outputs, node.string());
                case OPERATION -> operation = node.string();
                case ATTRIBUTE -> captured(node.message(), inputs, depth);
                default -> {}
            }
        }
        return new OnnxNode(operation, List.copyOf(inputs), List.copyOf(outputs), raw);
    }

    /** An optional input or output that is left out has an empty name. */
    private static void addName(List<String> names, String name) {
        if (!name.isEmpty()) {
            names.add(name);
        }
    }

    private static void captured(ProtoReader attribute, List<String> inputs, int depth) {
        while (attribute.next()) {
            if ((attribute.field() == ATTRIBUTE_GRAPH || attribute.field() == ATTRIBUTE_GRAPHS) && depth < DEEPEST) {
                graph(attribute.message(), inputs, depth + 1);
            }
        }
    }

    private static void graph(ProtoReader graph, List<String> inputs, int depth) {
        Set<String> made = new HashSet<>();
        List<String> read = new ArrayList<>();
        while (graph.next()) {
            switch (graph.field()) {
                case OnnxGraph.NODE -> {
                    OnnxNode node = read(graph.message(), MemorySegment.NULL, depth);
                    read.addAll(node.inputs());
                    made.addAll(node.outputs());
                }
                case OnnxGraph.INITIALIZER ->
                    made.add(OnnxWeight.read(graph.message()).name());
                case OnnxGraph.INPUT -> made.add(OnnxType.read(graph.message()).name());
                case OnnxGraph.OUTPUT -> read.add(OnnxType.read(graph.message()).name());
                default -> {}
            }
        }
        read.stream().filter(name -> !made.contains(name)).forEach(inputs::add);
    }
}
