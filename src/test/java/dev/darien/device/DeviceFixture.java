// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

import static org.assertj.core.api.Assertions.assertThat;

import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * A device and what a test has put on it. With layouts, matrices are views into larger pieces of memory, whose padding
 * must be as it was when the fixture is closed: on a CPU at odd offsets and with odd strides, on a device whose memory
 * Java can't reach some rows and columns of what it allocates. Closing gives everything back, so a leak fails the test.
 */
public final class DeviceFixture implements AutoCloseable {
    private static final byte PADDING = (byte) 0xA5;

    private final Device device;
    private final boolean ownsDevice;
    private final @Nullable Random layouts;
    private final @Nullable GuardedMemory guarded;
    /** Elements from row to row in guarded memory; 0 for a few more than there are columns. */
    private final long stride;

    private final Arena arena = Arena.ofShared();
    private final List<AutoCloseable> held = new ArrayList<>();
    private final List<Padded> padded = new ArrayList<>();
    private final List<PaddedRows> paddedRows = new ArrayList<>();

    private record Padded(MemorySegment whole, long start, Matrix view) {}

    /** A view of {@code whole} that begins at its row {@code first}. */
    private record PaddedRows(Matrix whole, int first, Matrix view) {}

    private DeviceFixture(
            Device device, boolean ownsDevice, @Nullable Random layouts, @Nullable GuardedMemory guarded, long stride) {
        this.stride = stride;
        this.device = device;
        this.ownsDevice = ownsDevice;
        this.layouts = layouts;
        this.guarded = guarded;
    }

    public static DeviceFixture open(String name) {
        return new DeviceFixture(Device.open(name), true, null, null, 0);
    }

    /** A device whose matrices lie as {@code layouts} decides. */
    public static DeviceFixture openWithViews(String name, Random layouts) {
        return new DeviceFixture(Device.open(name), true, layouts, null, 0);
    }

    /** On a device that others use before and after; matrices lie as {@code layouts} decides, if it is there. */
    public static DeviceFixture on(Device device, @Nullable Random layouts) {
        return new DeviceFixture(device, false, layouts, null, 0);
    }

    /** On a CPU, with every matrix in {@code guarded} memory, at strides that {@code layouts} decides. */
    static DeviceFixture guarded(Device device, Random layouts, GuardedMemory guarded) {
        return new DeviceFixture(device, false, layouts, guarded, 0);
    }

    /** On a CPU, with every matrix in {@code guarded} memory, and {@code stride} elements from row to row. */
    static DeviceFixture farApart(Device device, long stride, GuardedMemory guarded) {
        return new DeviceFixture(device, false, null, guarded, stride);
    }

    public Kernels kernels() {
        return device.kernels();
    }

    public Matrix matrix(DType dtype, long rows, int columns) {
        if (guarded != null) {
            long apart = stride > 0 || layouts == null ? stride : columns + layouts.nextInt(5);
            long elements = rows == 0 ? 0 : (rows - 1) * apart + columns;
            return Matrix.of(guarded.allocate(elements * dtype.bytes()), dtype, rows, columns, apart);
        }
        if (layouts == null) {
            return hold(device.memory().matrix("test", dtype, rows, columns));
        }
        return isHost() ? oddView(dtype, rows, columns, layouts) : rowsOfMore(dtype, rows, columns, layouts);
    }

    private <T extends AutoCloseable> T hold(T resource) {
        held.add(resource);
        return resource;
    }

    private boolean isHost() {
        try (Matrix probe = device.memory().vector("probe", 1)) {
            return probe.isHost();
        }
    }

    private Matrix oddView(DType dtype, long rows, int columns, Random random) {
        long stride = columns + random.nextInt(5);
        long start = (2L * random.nextInt(4) + 1) * dtype.bytes();
        MemorySegment whole = arena.allocate(start + (rows * stride + 3) * dtype.bytes(), 64);
        whole.fill(PADDING);
        Matrix view = Matrix.of(
                whole.asSlice(start, Math.max(0, ((rows - 1) * stride + columns) * dtype.bytes())),
                dtype,
                rows,
                columns,
                stride);
        padded.add(new Padded(whole, start, view));
        view.clear();
        return view;
    }

