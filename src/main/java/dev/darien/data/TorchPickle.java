// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import dev.darien.memory.Matrix;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Reads the pickles that {@code torch.save} writes (protocol 2), as data: a pickle is a program, and this one knows
 * only the instructions and the names that a state dictionary needs. Any other is refused before anything is made of
 * it. There is no way to have it call anything.
 *
 * <p>Dictionaries become maps with strings as keys, tuples and lists lists, tensors {@link Stored}, {@code None}
 * {@link #NONE}.
 */
final class TorchPickle {
    /** Python's {@code None}. */
    static final Object NONE = new Object() {
        @Override
        public String toString() {
            return "None";
        }
    };

    /** A tensor: a view of a storage of the archive. */
    record Stored(String dtype, String storage, long elements, long offset, List<Long> shape, List<Long> strides) {}

    /** What a name stands for. */
    private enum Callable {
        ORDERED_DICT,
        REBUILD_TENSOR,
        REBUILD_PARAMETER,
        DEVICE
    }

    private record Storage(String dtype, String key, long elements) {}

    private record StorageType(String dtype) {}

    private static final Object MARK = new Object();

    private static final Map<String, Callable> CALLABLES = Map.of(
            "collections.OrderedDict", Callable.ORDERED_DICT,
            "torch._utils._rebuild_tensor_v2", Callable.REBUILD_TENSOR,
            "torch._utils._rebuild_parameter", Callable.REBUILD_PARAMETER,
            "torch.device", Callable.DEVICE);

    private static final Map<String, String> STORAGES = Map.ofEntries(
            Map.entry("torch.FloatStorage", "F32"),
            Map.entry("torch.DoubleStorage", "F64"),
            Map.entry("torch.HalfStorage", "F16"),
            Map.entry("torch.BFloat16Storage", "BF16"),
            Map.entry("torch.LongStorage", "I64"),
            Map.entry("torch.IntStorage", "I32"),
            Map.entry("torch.ShortStorage", "I16"),
            Map.entry("torch.CharStorage", "I8"),
            Map.entry("torch.ByteStorage", "U8"),
            Map.entry("torch.BoolStorage", "BOOL"));

    /** Names of element types, which configurations hold. */
    private static final Set<String> CONSTANTS =
            Set.of("torch.float32", "torch.float64", "torch.float16", "torch.bfloat16", "torch.int32", "torch.int64");

    /** As many as PyTorch's own tensors may have. */
    private static final int MOST_DIMENSIONS = 64;

    private final String what;
    private final MemorySegment bytes;
    private final List<Object> stack = new ArrayList<>();
    private final Map<Integer, Object> memo = new HashMap<>();
    private long at;

    private TorchPickle(String what, MemorySegment bytes) {
        this.what = what;
        this.bytes = bytes;
    }

    /**
     * What the pickle describes.
     *
     * @param what named in messages
     * @throws DataException if it holds anything but data, or isn't sound
     */
    static Object load(String what, MemorySegment bytes) {
        return new TorchPickle(what, bytes).run();
    }

    private Object run() {
        while (true) {
            long here = at;
            int code = unsigned8();
            if (code == '.') {
                return pop();
            }
            if (!step(code)) {
                throw new DataException(
                        "%s holds the pickle instruction 0x%02x at byte %d, which no state dictionary needs; "
                                        .formatted(what, code, here)
                                + "nothing of it was run; save the state_dict() alone, with torch.save");
            }
        }
    }

    /** Carries out one instruction; false if it isn't one of those that are known. */
    private boolean step(int code) {
        switch (code) {
            case 0x80 -> requireProtocol(unsigned8());
            case '(' -> stack.add(MARK);
            case 'N' -> stack.add(NONE);
            case 0x88 -> stack.add(true);
            case 0x89 -> stack.add(false);
            case 'K' -> stack.add((long) unsigned8());
            case 'M' -> stack.add((long) Short.toUnsignedInt(take(Short.BYTES).get(Matrix.SHORT, 0)));
            case 'J' -> stack.add((long) take(Integer.BYTES).get(Matrix.INT, 0));
            case 0x8A -> stack.add(longInteger());
            case 'G' -> stack.add(take(Double.BYTES).get(Matrix.DOUBLE.withOrder(ByteOrder.BIG_ENDIAN), 0));
            case 'X' ->
                stack.add(text(Integer.toUnsignedLong(take(Integer.BYTES).get(Matrix.INT, 0))));
            case ')' -> stack.add(List.of());
            case ']' -> stack.add(new ArrayList<>());
            case '}' -> stack.add(new LinkedHashMap<String, Object>());
            case 't' -> stack.add(popToMark());
            case 0x85, 0x86, 0x87 -> stack.add(popLast(code - 0x84));
            case 'a' -> append(popLast(1));
            case 'e' -> append(popToMark());
            case 's' -> setItems(popLast(2));
            case 'u' -> setItems(popToMark());
            case 'q' -> memo.put(unsigned8(), top());
            case 'r' -> memo.put(take(Integer.BYTES).get(Matrix.INT, 0), top());
            case 'h' -> stack.add(remembered(unsigned8()));
            case 'j' -> stack.add(remembered(take(Integer.BYTES).get(Matrix.INT, 0)));
            case 'c' -> stack.add(global(line() + "." + line()));
            case 'Q' -> stack.add(persistent(pop()));
            case 'R' -> stack.add(reduce(popLast(2)));
            case 'b' -> build(popLast(1).getFirst());
            default -> {
                return false;
            }
        }
        return true;
    }

    // ---------------------------------------------------------------------------------------------- instructions

    private void requireProtocol(int protocol) {
        if (protocol > 3) {
            throw new DataException(what + " is a pickle of protocol " + protocol
                    + ", but PyTorch's own is 2; save it with torch.save as it is");
        }
    }

    private Object global(String name) {
        @Nullable Callable callable = CALLABLES.get(name);
        if (callable != null) {
            return callable;
        }
        @Nullable String dtype = STORAGES.get(name);
        if (dtype != null) {
            return new StorageType(dtype);
        }
        if (CONSTANTS.contains(name)) {
            return name;
        }
        throw new DataException(what + " holds a Python object '" + name + "', which isn't data of a state dictionary;"
                + " nothing of it was run; save the state_dict() alone, with torch.save");
    }

    private Object persistent(Object id) {
        if (id instanceof List<?> parts
                && parts.size() == 5
                && "storage".equals(parts.get(0))
                && parts.get(1) instanceof StorageType type
                && parts.get(2) instanceof String key
                && parts.get(4) instanceof Long elements
                && elements >= 0) {
            return new Storage(type.dtype(), key, elements);
        }
        throw malformed("a reference to data that isn't one to a storage");
    }

    private Object reduce(List<Object> call) {
        if (!(call.getFirst() instanceof Callable callable) || !(call.getLast() instanceof List<?> arguments)) {
            throw malformed("a call of something that can't be called");
        }
        return switch (callable) {
            case ORDERED_DICT -> {
                if (!arguments.isEmpty()) {
                    throw malformed("an OrderedDict with arguments");
                }
                yield new LinkedHashMap<String, Object>();
            }
            case REBUILD_TENSOR -> tensor(arguments);
            case REBUILD_PARAMETER -> {
                if (arguments.isEmpty() || !(arguments.getFirst() instanceof Stored stored)) {
                    throw malformed("a parameter without a tensor");
                }
                yield stored;
            }
            case DEVICE -> {
                // Not String.valueOf: a list of lists of lists may spell more than memory holds.
                if (arguments.isEmpty() || !(arguments.getFirst() instanceof String name)) {
                    throw malformed("a device without a name");
                }
                yield name;
            }
        };
    }

    private Stored tensor(List<?> arguments) {
        if (arguments.size() >= 6
                && arguments.get(0) instanceof Storage storage
                && arguments.get(1) instanceof Long offset
                && offset >= 0
                && arguments.get(2) instanceof List<?> shape
                && arguments.get(3) instanceof List<?> strides
                && shape.size() == strides.size()
                && shape.size() <= MOST_DIMENSIONS) {
            return new Stored(
                    storage.dtype(), storage.key(), storage.elements(), offset, numbers(shape), numbers(strides));
        }
        throw malformed("a tensor without its storage, offset, size and stride");
    }

    private List<Long> numbers(List<?> list) {
        List<Long> numbers = new ArrayList<>();
        for (Object item : list) {
            if (!(item instanceof Long number) || number < 0) {
                throw malformed("a tensor with a size or stride "
                        + (item instanceof Long below ? "of " + below : "that is no number"));
            }
            numbers.add(number);
        }
        return numbers;
    }

    /** The state of a dictionary, such as the versions of its modules, is of no use here. */
    private void build(Object state) {
        if (!(state instanceof Map) || !(top() instanceof Map)) {
            throw malformed("a state for something that has none");
        }
    }

    @SuppressWarnings("unchecked") // Maps and lists on the stack are only ever made here.
    private void setItems(List<Object> items) {
        if (!(top() instanceof LinkedHashMap<?, ?> map) || items.size() % 2 != 0) {
            throw malformed("entries for something that isn't a dictionary");
        }
        for (int i = 0; i < items.size(); i += 2) {
            Object key = items.get(i);
            if (!(key instanceof String || key instanceof Long)) {
                throw malformed("a dictionary whose keys aren't strings");
            }
            ((Map<String, Object>) map).put(key.toString(), items.get(i + 1));
        }
    }

    @SuppressWarnings("unchecked")
    private void append(List<Object> items) {
        if (!(top() instanceof ArrayList<?> list)) {
            throw malformed("items for something that isn't a list");
        }
        ((List<Object>) list).addAll(items);
    }

    // ------------------------------------------------------------------------------------------- stack and bytes

    private Object top() {
        if (stack.isEmpty() || stack.getLast() == MARK) {
            throw malformed("an instruction without anything to work on");
        }
        return stack.getLast();
    }

    private Object pop() {
        Object top = top();
        stack.removeLast();
        return top;
    }

    /** The last {@code count} objects, taken off the stack, as an immutable list. */
    private List<Object> popLast(int count) {
        Object[] items = new Object[count];
        for (int i = count - 1; i >= 0; i--) {
            items[i] = pop();
        }
        return List.of(items);
    }

    private List<Object> popToMark() {
        int mark = stack.lastIndexOf(MARK);
        if (mark < 0) {
            throw malformed("an end without a beginning");
        }
        List<Object> part = stack.subList(mark, stack.size());
        List<Object> items = List.copyOf(part.subList(1, part.size()));
        part.clear();
        return items;
    }

    private Object remembered(int index) {
        @Nullable Object object = memo.get(index);
        if (object == null) {
            throw malformed("a reference to something that isn't there yet");
        }
        return object;
    }

    private Long longInteger() {
        int length = unsigned8();
        if (length > Long.BYTES) {
            throw malformed("a number of " + length + " bytes");
        }
        MemorySegment digits = take(length);
        long value = length == 0 ? 0 : digits.get(ValueLayout.JAVA_BYTE, length - 1L) >> 7;
        for (int i = length - 1; i >= 0; i--) {
            value = (value << 8) | (digits.get(ValueLayout.JAVA_BYTE, i) & 0xFF);
        }
        return value;
    }

    private String line() {
        long end = at;
        while (end < bytes.byteSize() && bytes.get(ValueLayout.JAVA_BYTE, end) != '\n') {
            end++;
        }
        String line = text(end - at);
        take(1);
        return line;
    }

    private String text(long length) {
        return new String(take(length).toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_8);
    }

    private int unsigned8() {
        return take(1).get(ValueLayout.JAVA_BYTE, 0) & 0xFF;
    }

    private MemorySegment take(long count) {
        if (count > bytes.byteSize() - at) {
            throw new DataException(what + " ends within an instruction of its pickle; it is truncated");
        }
        MemorySegment part = bytes.asSlice(at, count);
        at += count;
        return part;
    }

    private DataException malformed(String how) {
        return new DataException(what + " has a pickle with " + how + "; save the state_dict() alone, with torch.save");
    }
}
