// SPDX-License-Identifier: Apache-2.0
package dev.darien.testfiles;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/** Archives as {@code torch.save} writes them: a pickle of protocol 2 and one entry for each storage. */
public final class TorchFiles {
    /** A tensor whose storage holds its transpose: what {@code torch.save} makes of {@code w.T}. */
    public record Transposed(Values values) {}

    /** A tensor with the storage, offset, sizes and strides that a test wants. */
    public record View(Values storage, long elements, long offset, long[] shape, long[] strides) {}

    private final Bytes pickle = new Bytes().u8(0x80, 2);
    private final Map<String, byte[]> storages = new LinkedHashMap<>();
    private int memo;

    private TorchFiles() {}

    /** What {@code torch.save(object, file)} writes; the file's folder inside the archive is called {@code root}. */
    public static ZipFiles archive(String root, Object object) {
        TorchFiles writer = new TorchFiles();
        writer.put(object);
        writer.pickle.text(".");
        return writer.archive(root, writer.pickle.array());
    }

    public static Path write(Path file, Object object) {
        return archive("archive", object).write(file);
    }

    /** An archive with any pickle, and one storage, 0, of 16 floats. */
    public static ZipFiles archive(byte[] pickle) {
        TorchFiles writer = new TorchFiles();
        writer.storages.put("0", new byte[64]);
        return writer.archive("archive", pickle);
    }

    private ZipFiles archive(String root, byte[] data) {
        ZipFiles zip = new ZipFiles(ZipFiles.Style.TORCH);
        zip.stored(root + "/data.pkl", data);
        zip.stored(root + "/.format_version", new byte[] {'1'});
        zip.stored(root + "/byteorder", new Bytes().text("little").array());
        storages.forEach((key, bytes) -> zip.stored(root + "/data/" + key, bytes));
        return zip.stored(root + "/version", new Bytes().text("3\n").array());
    }

    private void put(Object object) {
        switch (object) {
            case Map<?, ?> map -> map(map);
            case List<?> list -> {
                remember(pickle.text("]"));
                pickle.text("(");
                list.forEach(this::put);
                pickle.text("e");
            }
            case String text -> text(text);
            case Boolean flag -> pickle.u8(flag ? 0x88 : 0x89);
            case Integer number -> number(number);
            case Long number -> number(number);
            case Double number -> {
                pickle.text("G");
                byte[] bytes = new Bytes()
                        .u64(Long.reverseBytes(Double.doubleToRawLongBits(number)))
                        .array();
                pickle.raw(bytes);
            }
            case Transposed transposed -> {
                Values values = transposed.values();
                long rows = values.shape()[0];
                long columns = values.shape()[1];
                view(new View(
                        values.transposed(), rows * columns, 0, new long[] {rows, columns}, new long[] {1, rows}));
            }
            case View view -> view(view);
            case Values values -> {
                long[] shape = IntStream.of(values.shape()).asLongStream().toArray();
                long[] strides = new long[shape.length];
                long step = 1;
                for (int i = shape.length - 1; i >= 0; i--) {
                    strides[i] = step;
                    step *= shape[i];
                }
                view(new View(values, values.data().length, 0, shape, strides));
            }
            default -> throw new IllegalArgumentException("can't pickle " + object.getClass());
        }
    }

    /** An OrderedDict with the state that modules leave on theirs. */
    private void map(Map<?, ?> map) {
        pickle.text("ccollections\nOrderedDict\n");
        remember(pickle);
        pickle.text(")R");
        remember(pickle);
        pickle.text("(");
        map.forEach((key, value) -> {
            put(key);
            put(value);
        });
        pickle.text("u");
        pickle.text("}");
        remember(pickle);
        text("_metadata");
        pickle.text("ccollections\nOrderedDict\n)Rsb");
    }

    private void number(long number) {
        if (number >= 0 && number < 256) {
            pickle.text("K").u8((int) number);
        } else if (number >= 0 && number < 65536) {
            pickle.text("M").u16((int) number);
        } else if (number == (int) number) {
            pickle.text("J").u32(number);
        } else {
            pickle.u8(0x8A, 8).u64(number);
        }
    }

    private void text(String text) {
        byte[] bytes = new Bytes().text(text).array();
        pickle.text("X").u32(bytes.length).raw(bytes);
        remember(pickle);
    }

    private void remember(Bytes after) {
        if (memo < 256) {
            after.text("q").u8(memo++);
        } else {
            after.text("r").u32(memo++);
        }
    }

    private void view(View view) {
        String key = String.valueOf(storages.size());
        storages.put(key, view.storage().bytes());
        String type =
                switch (view.storage().dtype()) {
                    case "F32" -> "FloatStorage";
                    case "F64" -> "DoubleStorage";
                    case "F16" -> "HalfStorage";
                    case "BF16" -> "BFloat16Storage";
                    case "I64" -> "LongStorage";
                    case "I32" -> "IntStorage";
                    default -> "BoolStorage";
                };
        pickle.text("ctorch._utils\n_rebuild_tensor_v2\n");
        remember(pickle);
        pickle.text("((");
        text("storage");
        pickle.text("ctorch\n" + type + "\n");
        remember(pickle);
        text(key);
        text("cuda:0");
        number(view.elements());
        pickle.text("t");
        remember(pickle);
        pickle.text("Q");
        number(view.offset());
        tuple(view.shape());
        tuple(view.strides());
        pickle.u8(0x89).text("ccollections\nOrderedDict\n)R");
        remember(pickle);
        pickle.text("t");
        remember(pickle);
        pickle.text("R");
        remember(pickle);
    }

    private void tuple(long... numbers) {
        if (numbers.length == 0) {
            pickle.text(")");
            return;
        }
        if (numbers.length > 3) {
            pickle.text("(");
        }
        for (long number : numbers) {
            number(number);
        }
        if (numbers.length > 3) {
            pickle.text("t");
        } else {
            pickle.u8(0x84 + numbers.length);
        }
        remember(pickle);
    }
}
