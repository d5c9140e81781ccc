// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.darien.testfiles.SafetensorsFiles;
import dev.darien.testfiles.Values;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TokenTextTest {
    @TempDir
    Path folder;

    private Path data(String metadata, double... tokens) {
        Map<String, Values> tensors = new LinkedHashMap<>();
        tensors.put("activations", Values.of(new double[tokens.length * 2], tokens.length, 2));
        tensors.put("tokens", new Values("I32", tokens, tokens.length));
        return SafetensorsFiles.write(folder.resolve("data.safetensors"), tensors, metadata);
    }

    private TokenText text(Path data, String vocabulary) throws Exception {
        Path file = Files.writeString(folder.resolve("vocabulary.json"), vocabulary);
        return TokenText.read(List.of(data), "activations", file);
    }

    /** Room for it would be made, and sixteen million names be nothing. */
    @Test
    void aNumberFarBeyondTheOthersIsNoToken() throws Exception {
        Path data = data("{}", 2);
        assertThatThrownBy(() -> text(data, "{\"a\":0,\"b\":4000000}"))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("has only 1 tokens");
    }

    @Test
    void contextEndsWithTheSequence() throws Exception {
        Path data = data("{\"context\":\"3\"}", 0, 1, 2, 2, 1, 0);
        TokenText text = text(data, "{\"characters\":[\"a\",\"b\",\"c\"]}");

        assertThat(text.tokens()).isEqualTo(6);
        assertThat(text.context(1, 9)).isEqualTo(new TokenText.Context("a", "b", "c"));
        assertThat(text.context(2, 1)).isEqualTo(new TokenText.Context("b", "c", ""));
        assertThat(text.context(3, 9)).isEqualTo(new TokenText.Context("", "c", "ba"));
    }

    @Test
    void tokensAreSpelledAsTheirVocabularyMeansThem() throws Exception {
        Path data = data("{}", 2, 1, 3);
        assertThat(text(data, "{\"model\":{\"vocab\":{\"[CLS]\":0,\"##ing\":1,\"go\":2,\"home\":3}}}")
                        .context(1, 5))
                .isEqualTo(new TokenText.Context(" go", "ing", " home"));
        assertThat(text(data, "{\"\u0120to\":1,\"I\":2,\"\u2581day\":3}").context(1, 5))
                .isEqualTo(new TokenText.Context("I", " to", " day"));
        assertThat(text(
                                data,
                                "{\"model\":{\"vocab\":[[\"a\",-1.5],[\"b\",-2]]},\"added_tokens\":[{\"id\":2,"
                                        + "\"content\":\"<s>\"},{\"id\":3,\"content\":\"</s>\"}]}")
                        .context(0, 1))
                .isEqualTo(new TokenText.Context("", "<s>", "b"));
    }

    @Test
    void charactersOfATextAreTokensToo() throws Exception {
        Path file = Files.writeString(folder.resolve("text.txt"), "abc\ndef\n");
        TokenText text = TokenText.characters(file, 4);

        assertThat(text.context(3, 9)).isEqualTo(new TokenText.Context("abc", "\n", ""));
        assertThat(text.context(4, 9)).isEqualTo(new TokenText.Context("", "d", "ef"));
    }

    @Test
    void aVocabularyThatDoesNotFitIsRefused() throws Exception {
        Path data = data("{}", 0, 7);
        assertThatThrownBy(() -> text(data, "{\"characters\":[\"a\"]}"))
                .isInstanceOf(DataException.class)
                .hasMessageContainingAll("token 7", "only 1 tokens", "same model");
        assertThatThrownBy(() -> text(data, "{\"model\":\"x\"}"))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("no vocabulary");
        assertThatThrownBy(() -> text(data, "[1]"))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("JSON object");
        Map<String, Values> tensors = new LinkedHashMap<>();
        tensors.put("activations", Values.of(new double[4], 2, 2));
        tensors.put("tokens", new Values("I32", new double[3], 3));
        Path other = SafetensorsFiles.write(folder.resolve("other.safetensors"), tensors);
        assertThatThrownBy(() -> text(other, "{\"characters\":[\"a\"]}"))
                .isInstanceOf(DataException.class)
                .hasMessageContainingAll("3 elements", "2 activations");
    }
}
