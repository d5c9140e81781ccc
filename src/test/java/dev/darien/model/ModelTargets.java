// SPDX-License-Identifier: Apache-2.0
package dev.darien.model;

import dev.darien.data.DataException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** What of this package reads files, for the fuzzer; nothing here needs ONNX Runtime. */
public final class ModelTargets {
    /** Each cut costs as much as the graph has nodes. */
    private static final int MOST_CUTS = 3;

    private ModelTargets() {}

    /** Writes a small model and its tokenizer. */
    public static void writeModel(Path folder) throws IOException {
        TinyEmbedder.write(folder);
    }

    /** Writes a collection of one shard, unfinished. */
    public static void writeCollection(Path folder) {
        ShardFolder.open(folder, COLLECTION, false);
    }

    private static final Map<String, Object> COLLECTION = Map.of("model", "m.onnx", "hook", "residual", "context", 64);

    /** Goes on with a collection. */
    public static void goOn(Path folder) {
        ShardFolder opened = ShardFolder.open(folder, COLLECTION, true);
        if (opened.shards() > 0) {
            opened.joinInto(folder.resolve("joined.safetensors"), Map.of());
        }
    }

    /** Reads a graph, cuts it at some of its tensors, and reads the parts again. */
    public static void cut(Path path) throws IOException {
        try (OnnxModel model = OnnxModel.open(path);
                Arena arena = Arena.ofConfined()) {
            List<String> computed = model.graph().computed();
            model.graph().weights().values().forEach(OnnxWeight::toString);
            for (int i = 0; i < Math.min(MOST_CUTS, computed.size()); i++) {
                String hook = computed.get((int) ((long) i * computed.size() / MOST_CUTS));
                ModelCut cut = ModelCut.at(model.graph(), hook);
                ProtoWriter prefix = cut.prefix(List.of(hook));
                new OnnxGraph(MemorySegment.ofBuffer(prefix.toBuffer(arena)), path + ", prefix");
                List<OnnxType> types = cut.crossing().stream()
                        .map(name -> new OnnxType(name, OnnxType.FLOAT, List.of(), List.of(), true))
                        .toList();
                cut.suffix(types).size();
            }
            try {
                ModelCut.at(model.graph(), "residul");
            } catch (DataException named) {
                if (String.valueOf(named.getMessage()).isEmpty()) {
                    throw named;
                }
            }
        }
        if (Files.exists(path.resolveSibling("tokenizer.json"))) {
            TokenizerFile.open(path.resolveSibling("tokenizer.json")).tokens();
        }
    }
}
