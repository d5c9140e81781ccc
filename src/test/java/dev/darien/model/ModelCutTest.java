// SPDX-License-Identifier: Apache-2.0
package dev.darien.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxValue;
import ai.onnxruntime.OrtSession;
import dev.darien.data.DataException;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Both parts of a cut model, run one after the other, are the model. */
class ModelCutTest {
    /** In the residual stream, before a block's attention, a query, in the middle of an MLP, and the last layer norm. */
    @ParameterizedTest
    @ValueSource(strings = {TinyLm.HOOK, "layer_norm", "split_1_split_0", "gelu", "embedding", "layer_norm_4"})
    void prefixAndSuffixTogetherAreTheModel(String hook) throws Exception {
        try (OnnxModel model = OnnxModel.open(TinyLm.MODEL);
                OnnxSession whole = model.whole(1);
                TokenBatch batch =
                        new TokenBatch(whole.runtime(), new ModelInputs(model.graph()), randomSequences(3, 17))) {
            ModelCut cut = ModelCut.at(model.graph(), hook);
            List<String> across = new ArrayList<>(cut.crossing());
            across.addFirst(hook);
            try (OnnxSession prefix = model.prefix(cut, across, 1);
                    OrtSession.Result middle = prefix.run(batch.tensors(), Map.of())) {
                Map<String, OnnxTensor> inputs = new LinkedHashMap<>(batch.tensors());
                List<OnnxType> types = new ArrayList<>();
                for (Map.Entry<String, OnnxValue> tensor : middle) {
                    inputs.put(tensor.getKey(), (OnnxTensor) tensor.getValue());
                    types.add(OnnxSession.type(tensor.getKey(), ((OnnxTensor) tensor.getValue()).getInfo()));
                }
                try (OnnxSession suffix = model.suffix(cut, types, 1);
                        OrtSession.Result spliced = suffix.run(inputs, Map.of());
                        OrtSession.Result expected = whole.run(batch.tensors(), Map.of())) {
                    assertThat(cut.outputs()).containsExactly("logits", "loss");
                    for (String output : cut.outputs()) {
                        assertThat(values(spliced, output))
                                .as(output)
                                .containsExactly(values(expected, output), within(1e-5f));
                    }
                }
            }
        }
    }

    private static float[] values(OrtSession.Result result, String name) {
        FloatBuffer buffer = ((OnnxTensor) result.get(name).orElseThrow()).getFloatBuffer();
        float[] values = new float[buffer.remaining()];
        buffer.get(values);
        return values;
    }

    static List<TokenSequence> randomSequences(int count, long seed) {
        Random random = new Random(seed);
        List<TokenSequence> sequences = new ArrayList<>();
        for (int number = 0; number < count; number++) {
            boolean[] kept = new boolean[TinyLm.CONTEXT];
            Arrays.fill(kept, true);
            sequences.add(new TokenSequence(
                    number,
                    random.ints(TinyLm.CONTEXT, 0, TinyLm.CHARACTERS).toArray(),
                    random.ints(TinyLm.CONTEXT, 0, TinyLm.CHARACTERS).toArray(),
                    kept));
        }
        return sequences;
    }

    @Test
    void onlyWhatTheHookIsMadeOfCrossesTheCut() {
        assertThat(crossing(TinyLm.HOOK)).isEmpty();
        // The residual stream goes past the MLP; keys and values are made after the cut, of the same layer norm.
        assertThat(crossing("gelu")).containsExactly("add_108");
        assertThat(crossing("split_1_split_0")).contains("add_129").allSatisfy(name -> assertThat(name)
                .isNotEqualTo("split_1_split_0"));
    }

    private static List<String> crossing(String hook) {
        try (OnnxModel model = OnnxModel.open(TinyLm.MODEL)) {
            return ModelCut.at(model.graph(), hook).crossing();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"residul", "Residual", "resid"})
    void aMistypedNameIsAnsweredWithTheNearest(String typed) {
        try (OnnxModel model = OnnxModel.open(TinyLm.MODEL)) {
            assertThatThrownBy(() -> ModelCut.at(model.graph(), typed))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("has no tensor '" + typed + "'; nearest: residual, ");
        }
    }

    @Test
    void inputsAndConstantsHoldNoActivations() {
        try (OnnxModel model = OnnxModel.open(TinyLm.MODEL)) {
            assertThatThrownBy(() -> ModelCut.at(model.graph(), "tokens"))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("is an input");
            String weight = model.graph().weights().keySet().iterator().next();
            assertThatThrownBy(() -> ModelCut.at(model.graph(), weight))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("is a constant");
        }
    }
}
