// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import dev.darien.data.DataException;
import dev.darien.model.ModelTensor;
import dev.darien.model.OnnxModel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What {@code darien inspect} says of an ONNX model. */
final class ModelSummary {
    private ModelSummary() {}

    static Map<String, Object> of(Path path) {
        try (OnnxModel model = OnnxModel.open(path)) {
            Map<String, Object> found = new LinkedHashMap<>();
            found.put("kind", "ONNX model");
            found.put("parameters", model.parameters());
            found.put("inputs", tensors(model.inputs(), false));
            found.put("outputs", tensors(model.outputs(), false));
            try {
                found.put("hooks", tensors(model.hooks(), true));
            } catch (DataException unusable) {
                found.put("problem", String.valueOf(unusable.getMessage()));
            }
            return found;
        }
    }

    private static List<Map<String, Object>> tensors(List<ModelTensor> tensors, boolean hooks) {
        List<Map<String, Object>> list = new ArrayList<>();
        for (ModelTensor tensor : tensors) {
            Map<String, Object> entry = new LinkedHashMap<>();
            entry.put("name", tensor.name());
            entry.put("dtype", tensor.dtype());
            entry.put("shape", tensor.shape());
            if (hooks) {
                entry.put("operation", tensor.operation());
                entry.put("crossing", tensor.crossing());
            }
            list.add(entry);
        }
        return list;
    }

    /** Tables of what {@link #of} found; nothing if it was something else. */
    static String text(Map<String, Object> found) {
        StringBuilder text = new StringBuilder();
        if (found.get("parameters") instanceof Long parameters) {
            text.append(Texts.table(Map.of("parameters", parameters)));
        }
        for (String part : List.of("inputs", "outputs", "hooks")) {
            if (found.get(part) instanceof List<?> list && !list.isEmpty()) {
                boolean hooks = part.equals("hooks");
                List<List<String>> rows = new ArrayList<>();
                for (Object item : list) {
                    Map<String, Object> entry = RunRecord.object(item);
                    List<String> row = new ArrayList<>();
                    entry.values().forEach(value -> row.add(String.valueOf(value)));
                    rows.add(row);
                }
                String title = hooks ? "tensors for --hook" : part;
                List<String> head = hooks
                        ? List.of(title, "type", "shape", "operation", "others across")
                        : List.of(title, "type", "shape");
                text.append(Texts.grid(head, rows));
            }
        }
        return text.toString();
    }
}
