// SPDX-License-Identifier: Apache-2.0
package dev.darien.model;

import ai.onnxruntime.OnnxTensor;
import dev.darien.data.DataException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A model that computes the gradient of the loss at a hook: from the hook's value F32[sequences, tokens, d] and what text
 * gives (the next tokens) to a tensor of the hook's shape. As exporters of other frameworks make it; ONNX itself has no
 * gradients.
 */
final class GradientModel implements AutoCloseable {
    private final OnnxSession session;
    private final String hook;
    private final String gradient;
    private final ModelInputs others;

    /** @throws DataException if the model has not just one input and one output of the hook's shape */
    GradientModel(OnnxModel model, int width) {
        this.session = model.whole(1);
        try {
            this.hook = only(model, "input", width, session.inputs());
            this.gradient = only(model, "output", width, session.outputs());
            this.others = new ModelInputs(
                    model.path().toString(),
                    session.inputs().values().stream()
                            .filter(type -> !type.name().equals(hook))
                            .toList());
        } catch (RuntimeException | Error e) {
            session.close();
            throw e;
        }
    }

    private static String only(OnnxModel model, String what, int width, Map<String, OnnxType> types) {
        List<String> found = types.values().stream()
                .filter(type -> type.type() == OnnxType.FLOAT
                        && type.sizes().size() == 3
                        && (type.sizes().getLast() == width || type.sizes().getLast() < 0))
                .map(OnnxType::name)
                .toList();
        if (found.size() != 1) {
            throw new DataException(
                    model.path() + " has " + found.size() + " " + what + "s F32 [sequences, tokens, " + width
                            + "] where one was expected; name a model that makes the gradient at the hook from the hook");
        }
        return found.getFirst();
    }

    /** Writes the gradients for a batch and its activations. */
    void run(TokenBatch batch, HostTensor activations, HostTensor gradients) {
        try (TokenBatch own = new TokenBatch(session.runtime(), others, batch.sequences())) {
            Map<String, OnnxTensor> inputs = new LinkedHashMap<>(own.tensors());
            inputs.put(hook, activations.tensor());
            session.runInto(inputs, Map.of(gradient, gradients.tensor()));
        }
    }

    @Override
    public void close() {
        session.close();
    }
}
