// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Golden vectors: inputs, outputs and gradients that autograd computed in double precision, from test resources. */
public final class Golden {
    private static final Pattern TENSOR = Pattern.compile(
            "\"([\\w.]+)\"\\s*:\\s*\\{\\s*\"dtype\"\\s*:\\s*\"(F32|I32)\"\\s*,\\s*\"shape\"\\s*:\\s*\\[([\\d, ]*)]\\s*,"
                    + "\\s*\"data_offsets\"\\s*:\\s*\\[\\s*(\\d+)\\s*,\\s*\\d+\\s*]");

    private record Tensor(boolean integers, int rows, int columns, int offset) {}

    private final Map<String, Tensor> tensors = new HashMap<>();
    private final ByteBuffer data;
    private final String name;

    private Golden(String name, byte[] file) {
        this.name = name;
        ByteBuffer bytes = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
        int header = Math.toIntExact(bytes.getLong(0));
        Matcher matcher = TENSOR.matcher(new String(file, Long.BYTES, header, StandardCharsets.UTF_8));
        while (matcher.find()) {
            String[] shape = matcher.group(3).replace(" ", "").split(",", -1);
            int columns = Integer.parseInt(shape[shape.length - 1]);
            int rows = 1;
            for (int at = 0; at < shape.length - 1; at++) {
                rows *= Integer.parseInt(shape[at]);
            }
            boolean integers = matcher.group(2).equals("I32");
            tensors.put(matcher.group(1), new Tensor(integers, rows, columns, Integer.parseInt(matcher.group(4))));
        }
        data = bytes.slice(Long.BYTES + header, file.length - Long.BYTES - header)
                .order(ByteOrder.LITTLE_ENDIAN);
    }

    public static Golden load(String name) {
        String path = "/golden/" + name + ".safetensors";
        try (InputStream in = Golden.class.getResourceAsStream(path)) {
            if (in == null) {
                throw new AssertionError("the test resource " + path + " is missing");
            }
            return new Golden(name, in.readAllBytes());
        } catch (IOException e) {
            throw new AssertionError("can't read the test resource " + path, e);
        }
    }

    /** A tensor as rows; leading dimensions are folded into one, a vector is one row. */
    public float[][] rows(String tensor) {
        Tensor found = tensors.get(tensor);
        if (found == null) {
            throw new AssertionError(name + " has no tensor " + tensor + ", only " + tensors.keySet());
        }
        float[][] rows = new float[found.rows()][found.columns()];
        for (int at = 0; at < found.rows() * found.columns(); at++) {
            int offset = found.offset() + at * Float.BYTES;
            rows[at / found.columns()][at % found.columns()] =
                    found.integers() ? data.getInt(offset) : data.getFloat(offset);
        }
        return rows;
    }

    public float[] vector(String tensor) {
        return rows(tensor)[0];
    }

    public float scalar(String tensor) {
        return vector(tensor)[0];
    }
}