    private Matrix rowsOfMore(DType dtype, long rows, int columns, Random random) {
        int first = random.nextInt(4);
        long allRows = first + rows + 1 + random.nextInt(2);
        Matrix whole = hold(device.memory().matrix("test", dtype, allRows, columns + random.nextInt(5)));
        Matrix view = whole.slice(first, rows).prefix(columns);
        try (HostCopy host = new HostCopy(whole)) {
            host.matrix().segment().fill(PADDING);
            host.matrix().slice(first, rows).prefix(columns).clear();
            device.upload(host.matrix(), whole);
        }
        paddedRows.add(new PaddedRows(whole, first, view));
        return view;
    }

    public Matrix floats(float[]... rows) {
        return converted(DType.F32, rows);
    }

    public Matrix converted(DType dtype, float[]... rows) {
        Matrix matrix = matrix(dtype, rows.length, rows.length == 0 ? 0 : rows[0].length);
        try (HostCopy host = new HostCopy(matrix)) {
            for (int row = 0; row < rows.length; row++) {
                host.matrix().setRow(row, rows[row]);
            }
            device.upload(host.matrix(), matrix);
        }
        return matrix;
    }

    public Matrix vector(float... values) {
        return floats(values);
    }

    public Matrix ints(int... values) {
        Matrix matrix = matrix(DType.I32, 1, values.length);
        try (HostCopy host = new HostCopy(matrix)) {
            for (int at = 0; at < values.length; at++) {
                host.matrix().setLong(0, at, values[at]);
            }
            device.upload(host.matrix(), matrix);
        }
        return matrix;
    }

    public Matrix doubles(double... values) {
        Matrix matrix = matrix(DType.F64, 1, values.length);
        try (HostCopy host = new HostCopy(matrix)) {
            for (int at = 0; at < values.length; at++) {
                host.matrix().setDouble(0, at, values[at]);
            }
            device.upload(host.matrix(), matrix);
        }
        return matrix;
    }

    public PackedEncoder encoder(Matrix wEnc, Matrix bEnc) {
        PackedEncoder encoder = emptyEncoder(wEnc.intRows(), wEnc.columns());
        kernels().pack(wEnc, bEnc, encoder);
        return encoder;
    }

    public PackedEncoder emptyEncoder(int latents, int width) {
        return hold(device.packedEncoder(latents, width));
    }

    public SparseCodes codes(int rows, int latents, int capacity) {
        return new SparseCodes(
                matrix(DType.I64, 1, rows + 1),
                matrix(DType.I32, 1, capacity),
                matrix(DType.F32, 1, capacity),
                latents);
    }

    /** Codes with an entry for each element that isn't NaN; 0 is an inactive entry. */
    public SparseCodes codesOf(float[][] dense, int latents) {
        int entries = 0;
        for (float[] row : dense) {
            for (float value : row) {
                entries += Float.isNaN(value) ? 0 : 1;
            }
        }
        SparseCodes codes = codes(dense.length, latents, entries + 1);
        fill(codes, dense);
        return codes;
    }

    /** Puts an entry for each element that isn't NaN into {@code codes}, which have room for them. */
    void fill(SparseCodes codes, float[][] dense) {
        int at = 0;
        try (HostCopy offsets = new HostCopy(codes.offsets());
                HostCopy indices = new HostCopy(codes.indices());
                HostCopy values = new HostCopy(codes.values())) {
            for (int row = 0; row < dense.length; row++) {
                for (int latent = 0; latent < codes.latents(); latent++) {
                    if (!Float.isNaN(dense[row][latent])) {
                        indices.matrix().setLong(0, at, latent);
                        values.matrix().set(0, at++, dense[row][latent]);
                    }
                }
                offsets.matrix().setLong(0, row + 1, at);
            }
            device.upload(offsets.matrix(), codes.offsets());
            device.upload(indices.matrix(), codes.indices());
            device.upload(values.matrix(), codes.values());
        }
    }

    SparseCodes codesOf(float[][] dense) {
        return codesOf(dense, dense[0].length);
    }

    public LatentGroups groups(SparseCodes codes) {
        LatentGroups groups = new LatentGroups(
                matrix(DType.I32, 1, codes.latents() + 1),
                matrix(DType.I32, 1, codes.capacity()),
                matrix(DType.I32, 1, codes.capacity()));
        kernels().groupByLatent(codes, groups);
        return groups;
    }

