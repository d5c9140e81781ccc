// SPDX-License-Identifier: Apache-2.0
package dev.darien.model;

import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtSession;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Finds the tensors that hold a vector for each token. */
final class HookSearch {
    private HookSearch() {}

    static List<ModelTensor> hooks(OnnxModel model) {
        OnnxGraph graph = model.graph();
        List<String> computed = graph.computed();
        List<ModelTensor> hooks = new ArrayList<>();
        try (OnnxSession session =
                        OnnxSession.open(model.withOutputs(computed), model.folder(), graph.what(), 1, false);
                TokenBatch batch = TokenBatch.trial(session.runtime(), new ModelInputs(graph));
                OrtSession.Result result = session.run(batch.tensors(), Map.of())) {
            for (String name : computed) {
                if (result.get(name).orElse(null) instanceof OnnxTensor tensor
                        && batch.isHook(tensor.getInfo().getShape())
                        && tensor.getInfo().type == OnnxJavaType.FLOAT) {
                    ModelCut cut = ModelCut.at(graph, name);
                    long width = tensor.getInfo().getShape()[2];
                    if (!cut.outputs().isEmpty()) {
                        hooks.add(new ModelTensor(
                                name,
                                "F32",
                                List.of("sequences", "tokens", String.valueOf(width)),
                                model.operation(name),
                                cut.crossing().size()));
                    }
                }
            }
        }
        return hooks;
    }
}
