// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import dev.darien.memory.Matrix;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Labelled examples: which token belongs to which example, and to which class each example belongs. An example is a token,
 * or a sequence whose tokens are averaged.
 */
public final class Examples {
    /** Which example each token belongs to, [tokens], negative for none. */
    private final int[] exampleOf;
    /** Class of each example, an index into {@link #names}. */
    private final int[] classes;

    private final List<String> names;

    /**
     * Examples as given.
     *
     * @param exampleOf which example each token belongs to, negative for none
     * @param labels the label of each example
     * @throws DataException if a token names an example that has no label
     */
    public Examples(int[] exampleOf, List<String> labels) {
        this.exampleOf = exampleOf.clone();
        Map<String, Integer> numbers = new LinkedHashMap<>();
        sorted(labels).forEach(label -> numbers.put(label, numbers.size()));
        this.names = List.copyOf(numbers.keySet());
        this.classes = labels.stream().mapToInt(numbers::get).toArray();
        for (int example : exampleOf) {
            if (example >= classes.length) {
                throw new DataException(
                        "a token belongs to sequence " + example + ", but there are labels for only " + classes.length);
            }
        }
    }

    /** Numbers by value, else by name. */
    private static List<String> sorted(List<String> labels) {
        TreeMap<String, String> byKey = new TreeMap<>();
        for (String label : labels) {
            // Behind the value the label itself: 2 and 02 are two.
            byKey.put(label.matches("\\d{1,18}") ? "%018d ".formatted(Long.parseLong(label)) + label : label, label);
        }
        return List.copyOf(byKey.values());
    }

    /**
     * Reads labels for the activations of {@code files}.
     *
     * @param files safetensors files, in the order of the activations
     * @param activations name of the activations' tensor
     * @param labels name of a tensor of whole numbers in the same files, or of a text file with a label a line. There is one
     *     label for each token; or for each sequence, which the tensor {@code sequences} of the files, the shape of the
     *     activations or {@code context} in the files' metadata tells.
     * @throws DataException if there are no such labels, or their number fits neither tokens nor sequences
     */
    public static Examples read(List<Path> files, String activations, String labels) {
        Path text = Path.of(labels);
        List<String> values = new ArrayList<>();
        List<Integer> sequences = new ArrayList<>();
        boolean known = true;
        int before = 0;
        for (Path file : files) {
            try (SafetensorsFile opened = SafetensorsFile.open(file);
                    TensorFile tensors = TensorFile.open(file)) {
                int tokens = tokens(opened, activations);
                if (!Files.isRegularFile(text)) {
                    values.addAll(whole(tensors.tensor(labels)));
                }
                int[] ids = sequences(opened, tensors, activations, tokens);
                known &= ids.length > 0;
                int most = -1;
                for (int id : ids) {
                    // Numbers of a tensor go through all files; others begin anew with each.
                    boolean own = !opened.tensors().containsKey(SEQUENCES);
                    sequences.add(own ? before + id : id);
                    most = Math.max(most, own ? before + id : id);
                }
                before = Math.max(before, most + 1);
                if (!known) {
                    // Placeholders, so that tokens are still counted.
                    for (int token = ids.length; token < tokens; token++) {
                        sequences.add(-1);
                    }
                }
            }
        }
        if (Files.isRegularFile(text)) {
            lines(text).forEach(line -> values.add(line.strip()));
        }
        int tokens = sequences.size();
        if (values.size() == tokens) {
            int[] each = new int[tokens];
            Arrays.setAll(each, token -> token);
            return new Examples(each, values);
        }
        if (known && before <= values.size()) {
            return new Examples(sequences.stream().mapToInt(Integer::intValue).toArray(), values);
        }
        throw new DataException(labels + " has " + values.size() + " labels, but there are " + tokens + " tokens"
                + (known ? " in " + before + " sequences" : "")
                + "; there must be one label for each token or for each sequence");
    }

    private static final String SEQUENCES = "sequences";

    /** How many activations a file has. A shape without elements may claim any number of rows. */
    static int tokens(SafetensorsFile file, String activations) {
        Matrix matrix = file.matrix(activations);
        if (matrix.columns() == 0 || matrix.rows() == 0 || matrix.rows() > Integer.MAX_VALUE - 8) {
            throw new DataException(file.path() + ", tensor '" + activations + "' has the shape "
                    + file.tensor(activations).shape() + ", which isn't that of activations; collect them again");
        }
        return (int) matrix.rows();
    }

    /** The sequence of each token; empty if nothing tells. */
    static int[] sequences(SafetensorsFile file, TensorFile tensors, String activations, int tokens) {
        if (file.tensors().containsKey(SEQUENCES)) {
            double[] values = tensors.tensor(SEQUENCES).values();
            if (values.length != tokens) {
                throw new DataException(file.path() + ", tensor '" + SEQUENCES + "' has " + values.length
                        + " elements for " + tokens + " tokens; collect it again");
            }
            return Arrays.stream(values).mapToInt(value -> (int) value).toArray();
        }
        List<Long> shape = file.tensor(activations).shape();
        String context = file.metadata().getOrDefault("context", "");
        long length = shape.size() == 3 ? shape.get(1) : context.matches("\\d{1,9}") ? Long.parseLong(context) : 0;
        if (length < 1 || tokens % length != 0) {
            return new int[0];
        }
        int[] each = new int[tokens];
        Arrays.setAll(each, token -> (int) (token / length));
        return each;
    }

    private static List<String> whole(Tensor tensor) {
        if (tensor.isFloating()) {
            throw new DataException(
                    tensor.what() + " is of type " + tensor.dtype() + ", but labels are whole numbers; convert it");
        }
        return Arrays.stream(tensor.values())
                .mapToObj(value -> String.valueOf((long) value))
                .toList();
    }

    /** The lines of a text, as they are. */
    static List<String> lines(Path file) {
        try {
            return Files.readAllLines(file, StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new DataException(file + " can't be read as text: " + MappedFile.reason(e) + "; check it", e);
        }
    }

    /** Number of examples. */
    public int count() {
        return classes.length;
    }

    /** Number of tokens. */
    public int tokens() {
        return exampleOf.length;
    }

    /** Which example token {@code token} belongs to; negative for none. */
    public int exampleOf(int token) {
        return exampleOf[token];
    }

    /** Class of example {@code example}. */
    public int classOf(int example) {
        return classes[example];
    }

    /** The classes' labels; numbers in their order, else by name. */
    public List<String> names() {
        return names;
    }

    /** How many examples each class has. */
    public int[] sizes() {
        int[] sizes = new int[names.size()];
        for (int label : classes) {
            sizes[label]++;
        }
        return sizes;
    }
}