    /** All elements, row after row, exact for every type but I64 beyond 2^53. */
    public double[] read(Matrix matrix) {
        double[] values = new double[Math.toIntExact(matrix.rows() * matrix.columns())];
        try (HostCopy host = new HostCopy(matrix)) {
            device.download(matrix, host.matrix());
            for (int at = 0; at < values.length; at++) {
                int row = at / matrix.columns();
                int column = at % matrix.columns();
                values[at] = matrix.dtype().isFloating()
                        ? host.matrix().getDouble(row, column)
                        : host.matrix().getLong(row, column);
            }
        }
        return values;
    }

    /** Number of entries of {@code codes}, wherever they are. */
    int entries(SparseCodes codes) {
        return (int) read(codes.offsets())[codes.rows()];
    }

    /** Waits for the device, and so for what it may have to complain of. */
    void synchronize() {
        device.synchronize();
    }

    public double scalar(Matrix matrix) {
        return read(matrix)[0];
    }

    public float[] readFloats(Matrix matrix) {
        double[] values = read(matrix);
        float[] floats = new float[values.length];
        for (int at = 0; at < values.length; at++) {
            floats[at] = (float) values[at];
        }
        return floats;
    }

    /** Codes as a dense matrix, row after row, NaN where there is no entry; checks that they are well-formed. */
    public float[][] dense(SparseCodes codes) {
        double[] offsets = read(codes.offsets());
        double[] indices = read(codes.indices());
        double[] values = read(codes.values());
        assertThat(offsets[0]).as("first offset").isZero();
        float[][] dense = new float[codes.rows()][codes.latents()];
        for (int row = 0; row < codes.rows(); row++) {
            Arrays.fill(dense[row], Float.NaN);
            int before = -1;
            for (int entry = (int) offsets[row]; entry < (int) offsets[row + 1]; entry++) {
                int latent = (int) indices[entry];
                assertThat(latent)
                        .as("latent of entry %d in row %d", entry, row)
                        .isGreaterThan(before);
                before = latent;
                dense[row][latent] = (float) values[entry];
            }
        }
        return dense;
    }

    @Override
    public void close() {
        padded.forEach(DeviceFixture::assertPaddingUntouched);
        paddedRows.forEach(this::assertPaddingUntouched);
        for (AutoCloseable one : held.reversed()) {
            try {
                one.close();
            } catch (RuntimeException e) {
                throw e;
            } catch (Exception e) {
                throw new AssertionError(e);
            }
        }
        arena.close();
        if (ownsDevice) {
            device.close();
        }
    }

    private void assertPaddingUntouched(PaddedRows one) {
        Matrix view = one.view();
        try (HostCopy host = new HostCopy(one.whole())) {
            device.download(one.whole(), host.matrix());
            long bytes = (long) view.columns() * view.dtype().bytes();
            for (long row = one.first(); row < one.first() + view.rows(); row++) {
                host.matrix()
                        .segment()
                        .asSlice(host.matrix().rowOffset(row), bytes)
                        .fill(PADDING);
            }
            for (long at = 0; at < host.matrix().segment().byteSize(); at++) {
                if (host.matrix().segment().get(ValueLayout.JAVA_BYTE, at) != PADDING) {
                    throw new AssertionError("a kernel wrote outside " + view.shape() + ", at byte " + at + " of "
                            + one.whole().shape() + ", in which it begins at row " + one.first());
                }
            }
        }
    }

    private static void assertPaddingUntouched(Padded one) {
        Matrix view = one.view();
        long bytes = (long) view.columns() * view.dtype().bytes();
        long strideBytes = view.stride() * view.dtype().bytes();
        for (long at = 0; at < one.whole().byteSize(); at++) {
            long inside = at - one.start();
            boolean data = inside >= 0 && inside < view.rows() * strideBytes && inside % strideBytes < bytes;
            if (!data && one.whole().get(ValueLayout.JAVA_BYTE, at) != PADDING) {
                throw new AssertionError("a kernel wrote outside " + view.shape() + ", " + inside
                        + " bytes from its start (stride " + view.stride() + ")");
            }
        }
    }

    /** A host copy of the shape of a matrix. */
    private static final class HostCopy implements AutoCloseable {
        private final Arena arena = Arena.ofShared();
        private final Matrix matrix;

        HostCopy(Matrix like) {
            long bytes = like.rows() * like.columns() * like.dtype().bytes();
            matrix = Matrix.of(arena.allocate(bytes, 64), like.dtype(), like.rows(), like.columns());
        }

        Matrix matrix() {
            return matrix;
        }

        @Override
        public void close() {
            arena.close();
        }
    }
}
