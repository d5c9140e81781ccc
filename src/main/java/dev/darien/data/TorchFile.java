// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import dev.darien.data.TorchPickle.Stored;
import dev.darien.memory.Matrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * An archive that {@code torch.save} wrote (PyTorch 1.6 and later): a zip with the pickle {@code data.pkl} and one entry
 * for each storage, all in a folder with the name that the file once had.
 */
final class TorchFile {
    private static final String PICKLE = "/data.pkl";
    private static final long LONGEST_PICKLE = 64 << 20;
    /** A hostile pickle can describe, in a few bytes, more than could ever be listed. */
    private static final int MOST_ENTRIES = 100_000;

    private static final int DEEPEST = 16;
    private static final long ALWAYS_ALLOWED = 1 << 16;
    private static final long CHARACTERS_PER_BYTE = 16;

    private final ZipDirectory zip;
    private final String root;
    private int entries;
    /** Of all names together: a long one that is referred to again and again takes no more room in the file. */
    private long characters;

    private long mostCharacters;

    private TorchFile(ZipDirectory zip, String root) {
        this.zip = zip;
        this.root = root;
    }

    static boolean isOne(ZipDirectory zip) {
        return zip.entries().keySet().stream().anyMatch(name -> name.endsWith(PICKLE));
    }

    /** What the archive holds, as {@link TensorFile#content()}. */
    static Map<String, Object> content(ZipDirectory zip) {
        List<String> pickles = zip.entries().keySet().stream()
                .filter(name -> name.endsWith(PICKLE))
                .toList();
        if (pickles.size() != 1) {
            throw new DataException(zip.path() + " has " + pickles.size() + " pickles where PyTorch writes one: "
                    + String.join(", ", pickles) + "; save it again");
        }
        String root = pickles.getFirst().substring(0, pickles.getFirst().length() - PICKLE.length());
        return new TorchFile(zip, root).read();
    }

    /** Before 1.6 PyTorch wrote pickles one after the other, and a plain pickle is nothing that could be read. */
    static void refuseOldFormat(Path path, MemorySegment bytes) {
        boolean pickle = bytes.byteSize() > 2
                && bytes.get(ValueLayout.JAVA_BYTE, 0) == (byte) 0x80
                && bytes.get(ValueLayout.JAVA_BYTE, 1) >= 2
                && bytes.get(ValueLayout.JAVA_BYTE, 1) <= 5
                // A safetensors file begins with the length of its header, which may look like it.
                && (bytes.byteSize() < Long.BYTES || !SafetensorsHeader.isLength(bytes.get(Matrix.LONG, 0)));
        if (pickle) {
            throw new DataException(path + " is a pickle, as PyTorch wrote files before version 1.6; open it with a"
                    + " PyTorch that you trust it to, and torch.save its state_dict() again");
        }
    }

    private Map<String, Object> read() {
        ZipDirectory.@Nullable Entry order = zip.entries().get(root + "/byteorder");
        try (Arena arena = Arena.ofConfined()) {
            if (order != null && !text(order.beginning(arena, 16)).strip().equals("little")) {
                throw new DataException(zip.path() + " holds big-endian numbers; save it on a little-endian machine");
            }
            ZipDirectory.Entry pickle = Objects.requireNonNull(zip.entries().get(root + PICKLE));
            if (pickle.size() > LONGEST_PICKLE) {
                throw new DataException(zip.path() + " has a pickle of " + pickle.size() + " bytes, more than the "
                        + LONGEST_PICKLE + " that any state dictionary needs; save the state_dict() alone");
            }
            mostCharacters = ALWAYS_ALLOWED + CHARACTERS_PER_BYTE * pickle.size();
            Object content = TorchPickle.load(zip.path().toString(), pickle.bytes(arena));
            if (!(content instanceof Map<?, ?> map)) {
                throw new DataException(
                        zip.path() + " holds no dictionary of tensors; save the state_dict() of the SAE");
            }
            return named("", map, 0);
        }
    }

    private static String text(MemorySegment bytes) {
        return new String(bytes.toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_8);
    }

    private Map<String, Object> named(String prefix, Map<?, ?> map, int depth) {
        Map<String, Object> result = new LinkedHashMap<>();
        map.forEach((key, value) -> result.put(String.valueOf(key), named(prefix + key, value, depth + 1)));
        return result;
    }

    private Object named(String name, Object value, int depth) {
        characters += name.length();
        if (++entries > MOST_ENTRIES || depth > DEEPEST || characters > mostCharacters) {
            throw new DataException(zip.path() + " holds more, or more deeply nested, than any state dictionary does;"
                    + " save the state_dict() of the SAE alone");
        }
        return switch (value) {
            case Stored stored -> tensor(name, stored);
            case Map<?, ?> map -> named(name + ".", map, depth);
            case List<?> list -> {
                List<Object> items = new ArrayList<>();
                for (Object item : list) {
                    items.add(named(name + "." + items.size(), item, depth + 1));
                }
                yield items;
            }
            case String text -> text;
            case Long number -> number;
            case Double number -> number;
            case Boolean flag -> flag;
            default -> value == TorchPickle.NONE ? "None" : value.toString();
        };
    }

    private Tensor tensor(String name, Stored stored) {
        String what = zip.path() + ", tensor '" + name + "'";
        ZipDirectory.@Nullable Entry entry = zip.entries().get(root + "/data/" + stored.storage());
        if (entry == null) {
            throw new DataException(what + " has its data in the entry '" + root + "/data/" + stored.storage()
                    + "', which isn't there; copy or download the file again");
        }
        if (entry.deflated()) {
            throw new DataException(what + " is compressed, as PyTorch never writes it; save it again");
        }
        int bytes = Tensor.bytes(stored.dtype());
        if (stored.elements() != entry.size() / bytes || entry.size() % bytes != 0) {
            throw new DataException("%s should have a storage of %d elements, but its data are %d bytes of %s; "
                            .formatted(what, stored.elements(), entry.size(), stored.dtype())
                    + "copy or download the file again");
        }
        if (stored.offset() > stored.elements()) {
            throw new DataException("%s begins at element %d of a storage of %d; it is damaged"
                    .formatted(what, stored.offset(), stored.elements()));
        }
        MemorySegment data = entry.data().asSlice(stored.offset() * bytes);
        return Tensor.of(
                zip.path().toString(),
                name,
                stored.dtype(),
                stored.shape(),
                stored.strides().stream().mapToLong(Long::longValue).toArray(),
                TensorBytes.mapped(data),
                data.byteSize());
    }
}
