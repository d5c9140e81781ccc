// SPDX-License-Identifier: Apache-2.0
package dev.darien.model;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * A model of four operations, made here: {@code hidden = table[input_ids] + bias}, then {@code last_hidden_state = (hidden
 * + earlier) · mask} with {@code earlier = table[input_ids]}, which goes past {@code hidden}. Tokens [CLS] a b c [SEP].
 */
final class TinyEmbedder {
    static final String HOOK = "hidden";
    static final int TOKENS = 6;
    static final int WIDTH = 2;

    private static final int GRAPH = 7;
    private static final int OPSETS = 8;

    private TinyEmbedder() {}

    /** Element (token, i) of the table; the bias is 0.5 everywhere. */
    static float table(int token, int i) {
        return i == 0 ? token : 10 - token;
    }

    static Path write(Path folder) throws IOException {
        return write(folder, false);
    }

    /** With the table in a file of its own, {@code table.bin}, behind a byte that isn't of it, if {@code external}. */
    static Path write(Path folder, boolean external) throws IOException {
        Files.writeString(folder.resolve("tokenizer.json"), """
                {"version": "1.0", "truncation": null, "padding": null, "normalizer": null, "decoder": null,
                 "added_tokens": [
                   {"id": 0, "content": "[CLS]", "special": true, "single_word": false, "lstrip": false,
                    "rstrip": false, "normalized": false},
                   {"id": 4, "content": "[SEP]", "special": true, "single_word": false, "lstrip": false,
                    "rstrip": false, "normalized": false}],
                 "pre_tokenizer": {"type": "Whitespace"},
                 "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 4], "cls": ["[CLS]", 0]},
                 "model": {"type": "WordLevel", "unk_token": "?",
                           "vocab": {"[CLS]": 0, "a": 1, "b": 2, "c": 3, "[SEP]": 4, "?": 5}}}
                """);
        OnnxType ids = new OnnxType("input_ids", OnnxType.INT64, List.of(-1L, -1L), List.of("n", "t"), true);
        OnnxType mask = new OnnxType("attention_mask", OnnxType.INT64, List.of(-1L, -1L), List.of("n", "t"), true);
        OnnxType state =
                new OnnxType("last_hidden_state", OnnxType.FLOAT, List.of(-1L, -1L, 2L), List.of("n", "t", ""), true);
        float[] table = new float[TOKENS * WIDTH];
        for (int i = 0; i < table.length; i++) {
            table[i] = table(i / WIDTH, i % WIDTH);
        }
        ProtoWriter graph = new ProtoWriter()
                .message(OnnxGraph.NODE, node("Gather", List.of("table", "input_ids"), "looked_up"))
                .message(OnnxGraph.NODE, node("Add", List.of("looked_up", "bias"), HOOK))
                .message(OnnxGraph.NODE, node("Add", List.of(HOOK, "looked_up"), "sum"))
                .message(OnnxGraph.NODE, cast("attention_mask", "mask"))
                .message(OnnxGraph.NODE, node("Unsqueeze", List.of("mask", "last"), "mask_column"))
                .message(OnnxGraph.NODE, node("Mul", List.of("sum", "mask_column"), "last_hidden_state"))
                .message(
                        OnnxGraph.INITIALIZER,
                        external ? elsewhere(folder, "table", table) : floats("table", table, TOKENS, WIDTH))
                .message(OnnxGraph.INITIALIZER, floats("bias", new float[] {0.5f, 0.5f}, WIDTH))
                .message(OnnxGraph.INITIALIZER, longs("last", 2))
                .message(OnnxGraph.INPUT, ids.toMessage())
                .message(OnnxGraph.INPUT, mask.toMessage())
                .message(OnnxGraph.OUTPUT, state.toMessage())
                .string(2, "embedder");
        ProtoWriter model = new ProtoWriter()
                .number(1, 8)
                .message(OPSETS, new ProtoWriter().number(2, 17))
                .message(GRAPH, graph);
        Path path = folder.resolve("embedder.onnx");
        model.writeTo(path);
        return path;
    }

    private static ProtoWriter node(String operation, List<String> inputs, String output) {
        ProtoWriter node = new ProtoWriter();
        inputs.forEach(input -> node.string(1, input));
        return node.string(2, output).string(3, "make " + output).string(4, operation);
    }

    private static ProtoWriter cast(String from, String to) {
        // The attribute "to", an integer (type 2): FLOAT.
        ProtoWriter attribute =
                new ProtoWriter().string(1, "to").number(3, OnnxType.FLOAT).number(20, 2);
        return node("Cast", List.of(from), to).message(5, attribute);
    }

    private static ProtoWriter elsewhere(Path folder, String name, float[] values) throws IOException {
        byte[] raw = bytes(values);
        byte[] file = new byte[raw.length + 1];
        System.arraycopy(raw, 0, file, 1, raw.length);
        Files.write(folder.resolve("table.bin"), file);
        ProtoWriter tensor = new ProtoWriter()
                .number(1, TOKENS)
                .number(1, WIDTH)
                .number(2, OnnxType.FLOAT)
                .string(8, name);
        List.of(List.of("location", "table.bin"), List.of("offset", "1"), List.of("length", "" + raw.length))
                .forEach(entry -> tensor.message(
                        13, new ProtoWriter().string(1, entry.getFirst()).string(2, entry.getLast())));
        return tensor.number(14, 1);
    }

    private static ProtoWriter floats(String name, float[] values, long... shape) {
        return tensor(name, OnnxType.FLOAT, bytes(values), shape);
    }

    private static byte[] bytes(float[] values) {
        byte[] raw = new byte[values.length * Float.BYTES];
        for (int i = 0; i < values.length; i++) {
            MemorySegment.ofArray(raw).set(ValueLayout.JAVA_FLOAT_UNALIGNED, (long) i * Float.BYTES, values[i]);
        }
        return raw;
    }

    private static ProtoWriter longs(String name, long... values) {
        byte[] raw = new byte[values.length * Long.BYTES];
        for (int i = 0; i < values.length; i++) {
            MemorySegment.ofArray(raw).set(ValueLayout.JAVA_LONG_UNALIGNED, (long) i * Long.BYTES, values[i]);
        }
        return tensor(name, OnnxType.INT64, raw, values.length);
    }

    private static ProtoWriter tensor(String name, int type, byte[] raw, long... shape) {
        ProtoWriter tensor = new ProtoWriter();
        for (long size : shape) {
            tensor.number(1, size);
        }
        return tensor.number(2, type).string(8, name).bytes(9, MemorySegment.ofArray(raw));
    }
}
