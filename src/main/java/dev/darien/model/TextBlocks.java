// SPDX-License-Identifier: Apache-2.0
package dev.darien.model;

import dev.darien.data.DataException;
import dev.darien.data.MappedFile;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Text files in UTF-8, one after the other, in blocks of whole lines. */
final class TextBlocks implements AutoCloseable {
    private static final int CHARACTERS = 1 << 16;
    /** Where a file without line ends is cut. */
    private static final int LONGEST = 1 << 20;

    private final List<Path> files;
    private final long bytes;
    private final char[] buffer = new char[CHARACTERS];
    private final StringBuilder rest = new StringBuilder();
    private int file = -1;
    private @Nullable Counted stream;
    private @Nullable BufferedReader reader;
    private long bytesBefore;

    /** @throws DataException if a file can't be read */
    TextBlocks(List<Path> files) {
        this.files = List.copyOf(files);
        long sum = 0;
        for (Path path : files) {
            // Says what is wrong with a folder, a pipe or an empty file.
            try (MappedFile mapped = MappedFile.open(path)) {
                sum += mapped.size();
            }
        }
        this.bytes = sum;
    }

    /**
     * The next lines with their ends, or null when all files have been read. A block never spans two files.
     *
     * @throws DataException if a file isn't text in UTF-8 or can't be read
     */
    @Nullable
    String next() {
        try {
            while (true) {
                BufferedReader from = reader;
                if (from == null) {
                    if (file + 1 == files.size()) {
                        return null;
                    }
                    from = open(files.get(++file));
                }
                String block = read(from);
                if (!block.isEmpty()) {
                    return block;
                }
                close();
            }
        } catch (CharacterCodingException e) {
            throw new DataException(files.get(file) + " isn't text in UTF-8; convert it", e);
        } catch (IOException e) {
            throw new DataException(files.get(file) + " can't be read: " + MappedFile.reason(e), e);
        }
    }

    private BufferedReader open(Path path) throws IOException {
        Counted counted = new Counted(Files.newInputStream(path));
        BufferedReader opened = new BufferedReader(new InputStreamReader(
                counted,
                StandardCharsets.UTF_8
                        .newDecoder()
                        .onMalformedInput(CodingErrorAction.REPORT)
                        .onUnmappableCharacter(CodingErrorAction.REPORT)));
        stream = counted;
        reader = opened;
        return opened;
    }

    /** Whole lines, or what is left; empty at the end of the file. */
    private String read(BufferedReader from) throws IOException {
        while (true) {
            int count = from.read(buffer);
            if (count < 0) {
                return take(rest.length());
            }
            int before = rest.length();
            rest.append(buffer, 0, count);
            int end = rest.lastIndexOf("\n") + 1;
            if (end > 0) {
                return take(end);
            }
            if (rest.length() > LONGEST) {
                return take(Character.isHighSurrogate(rest.charAt(before - 1)) ? before - 1 : before);
            }
        }
    }

    private String take(int length) {
        String block = rest.substring(0, length);
        rest.delete(0, length);
        return block;
    }

    /** How much of all files has been read, from 0 to 1. */
    double share() {
        return bytes == 0 ? 1 : (double) (bytesBefore + (stream == null ? 0 : stream.count)) / bytes;
    }

    @Override
    public void close() {
        try {
            if (reader != null) {
                reader.close();
            }
        } catch (IOException e) {
            throw new DataException(files.get(file) + " can't be closed: " + MappedFile.reason(e), e);
        } finally {
            bytesBefore += stream == null ? 0 : stream.count;
            stream = null;
            reader = null;
        }
    }

    private static final class Counted extends InputStream {
        private final InputStream inner;
        private long count;

        Counted(InputStream inner) {
            this.inner = inner;
        }

        @Override
        public int read() throws IOException {
            int value = inner.read();
            count += value < 0 ? 0 : 1;
            return value;
        }

        @Override
        public int read(byte[] into, int offset, int length) throws IOException {
            int read = inner.read(into, offset, length);
            count += Math.max(0, read);
            return read;
        }

        @Override
        public void close() throws IOException {
            inner.close();
        }
    }
}
