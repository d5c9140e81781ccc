// SPDX-License-Identifier: Apache-2.0
package dev.darien.model;

import dev.darien.data.DataException;

/** The optional libraries. Asked before any class is touched that can't be loaded without them. */
final class Libraries {
    private Libraries() {}

    /** @throws DataException if ONNX Runtime isn't on the class path */
    static void requireOnnxRuntime() {
        require(
                "ai.onnxruntime.OrtEnvironment",
                "ONNX Runtime",
                "running a model",
                "com.microsoft.onnxruntime:onnxruntime");
    }

    /** @throws DataException if DJL's tokenizers aren't on the class path */
    static void requireTokenizers() {
        require(
                "ai.djl.huggingface.tokenizers.HuggingFaceTokenizer",
                "DJL's tokenizers library",
                "tokenising text",
                "ai.djl.huggingface:tokenizers");
    }

    private static void require(String type, String library, String purpose, String artifact) {
        try {
            Class.forName(type, false, Libraries.class.getClassLoader());
        } catch (ClassNotFoundException e) {
            throw new DataException(
                    library + " isn't there, which " + purpose + " needs; add " + artifact + " to the class path", e);
        }
    }
}
