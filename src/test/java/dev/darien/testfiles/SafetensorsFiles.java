// SPDX-License-Identifier: Apache-2.0
package dev.darien.testfiles;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.StringJoiner;

/** Safetensors files as other writers than ours make them: no padding, so that tensors begin anywhere. */
public final class SafetensorsFiles {
    private SafetensorsFiles() {}

    public static Path write(Path file, Map<String, Values> tensors) {
        return write(file, tensors, "{\"format\":\"pt\"}");
    }

    public static Path write(Path file, Map<String, Values> tensors, String metadata) {
        StringJoiner header = new StringJoiner(",", "{", "}");
        header.add("\"__metadata__\":" + metadata);
        Bytes data = new Bytes();
        tensors.forEach((name, values) -> {
            int begin = data.size();
            data.raw(values.bytes());
            header.add("\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%d,%d]}"
                    .formatted(name, values.dtype(), Arrays.toString(values.shape()), begin, data.size()));
        });
        byte[] json = header.toString().getBytes(StandardCharsets.UTF_8);
        // An odd number of bytes, so that nothing is aligned.
        byte[] odd = json.length % 2 == 0 ? Arrays.copyOf(json, json.length + 1) : json;
        if (odd.length > json.length) {
            odd[json.length] = ' ';
        }
        return new Bytes().u64(odd.length).raw(odd).raw(data.array()).write(file);
    }
}
