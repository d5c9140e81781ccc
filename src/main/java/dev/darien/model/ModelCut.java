// SPDX-License-Identifier: Apache-2.0
package dev.darien.model;

import dev.darien.data.DataException;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * A model cut at a tensor, the hook: a prefix that computes it, and a suffix that goes on from whatever is put in its
 * place. Other tensors that the suffix needs from the prefix cross the cut and are carried along unchanged: the
 * attention mask, for a hook in the middle of a block also the residual stream beside it. Constants are in both parts,
 * and what the hook isn't computed from is in the suffix.
 */
final class ModelCut {
    private final OnnxGraph graph;
    private final String hook;
    private final List<String> crossing;
    private final List<String> outputs;
    private final BitSet suffix;

    private ModelCut(OnnxGraph graph, String hook, List<String> crossing, List<String> outputs, BitSet suffix) {
        this.graph = graph;
        this.hook = hook;
        this.crossing = crossing;
        this.outputs = outputs;
        this.suffix = suffix;
    }

    /**
     * Cuts at {@code hook}.
     *
     * @throws DataException if the model computes no tensor of that name, says which names are near
     */
    static ModelCut at(OnnxGraph graph, String hook) {
        requireComputed(graph, hook);
        BitSet before = graph.ancestors(List.of(hook));
        BitSet after = after(graph, hook);
        List<String> outputs = graph.outputs().keySet().stream()
                .filter(name -> isMadeBy(graph, name, after))
                .toList();
        BitSet suffix = new BitSet();
        Set<String> crossing = new LinkedHashSet<>();
        List<String> constants = new ArrayList<>();
        outputs.forEach(output -> need(graph, output, suffix));
        for (int node = suffix.length() - 1; node >= 0; node = suffix.previousSetBit(node - 1)) {
            for (String input : graph.nodes().get(node).inputs()) {
                Integer producer = graph.producer(input);
                if (producer == null || input.equals(hook)) {
                    continue;
                }
                if (after.get(producer) || !before.get(producer)) {
                    suffix.set(producer);
                } else if (graph.isConstant(producer)) {
                    constants.add(input);
                } else {
                    crossing.add(input);
                }
            }
        }
        suffix.or(graph.ancestors(constants));
        // In the order in which the model computes them.
        List<String> ordered =
                graph.computed().stream().filter(crossing::contains).toList();
        return new ModelCut(graph, hook, ordered, outputs, suffix);
    }

    private static void requireComputed(OnnxGraph graph, String hook) {
        Integer producer = graph.producer(hook);
        if (producer != null && !graph.isConstant(producer)) {
            return;
        }
        List<String> computed = graph.computed();
        if (producer != null || graph.weights().containsKey(hook)) {
            throw new DataException("the tensor '" + hook + "' of " + graph.what()
                    + " is a constant, which has no activations; name one that the model computes");
        }
        if (graph.inputs().containsKey(hook)) {
            throw new DataException("the tensor '" + hook + "' of " + graph.what()
                    + " is an input, which has no activations; name one that the model computes");
        }
        throw new DataException(graph.what() + " has no tensor '" + hook + "'; nearest: "
                + String.join(", ", NearestNames.of(hook, computed)) + " (darien inspect lists all)");
    }

    private static BitSet after(OnnxGraph graph, String hook) {
        BitSet after = new BitSet();
        for (int node = 0; node < graph.nodes().size(); node++) {
            for (String input : graph.nodes().get(node).inputs()) {
                if (input.equals(hook) || isMadeBy(graph, input, after)) {
                    after.set(node);
                }
            }
        }
        return after;
    }

    private static boolean isMadeBy(OnnxGraph graph, String tensor, BitSet nodes) {
        Integer producer = graph.producer(tensor);
        return producer != null && nodes.get(producer);
    }

    private static void need(OnnxGraph graph, String tensor, BitSet nodes) {
        Integer producer = graph.producer(tensor);
        if (producer != null) {
            nodes.set(producer);
        }
    }

    String hook() {
        return hook;
    }

    /** What the suffix needs from the prefix beside the hook. */
    List<String> crossing() {
        return crossing;
    }

    /** The model's outputs that depend on the hook. */
    List<String> outputs() {
        return outputs;
    }

    /** The part that computes {@code tensors}. Their types aren't said: ONNX Runtime finds them. */
    ProtoWriter prefix(Collection<String> tensors) {
        BitSet nodes = graph.ancestors(tensors);
        List<OnnxType> wanted = tensors.stream()
                .map(name -> new OnnxType(name, 0, List.of(), List.of(), false))
                .toList();
        return graph.part(nodes, graph.inputsOf(nodes), wanted);
    }

    /**
     * The part from the hook on.
     *
     * @param cut type and shape of the hook and of each tensor that crosses the cut
     */
    ProtoWriter suffix(Collection<OnnxType> cut) {
        List<OnnxType> inputs = new ArrayList<>(cut);
        inputs.addAll(graph.inputsOf(suffix));
        return graph.part(
                suffix,
                inputs,
                outputs.stream().map(name -> graph.outputs().get(name)).toList());
    }
}
