// SPDX-License-Identifier: Apache-2.0
package dev.darien.testfiles;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32;
import java.util.zip.Deflater;

/** Zip archives record by record, in the two styles that matter. */
public final class ZipFiles {
    /** How local headers are written. */
    public enum Style {
        /** PyTorch's: sizes and checksum 0 in the local header, a descriptor after the data, data at multiples of 64. */
        TORCH,
        /** NumPy's: 32-bit sizes of all ones and a zip64 field, in the local header and in the directory. */
        NUMPY
    }

    /** An entry, as it will be listed; a test changes what it lies about. */
    public static final class Entry {
        public String name;
        public byte[] stored;
        public int method;
        public long size;
        public long compressed;
        public int crc;
        public int flags;
        public long local = -1;

        Entry(String name, byte[] data, boolean deflate) {
            this.name = name;
            CRC32 sum = new CRC32();
            sum.update(data);
            crc = (int) sum.getValue();
            size = data.length;
            stored = deflate ? deflate(data) : data;
            compressed = stored.length;
            method = deflate ? 8 : 0;
        }
    }

    private final Style style;
    private final List<Entry> entries = new ArrayList<>();
    private String comment = "";

    public ZipFiles(Style style) {
        this.style = style;
    }

    public ZipFiles stored(String name, byte[] data) {
        entries.add(new Entry(name, data, false));
        return this;
    }

    public ZipFiles deflated(String name, byte[] data) {
        entries.add(new Entry(name, data, true));
        return this;
    }

    public ZipFiles comment(String text) {
        comment = text;
        return this;
    }

    public Entry entry(int index) {
        return entries.get(index);
    }

    public static byte[] deflate(byte[] data) {
        Deflater deflater = new Deflater(Deflater.BEST_COMPRESSION, true);
        deflater.setInput(data);
        deflater.finish();
        Bytes out = new Bytes();
        byte[] buffer = new byte[8192];
        while (!deflater.finished()) {
            int count = deflater.deflate(buffer);
            out.raw(java.util.Arrays.copyOf(buffer, count));
        }
        deflater.end();
        return out.array();
    }

    public byte[] bytes() {
        Bytes zip = new Bytes();
        Bytes directory = new Bytes();
        boolean numpy = style == Style.NUMPY;
        for (Entry entry : entries) {
            long local = entry.local >= 0 ? entry.local : zip.size();
            byte[] name = entry.name.getBytes(StandardCharsets.UTF_8);
            int flags = entry.flags | (numpy ? 0 : 0x808);
            zip.u32(0x04034B50)
                    .u16(numpy ? 45 : 0)
                    .u16(flags)
                    .u16(entry.method)
                    .u16(0)
                    .u16(0x21);
            if (numpy) {
                zip.u32(entry.crc)
                        .u32(0xFFFFFFFFL)
                        .u32(0xFFFFFFFFL)
                        .u16(name.length)
                        .u16(20)
                        .raw(name);
                zip.u16(1).u16(16).u64(entry.size).u64(entry.compressed);
            } else {
                int unpadded = zip.size() + 16 + name.length + 4;
                int padding = (64 - unpadded % 64) % 64;
                zip.u32(0).u32(0).u32(0).u16(name.length).u16(4 + padding).raw(name);
                zip.text("FB").u16(padding).text("Z".repeat(padding));
            }
            zip.raw(entry.stored);
            if (!numpy) {
                zip.u32(0x08074B50).u32(entry.crc).u32(entry.compressed).u32(entry.size);
            }
            directory
                    .u32(0x02014B50)
                    .u16(numpy ? 45 : 0)
                    .u16(numpy ? 45 : 0)
                    .u16(flags)
                    .u16(entry.method);
            directory.u16(0).u16(0x21).u32(entry.crc);
            directory.u32(numpy ? 0xFFFFFFFFL : entry.compressed).u32(numpy ? 0xFFFFFFFFL : entry.size);
            directory.u16(name.length).u16(numpy ? 28 : 0).u16(0).u16(0).u16(0).u32(0);
            directory.u32(numpy ? 0xFFFFFFFFL : local).raw(name);
            if (numpy) {
                directory.u16(1).u16(24).u64(entry.size).u64(entry.compressed).u64(local);
            }
        }
        int begin = zip.size();
        zip.raw(directory.array());
        if (numpy) {
            int end64 = zip.size();
            zip.u32(0x06064B50)
                    .u64(44)
                    .u16(45)
                    .u16(45)
                    .u32(0)
                    .u32(0)
                    .u64(entries.size())
                    .u64(entries.size());
            zip.u64(directory.size()).u64(begin);
            zip.u32(0x07064B50).u32(0).u64(end64).u32(1);
        }
        byte[] text = comment.getBytes(StandardCharsets.UTF_8);
        zip.u32(0x06054B50).u16(0).u16(0);
        zip.u16(numpy ? 0xFFFF : entries.size()).u16(numpy ? 0xFFFF : entries.size());
        zip.u32(numpy ? 0xFFFFFFFFL : directory.size()).u32(numpy ? 0xFFFFFFFFL : begin);
        return zip.u16(text.length).raw(text).array();
    }

    public Path write(Path file) {
        return Bytes.write(file, bytes());
    }
}
