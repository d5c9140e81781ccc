// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;

/**
 * A file of sparse codes as {@link CodesWriter} writes it, mapped and never copied as a whole. Everything in it is
 * checked before it is used: what {@link #read} delivers is sound whatever the file holds.
 */
public final class CodesFile implements AutoCloseable {
    /** Metadata key for the number of latents. */
    public static final String LATENTS = "latents";

    private final SafetensorsFile file;
    private final Matrix offsets;
    private final Matrix indices;
    private final Matrix values;
    private final int latents;

    private CodesFile(SafetensorsFile file) {
        this.file = file;
        this.offsets = tensor("offsets", DType.I64);
        this.indices = tensor("indices", DType.I32);
        this.values = tensor("values", DType.F32);
        this.latents = latents(file);
        if (offsets.columns() < 1) {
            throw new DataException(
                    path() + ", tensor 'offsets' is empty, but holds at least one 0; write the codes again");
        }
        if (indices.columns() != values.columns()) {
            throw new DataException(path() + " has " + indices.columns() + " indices but " + values.columns()
                    + " values; write the codes again");
        }
        long first = offsets.getLong(0, 0);
        long last = offsets.getLong(0, offsets.columns() - 1);
        if (first != 0 || last != indices.columns()) {
            throw new DataException(
                    path() + ", tensor 'offsets' runs from " + first + " to " + last + ", but must run from 0"
                            + " to the number of entries, " + indices.columns() + "; write the codes again");
        }
    }

    /**
     * Maps {@code path} and checks what doesn't depend on single rows.
     *
     * @throws DataException if it isn't a file of codes
     */
    public static CodesFile open(Path path) {
        SafetensorsFile file = SafetensorsFile.open(path);
        try {
            return new CodesFile(file);
        } catch (RuntimeException | Error e) {
            file.close();
            throw e;
        }
    }

    private Matrix tensor(String name, DType dtype) {
        TensorInfo info = file.tensor(name);
        List<Long> shape = info.shape();
        if (!info.dtype().equals(dtype.name()) || shape.size() != 1) {
            throw new DataException(path() + ", tensor '" + name + "' is " + info.describe() + ", but codes need "
                    + dtype + " of one dimension; is this a file of codes?");
        }
        return file.matrix(name);
    }

    private static int latents(SafetensorsFile file) {
        String text = file.metadata().get(LATENTS);
        try {
            int latents = Integer.parseInt(String.valueOf(text));
            if (latents >= 1) {
                return latents;
            }
        } catch (NumberFormatException notANumber) {
            // Said below.
        }
        throw new DataException(file.path() + " has the metadata latents = " + text
                + ", but the number of latents was expected; write the codes again");
    }

    private Path path() {
        return file.path();
    }

    /** How many latents the codes are over. */
    public int latents() {
        return latents;
    }

    /** Number of rows. */
    public long rows() {
        return offsets.columns() - 1L;
    }

    /** Number of entries of all rows. */
    public long entries() {
        return indices.columns();
    }

    /**
     * How many rows from {@code first}, at most {@code most}, fit into {@code room} entries; at least 1, since a row has
     * no more entries than there are latents.
     *
     * @param room at least {@link #latents()}
     * @throws DataException if the offsets of these rows aren't sound
     */
    public int rowsThatFit(long first, int most, int room) {
        Objects.checkIndex(first, rows());
        int count = 0;
        long used = 0;
        while (count < most && first + count < rows()) {
            long row = first + count;
            long length = end(row) - start(row);
            if (start(row) < 0 || length < 0 || end(row) > entries()) {
                throw new DataException(path() + ", tensor 'offsets', row " + row + " goes from " + start(row) + " to "
                        + end(row) + ", but offsets must ascend; write the codes again");
            }
            if (length > latents) {
                throw new DataException(path() + ", row " + row + " has " + length + " entries, but there are only "
                        + latents + " latents; write the codes again");
            }
            if (used + length > room) {
                break;
            }
            used += length;
            count++;
        }
        return count;
    }

    private long start(long row) {
        return offsets.getLong(0, Math.toIntExact(row));
    }

    private long end(long row) {
        return offsets.getLong(0, Math.toIntExact(row + 1));
    }

    /**
     * Copies rows, checking every entry.
     *
     * @param count as {@link #rowsThatFit} says
     * @param out in host memory, with room for the rows and their entries
     * @return the part of {@code out} that was filled
     * @throws DataException if an index isn't that of a latent, a row's indices don't ascend or a value isn't finite
     */
    public SparseCodes read(long first, int count, SparseCodes out) {
        long begin = start(first);
        int entries = Math.toIntExact(start(first + count) - begin);
        SparseCodes part = out.firstRows(count);
        for (int row = 0; row <= count; row++) {
            part.offsets().setLong(0, row, start(first + row) - begin);
        }
        copy(indices, begin, entries, part.indices());
        copy(values, begin, entries, part.values());
        for (int row = 0; row < count; row++) {
            int before = -1;
            for (int entry = part.start(row); entry < part.start(row + 1); entry++) {
                int latent = part.latent(entry);
                if (latent < 0 || latent >= latents) {
                    throw new DataException(path() + ", tensor 'indices', row " + (first + row) + " holds the latent "
                            + latent + ", but there are only " + latents + "; write the codes again");
                }
                if (latent <= before) {
                    throw new DataException(path() + ", tensor 'indices', row " + (first + row) + " holds the latent "
                            + latent + " after " + before + ", but they must ascend; sort each row");
                }
                if (!Float.isFinite(part.value(entry))) {
                    throw new DataException(path() + ", tensor 'values', row " + (first + row) + " holds "
                            + part.value(entry) + "; write the codes again");
                }
                before = latent;
            }
        }
        return part;
    }

    private static void copy(Matrix from, long first, long count, Matrix to) {
        MemorySegment.copy(
                from.segment(),
                first * from.dtype().bytes(),
                to.segment(),
                0,
                count * from.dtype().bytes());
    }

    @Override
    public void close() {
        file.close();
    }
}
