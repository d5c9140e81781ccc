// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import dev.darien.memory.Matrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/**
 * The entries of a mapped zip archive, from its central directory: the local headers of PyTorch's and NumPy's archives
 * don't say how long the data are. Our own, because the JDK's doesn't say where in the file they begin, and what is
 * stored is to be read where it lies.
 *
 * @param comment the archive's comment, in UTF-8
 */
record ZipDirectory(Path path, Map<String, Entry> entries, String comment) {
    private static final int LOCAL = 0x04034B50;
    private static final int CENTRAL = 0x02014B50;
    private static final int END = 0x06054B50;
    private static final int END_64 = 0x06064B50;
    private static final int LOCATOR_64 = 0x07064B50;
    private static final int END_BYTES = 22;
    private static final int LOCATOR_BYTES = 20;
    private static final int CENTRAL_BYTES = 46;
    private static final int LOCAL_BYTES = 30;
    private static final int LONGEST_COMMENT = 0xFFFF;
    private static final long UNKNOWN = 0xFFFFFFFFL;
    private static final int STORED = 0;
    private static final int DEFLATED = 8;
    /** Weights hardly compress; what does so much more was made to fill the memory. */
    private static final long MOST_INFLATION = 100;

    private static final long ALWAYS_ALLOWED = 16 << 20;
    private static final long BLOCK = 1 << 16;

    /**
     * One entry.
     *
     * @param data as they lie in the file
     * @param size of the data once they are inflated
     */
    record Entry(String what, boolean deflated, MemorySegment data, long size, int crc) {
        /** The bytes, inflated if they are deflated; in memory of {@code arena} then. */
        MemorySegment bytes(Arena arena) {
            return deflated ? inflate(arena, size) : data;
        }

        /** The first bytes, at most {@code count}. */
        MemorySegment beginning(Arena arena, long count) {
            return deflated ? inflate(arena, Math.min(count, size)) : data.asSlice(0, Math.min(count, size));
        }

        private MemorySegment inflate(Arena arena, long count) {
            MemorySegment out = arena.allocate(Math.max(1, count), 64).asSlice(0, count);
            Inflater inflater = new Inflater(true);
            CRC32 sum = new CRC32();
            byte[] buffer = new byte[(int) Math.min(BLOCK, Math.max(1, count))];
            byte[] input = new byte[(int) Math.min(BLOCK, data.byteSize())];
            try {
                long read = 0;
                long done = 0;
                while (done < count) {
                    int got = inflater.inflate(buffer, 0, (int) Math.min(buffer.length, count - done));
                    if (got == 0 && (inflater.finished() || inflater.needsDictionary() || read == data.byteSize())) {
                        throw new DataException(what + " holds " + done + " bytes, fewer than the " + size
                                + " that the archive says; copy or download it again");
                    }
                    MemorySegment.copy(buffer, 0, out, ValueLayout.JAVA_BYTE, done, got);
                    sum.update(buffer, 0, got);
                    done += got;
                    if (got == 0) {
                        int part = (int) Math.min(input.length, data.byteSize() - read);
                        MemorySegment.copy(data, ValueLayout.JAVA_BYTE, read, input, 0, part);
                        inflater.setInput(input, 0, part);
                        read += part;
                    }
                }
            } catch (DataFormatException e) {
                throw new DataException(what + " is compressed, but damaged; copy or download it again", e);
            } finally {
                inflater.end();
            }
            if (count == size && (int) sum.getValue() != crc) {
                throw new DataException(what + " is damaged: its checksum is another; copy or download it again");
            }
            return out;
        }
    }

    static boolean hasMagic(MemorySegment bytes) {
        return bytes.byteSize() >= 4 && bytes.get(Matrix.INT, 0) == LOCAL;
    }

    /**
     * Reads the central directory.
     *
     * @throws DataException if the archive isn't sound
     */
    static ZipDirectory parse(Path path, MemorySegment file) {
        return new Parser(path, file).parse();
    }

    /** An entry as the directory lists it: where its local header is, and what its data should be. */
    private record Listed(String name, int flags, int method, int crc, long compressed, long size, long local) {}

    private record Parser(Path path, MemorySegment file) {
        ZipDirectory parse() {
            long end = findEnd();
            String comment = new String(
                    file.asSlice(end + END_BYTES, unsigned16(end + 20)).toArray(ValueLayout.JAVA_BYTE),
                    StandardCharsets.UTF_8);
            long count = unsigned16(end + 10);
            long size = unsigned32(end + 12);
            long begin = unsigned32(end + 16);
            long limit = end;
            if (end >= LOCATOR_BYTES && file.get(Matrix.INT, end - LOCATOR_BYTES) == LOCATOR_64) {
                long end64 = file.get(Matrix.LONG, end - LOCATOR_BYTES + 8);
                if (end64 < 0 || end64 > end - LOCATOR_BYTES - 56 || file.get(Matrix.INT, end64) != END_64) {
                    throw damaged("its end points to a directory that isn't there");
                }
                count = file.get(Matrix.LONG, end64 + 32);
                size = file.get(Matrix.LONG, end64 + 40);
                begin = file.get(Matrix.LONG, end64 + 48);
                limit = end64;
            }
            if (begin < 0
                    || size < 0
                    || begin > limit
                    || size > limit - begin
                    || count < 0
                    || count > size / CENTRAL_BYTES) {
                throw damaged("its directory doesn't fit into it");
            }
            return new ZipDirectory(path, entries(list(begin, begin + size, count), begin), comment);
        }

