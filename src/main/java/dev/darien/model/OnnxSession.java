// SPDX-License-Identifier: Apache-2.0
package dev.darien.model;

import ai.onnxruntime.NodeInfo;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxValue;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;
import dev.darien.data.DataException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** A model, or part of one, in ONNX Runtime. May run on several threads at once. */
final class OnnxSession implements AutoCloseable {
    private final OrtEnvironment environment;
    private final OrtSession session;
    private final String what;
    private final Map<String, OnnxType> inputs;
    private final Map<String, OnnxType> outputs;

    private OnnxSession(OrtEnvironment environment, OrtSession session, String what) throws OrtException {
        this.environment = environment;
        this.session = session;
        this.what = what;
        this.inputs = types(session.getInputInfo());
        this.outputs = types(session.getOutputInfo());
    }

    /**
     * Loads a model.
     *
     * @param folder where the weights lie that aren't in the model itself
     * @param what the model, for messages
     * @param threads for each run; runs at the same time come on top
     * @param optimise whether operations may be fused; otherwise every tensor stays what the file calls it
     * @throws DataException if ONNX Runtime's native library can't be loaded or doesn't take the model
     */
    static OnnxSession open(ProtoWriter model, Path folder, String what, int threads, boolean optimise) {
        OrtEnvironment environment = environment();
        try (Arena arena = Arena.ofShared();
                OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
            options.setIntraOpNumThreads(threads);
            options.setInterOpNumThreads(1);
            options.setOptimizationLevel(
                    optimise ? OrtSession.SessionOptions.OptLevel.ALL_OPT : OrtSession.SessionOptions.OptLevel.NO_OPT);
            options.addConfigEntry(
                    "session.model_external_initializers_file_folder_path",
                    folder.toAbsolutePath().toString());
            OrtSession session = environment.createSession(model.toBuffer(arena), options);
            try {
                return new OnnxSession(environment, session, what);
            } catch (OrtException | RuntimeException e) {
                session.close();
                throw e;
            }
        } catch (OrtException e) {
            throw new DataException("ONNX Runtime doesn't take " + what + ": " + reason(e), e);
        }
    }

    private static OrtEnvironment environment() {
        try {
            return OrtEnvironment.getEnvironment(OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR);
        } catch (UnsatisfiedLinkError | NoClassDefFoundError | ExceptionInInitializerError e) {
            throw new DataException(
                    "ONNX Runtime's native library can't be loaded (" + e.getMessage()
                            + "); it is there for Linux, macOS on ARM and Windows, and unpacks into java.io.tmpdir",
                    e);
        }
    }

    static String reason(OrtException e) {
        String message = String.valueOf(e.getMessage()).strip();
        return message.lines()
                .findFirst()
                .orElse("it gave no reason")
                .replaceFirst("^Error code - \\w+ - message: ", "");
    }

    private static Map<String, OnnxType> types(Map<String, NodeInfo> infos) {
        Map<String, OnnxType> types = new LinkedHashMap<>();
        infos.forEach((name, info) -> {
            if (info.getInfo() instanceof TensorInfo tensor) {
                types.put(name, type(name, tensor));
            }
        });
        return types;
    }

    static OnnxType type(String name, TensorInfo tensor) {
        List<String> symbols = new ArrayList<>(Arrays.asList(tensor.getDimensionNames()));
        symbols.replaceAll(symbol -> symbol == null ? "" : symbol);
        List<Long> sizes = Arrays.stream(tensor.getShape()).boxed().toList();
        while (symbols.size() < sizes.size()) {
            symbols.add("");
        }
        // ONNX Runtime reports a tensor of unknown shape as it does a scalar.
        return new OnnxType(name, number(tensor.onnxType), sizes, symbols, !sizes.isEmpty());
    }

    /** ONNX's number of a type: ONNX Runtime's Java interface has numbers of its own. */
    private static int number(TensorInfo.OnnxTensorType type) {
        return switch (type) {
            case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT -> OnnxType.FLOAT;
            case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8 -> 2;
            case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8 -> 3;
            case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16 -> 4;
            case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16 -> 5;
            case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32 -> OnnxType.INT32;
            case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64 -> OnnxType.INT64;
            case ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING -> 8;
            case ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL -> 9;
            case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16 -> 10;
            case ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE -> 11;
            case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32 -> 12;
            case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64 -> 13;
            case ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16 -> 16;
            default -> 0;
        };
    }

    OrtEnvironment runtime() {
        return environment;
    }

    String what() {
        return what;
    }

    /** The tensors that it takes. */
    Map<String, OnnxType> inputs() {
        return inputs;
    }

    /** The tensors that it returns, with the types that ONNX Runtime found. */
    Map<String, OnnxType> outputs() {
        return outputs;
    }

    /**
     * Runs it. The caller closes the result, and {@code values} and {@code into} itself.
     *
     * @param into outputs that are to be written there; all others come with the result
     * @throws DataException if it fails, with ONNX Runtime's reason
     */
    OrtSession.Result run(Map<String, OnnxTensor> values, Map<String, ? extends OnnxValue> into) {
        try {
            Map<String, OnnxTensor> taken = new LinkedHashMap<>(values);
            taken.keySet().retainAll(inputs.keySet());
            if (into.isEmpty()) {
                return session.run(taken);
            }
            Set<String> wanted = new LinkedHashSet<>(session.getOutputNames());
            wanted.removeAll(into.keySet());
            return session.run(taken, wanted, into);
        } catch (OrtException e) {
            throw new DataException(what + " can't be run on this: " + reason(e), e);
        }
    }

    /** Runs it where nothing but {@code into} is wanted. */
    void runInto(Map<String, OnnxTensor> values, Map<String, ? extends OnnxValue> into) {
        run(values, into).close();
    }

    @Override
    public void close() {
        try {
            session.close();
        } catch (OrtException e) {
            throw new IllegalStateException("ONNX Runtime can't close " + what, e);
        }
    }
}
