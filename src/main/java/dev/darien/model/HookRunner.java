// SPDX-License-Identifier: Apache-2.0
package dev.darien.model;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtSession;
import dev.darien.data.DataException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The part of a model up to its hook, which tells how wide the hook is. May be used by several threads at once. */
final class HookRunner implements AutoCloseable {
    private final OnnxSession session;
    private final ModelInputs inputs;
    private final String hook;
    private final int width;
    private final List<OnnxType> crossing = new ArrayList<>();

    /**
     * Loads the part.
     *
     * @param across other tensors that it is to return
     * @param threads for each run
     * @throws DataException if the hook doesn't hold a vector for each token, or the model takes what text doesn't give
     */
    HookRunner(OnnxModel model, ModelCut cut, List<String> across, int threads) {
        this.inputs = new ModelInputs(model.graph());
        this.hook = cut.hook();
        List<String> wanted = new ArrayList<>(across);
        wanted.addFirst(hook);
        this.session = model.prefix(cut, wanted, threads);
        try (TokenBatch trial = TokenBatch.trial(session.runtime(), inputs);
                OrtSession.Result result = session.run(trial.tensors(), Map.of())) {
            for (String name : wanted) {
                OnnxTensor tensor = tensor(result, name);
                OnnxType type = OnnxSession.type(name, tensor.getInfo());
                if (!name.equals(hook)) {
                    // Its sizes are those of the trial.
                    crossing.add(new OnnxType(name, type.type(), List.of(), List.of(), false));
                } else if (!trial.isHook(tensor.getInfo().getShape()) || type.type() != OnnxType.FLOAT) {
                    throw new DataException(
                            "the tensor '" + hook + "' of " + model.path() + " is " + type.dtype() + " "
                                    + type.sizes() + " for " + trial.sequences().size() + " sequences of "
                                    + trial.length()
                                    + " tokens, but activations are F32 [sequences, tokens, width]; darien inspect lists those");
                }
            }
            this.width = Math.toIntExact(tensor(result, hook).getInfo().getShape()[2]);
        } catch (RuntimeException | Error e) {
            session.close();
            throw e;
        }
    }

    private static OnnxTensor tensor(OrtSession.Result result, String name) {
        return (OnnxTensor) result.get(name).orElseThrow();
    }

    /** Width d of an activation. */
    int width() {
        return width;
    }

    ModelInputs inputs() {
        return inputs;
    }

    OnnxSession session() {
        return session;
    }

    /** Types of the hook and of what it returns beside it, as inputs of what follows. */
    List<OnnxType> types() {
        List<OnnxType> types = new ArrayList<>(crossing);
        types.addFirst(new OnnxType(hook, OnnxType.FLOAT, List.of(-1L, -1L, (long) width), List.of("", "", ""), true));
        return types;
    }

    TokenBatch batch(List<TokenSequence> sequences) {
        return new TokenBatch(session.runtime(), inputs, sequences);
    }

    @Override
    public void close() {
        session.close();
    }
}