        private long findEnd() {
            long last = file.byteSize() - END_BYTES;
            for (long at = last; at >= 0 && at >= last - LONGEST_COMMENT; at--) {
                if (file.get(Matrix.INT, at) == END && at + END_BYTES + unsigned16(at + 20) == file.byteSize()) {
                    return at;
                }
            }
            throw damaged("its end is missing");
        }

        private List<Listed> list(long begin, long end, long count) {
            List<Listed> listed = new ArrayList<>();
            long at = begin;
            for (long i = 0; i < count; i++) {
                if (at > end - CENTRAL_BYTES || file.get(Matrix.INT, at) != CENTRAL) {
                    throw damaged("its directory ends after " + i + " of " + count + " entries");
                }
                int nameBytes = unsigned16(at + 28);
                int extraBytes = unsigned16(at + 30);
                long next = at + CENTRAL_BYTES + nameBytes + extraBytes + unsigned16(at + 32);
                if (next > end) {
                    throw damaged("its directory ends within an entry");
                }
                listed.add(listed(at, nameBytes, extraBytes));
                at = next;
            }
            return listed;
        }

        private Listed listed(long at, int nameBytes, int extraBytes) {
            String name = new String(
                    file.asSlice(at + CENTRAL_BYTES, nameBytes).toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_8);
            // Sizes and offset, in the order in which the extra field gives those that don't fit into 32 bits.
            long[] numbers = {unsigned32(at + 24), unsigned32(at + 20), unsigned32(at + 42)};
            long extra = at + CENTRAL_BYTES + nameBytes;
            long extraEnd = extra + extraBytes;
            while (extra <= extraEnd - 4) {
                long fieldEnd = extra + 4 + unsigned16(extra + 2);
                if (fieldEnd > extraEnd) {
                    break;
                }
                if (unsigned16(extra) == 1) {
                    long field = extra + 4;
                    for (int i = 0; i < numbers.length; i++) {
                        if (numbers[i] == UNKNOWN && field <= fieldEnd - Long.BYTES) {
                            numbers[i] = file.get(Matrix.LONG, field);
                            field += Long.BYTES;
                        }
                    }
                }
                extra = fieldEnd;
            }
            return new Listed(
                    name,
                    unsigned16(at + 8),
                    unsigned16(at + 10),
                    file.get(Matrix.INT, at + 16),
                    numbers[1],
                    numbers[0],
                    numbers[2]);
        }

        private Map<String, Entry> entries(List<Listed> listed, long directory) {
            List<Listed> ordered = new ArrayList<>(listed);
            ordered.sort(Comparator.comparingLong(Listed::local));
            Map<String, Entry> entries = new LinkedHashMap<>();
            long free = 0;
            for (Listed entry : ordered) {
                String what = path + ", entry '" + entry.name() + "'";
                long local = entry.local();
                // Entries that share their data are how a small archive becomes a large one.
                if (local < free || local > directory - LOCAL_BYTES || file.get(Matrix.INT, local) != LOCAL) {
                    throw new DataException(what + " isn't where the archive says; copy or download it again");
                }
                long data = local + LOCAL_BYTES + unsigned16(local + 26) + unsigned16(local + 28);
                if (entry.compressed() < 0 || data > directory || entry.compressed() > directory - data) {
                    throw new DataException(
                            what + " reaches beyond the data of the archive; copy or download it again");
                }
                free = data + entry.compressed();
                if (entries.put(entry.name(), entry(what, entry, data)) != null) {
                    throw new DataException(what + " is in the archive twice; write the file again");
                }
            }
            return entries;
        }

        private Entry entry(String what, Listed entry, long data) {
            if ((entry.flags() & 1) != 0) {
                throw new DataException(what + " is encrypted; save it without a password");
            }
            boolean deflated = entry.method() == DEFLATED;
            if (!deflated && entry.method() != STORED) {
                throw new DataException(what + " is compressed by method " + entry.method()
                        + ", but only stored and deflated entries can be read; save it again");
            }
            if (!deflated && entry.size() != entry.compressed()) {
                throw new DataException(what + " is stored, but in " + entry.compressed() + " bytes where it says "
                        + entry.size() + "; copy or download it again");
            }
            if (entry.size() < 0 || entry.size() > Math.max(ALWAYS_ALLOWED, MOST_INFLATION * entry.compressed())) {
                throw new DataException("%s says that its %d bytes become %d, more than weights ever do; it isn't read"
                        .formatted(what, entry.compressed(), entry.size()));
            }
            return new Entry(what, deflated, file.asSlice(data, entry.compressed()), entry.size(), entry.crc());
        }

        private int unsigned16(long at) {
            return Short.toUnsignedInt(file.get(Matrix.SHORT, at));
        }

        private long unsigned32(long at) {
            return Integer.toUnsignedLong(file.get(Matrix.INT, at));
        }

        private DataException damaged(String how) {
            return new DataException(path + " is a zip archive, but damaged: " + how + "; copy or download it again");
        }
    }
}
