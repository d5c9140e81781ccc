// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

import dev.darien.data.ActivationSource;
import dev.darien.data.ActivationSources;
import dev.darien.data.CodesFile;
import dev.darien.data.DataCheck;
import dev.darien.data.DataException;
import dev.darien.data.DataSummary;
import dev.darien.data.OnNan;
import dev.darien.data.SafetensorsFile;
import dev.darien.data.SafetensorsWriter;
import dev.darien.memory.Allocator;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import dev.darien.train.Recipe;
import dev.darien.train.Trainer;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Random;

/**
 * Matrices of more than 2^31 elements, and files of more than 2 GiB: {@code ci/big}. What isn't touched of such a matrix is
 * the system's zero page, and what isn't written of a file is a hole, so that little memory and disk are used: 2 GiB of disk
 * for the one file that is written as a whole, and 13 GiB of memory with {@code encode}.
 */
public final class BigRuns {
    private static final int WIDTH = 1024;
    /** One row more than 2^31 elements, and some. */
    private static final long ROWS = (1L << 21) + 17;

    /** Elements from row to row. */
    private static final long FAR = 1L << 26;

    private static final int FAR_CASES = 20;

    private static final int LAST = (int) ROWS - 1;

    private BigRuns() {}

    public static void main(String[] arguments) throws IOException {
        boolean encode = List.of(arguments).contains("encode");
        Path folder = Files.createTempDirectory(Path.of("target"), "big");
        try {
            for (String name : new String[] {"cpu:scalar", "cpu:vector"}) {
                try (Device device = Device.open(name);
                        Allocator host = Allocator.host("host")) {
                    farApart(device);
                    matrices(device, host);
                    if (encode) {
                        encode(device, host);
                    }
                }
            }
            files(folder);
            written(folder);
        } finally {
            try (var all = Files.walk(folder)) {
                for (Path path : all.sorted(java.util.Comparator.reverseOrder()).toList()) {
                    Files.delete(path);
                }
            }
        }
        System.out.println("all as it should be");
    }

    private static Matrix big(GuardedMemory memory) {
        return Matrix.of(memory.allocate(ROWS * WIDTH * Float.BYTES), DType.F32, ROWS, WIDTH);
    }

    private static void equal(String what, double expected, double actual) {
        if (!(Math.abs(expected - actual) <= 1e-6 * Math.abs(expected))) {
            throw new AssertionError(what + " should be " + expected + " but is " + actual);
        }
    }

    private static void done(String what) {
        System.out.println(what);
    }

    private static void matrices(Device device, Allocator host) {
        Kernels kernels = device.kernels();
        try (GuardedMemory memory = new GuardedMemory(true);
                SparseCodes codes = SparseCodes.allocate(host, 2, (int) ROWS, 4);
                Matrix out = host.matrix("out", 2, WIDTH)) {
            Matrix weights = big(memory);
            weights.set(0, 0, 3);
            weights.set(LAST, WIDTH - 1, 5);
            equal(device.name() + ", last element", 5, weights.slice(LAST, 1).toArray(0)[WIDTH - 1]);
            codes(codes);
            kernels.decode(codes, weights, null, out);
            equal(device.name() + ", decode, first latent", 6, out.get(0, 0));
            equal(device.name() + ", decode, last latent", 20, out.get(1, WIDTH - 1));
            done(device.name() + ": decode");
            try (Matrix factors = host.matrix("factors", 1, 4)) {
                factors.setRow(0, 1, 1, 0, 0);
                kernels.addDecoded(codes, factors, 2, weights, out);
                equal(device.name() + ", addDecoded", 20 + 10, out.get(1, WIDTH - 1));
            }
            done(device.name() + ": addDecoded");
            reconstruct(device, host, codes, weights, out);
            try (Matrix norms = host.matrix("norms", 1, (int) ROWS)) {
                kernels.rowNorms(weights, norms);
                equal(device.name() + ", norm of the first row", 3, norms.get(0, 0));
                equal(device.name() + ", norm of the last row", 5, norms.get(0, LAST));
            }
            done(device.name() + ": rowNorms");
            try (Matrix sum = host.matrix("sum", DType.F64, 1, 1)) {
                kernels.squaredNorm(weights, null, null, false, sum);
                equal(device.name() + ", squared norm", 34, sum.getDouble(0, 0));
            }
            done(device.name() + ": squaredNorm");
            kernels.weightedRowSum(null, weights, 1, false, out.slice(0, 1));
            equal(device.name() + ", sum of the last column", 5, out.get(0, WIDTH - 1));
            done(device.name() + ": weightedRowSum");
        }
    }

    private static void codes(SparseCodes codes) {
        codes.offsets().setLong(0, 1, 1);
        codes.offsets().setLong(0, 2, 2);
        codes.indices().setLong(0, 0, 0);
        codes.indices().setLong(0, 1, LAST);
        codes.values().set(0, 0, 2);
        codes.values().set(0, 1, 4);
    }

    private static void reconstruct(Device device, Allocator host, SparseCodes codes, Matrix weights, Matrix out) {
        try (Matrix target = host.matrix("target", 2, WIDTH);
                Matrix errors = host.matrix("errors", 1, 2);
                Matrix gradients = host.matrix("gradients", 1, codes.capacity())) {
            device.kernels().reconstruct(codes, weights, null, target, -1, out, errors, gradients);
            equal(device.name() + ", error of the last latent's row", 400, errors.get(0, 1));
            equal(device.name() + ", gradient of the last latent", 100, gradients.get(0, 1));
        }
        done(device.name() + ": reconstruct");
    }

    /** Every kernel on rows that lie 2^26 elements from each other, against the scalar reference on rows that don't. */
    private static void farApart(Device device) {
        int beyond = 0;
        try (Device scalar = Device.open("cpu:scalar")) {
            for (KernelId kernel : KernelId.values()) {
                for (int seed = 0; seed < FAR_CASES; seed++) {
                    List<KernelOutput> expected;
                    try (DeviceFixture fixture = DeviceFixture.on(scalar, null)) {
                        expected = KernelCases.run(kernel, fixture, new Random(seed));
                    }
                    try (GuardedMemory memory = new GuardedMemory(true);
                            DeviceFixture fixture = DeviceFixture.farApart(device, FAR, memory)) {
                        List<KernelOutput> actual = KernelCases.run(kernel, fixture, new Random(seed));
                        for (int output = 0; output < expected.size(); output++) {
                            expected.get(output)
                                    .compare(actual.get(output), device.name() + ", " + kernel + ", seed " + seed);
                        }
                        beyond += memory.largest() > (1L << 31) * Float.BYTES ? 1 : 0;
                    }
                }
            }
        }
        done("%s: %d kernels, %d times each, %d of them with an element beyond the 2^31st of its matrix"
                .formatted(device.name(), KernelId.values().length, FAR_CASES, beyond));
    }

    /** An encoder of more than 2^31 weights, which is packed as a whole. */
    private static void encode(Device device, Allocator host) {
        try (GuardedMemory memory = new GuardedMemory(true);
                PackedEncoder encoder = device.packedEncoder((int) ROWS, WIDTH);
                Matrix bias = host.matrix("bias", 1, (int) ROWS);
                Matrix x = host.matrix("x", 1, WIDTH);
                SparseCodes codes = SparseCodes.allocate(host, 1, (int) ROWS, 2)) {
            Matrix weights = big(memory);
            weights.set(0, 0, 3);
            weights.set(LAST, WIDTH - 1, 5);
            device.kernels().pack(weights, bias, encoder);
            x.set(0, 0, 1);
            x.set(0, WIDTH - 1, 1);
            device.kernels().encodeTopK(x, encoder, 2, null, codes);
            equal(device.name() + ", first latent", 0, codes.latent(0));
            equal(device.name() + ", last latent", LAST, codes.latent(1));
            equal(device.name() + ", its value", 5, codes.value(1));
        }
        done(device.name() + ": pack, encodeTopK");
    }

    /** A file of holes with {@code header}, {@code bytes} behind it, and a half-precision 2 at the end. */
    private static Path sparse(Path path, byte[] header, long bytes) throws IOException {
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            channel.write(ByteBuffer.wrap(header), 0);
            ByteBuffer last =
                    ByteBuffer.allocate(2).order(ByteOrder.LITTLE_ENDIAN).putShort(Float.floatToFloat16(2));
            channel.write(last.flip(), header.length + bytes - 2);
        }
        return path;
    }

    private static byte[] safetensors(String json) {
        byte[] text = json.getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(8 + text.length)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(text.length)
                .put(text)
                .array();
    }

    private static byte[] npy() {
        String text = "{'descr': '<f2', 'fortran_order': False, 'shape': (%d, %d), }".formatted(ROWS, WIDTH);
        text += " ".repeat(128 - 10 - 1 - text.length()) + "\n";
        return ByteBuffer.allocate(128)
                .order(ByteOrder.LITTLE_ENDIAN)
                .put((byte) 0x93)
                .put("NUMPY".getBytes(StandardCharsets.US_ASCII))
                .put((byte) 1)
                .put((byte) 0)
                .putShort((short) text.length())
                .put(text.getBytes(StandardCharsets.US_ASCII))
                .array();
    }

    private static void files(Path folder) throws IOException {
        long bytes = ROWS * WIDTH * 2;
        Path data = sparse(
                folder.resolve("data.safetensors"),
                safetensors("{\"activations\":{\"dtype\":\"F16\",\"shape\":[%d,%d],\"data_offsets\":[0,%d]}}"
                        .formatted(ROWS, WIDTH, bytes)),
                bytes);
        Path npy = sparse(folder.resolve("data.npy"), npy(), bytes);
        for (Path path : List.of(data, npy)) {
            try (ActivationSource source = ActivationSources.open(List.of(path), "activations")) {
                equal(path + ", last row", 2, source.row(LAST)[WIDTH - 1]);
                equal(path + ", row before", 0, source.row(LAST - 1L)[WIDTH - 1]);
                DataSummary summary = DataCheck.scan(source, OnNan.FAIL);
                equal(path + ", rows", ROWS, summary.goodRows());
                equal(path + ", mean", 2.0 / ROWS, summary.mean()[WIDTH - 1]);
                done(path.getFileName() + " of " + Files.size(path) + " bytes: row, scan");
                if (path.equals(data)) {
                    train(source, summary);
                }
            }
        }
        // An index of codes has 31 bits.
        long entries = (1L << 31) + 8;
        Path codes = sparse(
                folder.resolve("codes.safetensors"),
                safetensors(("{\"__metadata__\":{\"latents\":\"9\"},\"offsets\":{\"dtype\":\"I64\",\"shape\":[2],"
                                + "\"data_offsets\":[0,16]},\"indices\":{\"dtype\":\"I32\",\"shape\":[%d],"
                                + "\"data_offsets\":[16,%d]},\"values\":{\"dtype\":\"F32\",\"shape\":[%1$d],"
                                + "\"data_offsets\":[%2$d,%3$d]}}")
                        .formatted(entries, 16 + 4 * entries, 16 + 8 * entries)),
                16 + 8 * entries);
        try (CodesFile file = CodesFile.open(codes)) {
            throw new AssertionError("codes of " + file.entries() + " entries");
        } catch (DataException e) {
            done("codes of more than 2^31 entries: " + e.getMessage());
        }
    }

    private static void train(ActivationSource source, DataSummary summary) {
        try (Device device = Device.open("cpu:vector");
                Trainer trainer = new Trainer(
                        device,
                        source,
                        summary,
                        List.of(Recipe.of("topk")
                                .k(2)
                                .latents(16)
                                .batch(64)
                                .tokens(640)
                                .build(WIDTH)))) {
            equal("steps", 10, trainer.train().steps());
        }
        done("ten steps on its rows, shuffled");
    }

    /** A safetensors file of more than 2 GiB, written and read. */
    private static void written(Path folder) {
        Path path = folder.resolve("written.safetensors");
        long rows = (1L << 20) + 3;
        try (GuardedMemory memory = new GuardedMemory(true)) {
            Matrix matrix = Matrix.of(memory.allocate(rows * WIDTH * 2), DType.F16, rows, WIDTH);
            matrix.set(rows - 1, WIDTH - 1, 2);
            matrix.set(0, 0, 3);
            new SafetensorsWriter().tensor("a", matrix).write(path);
        }
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            equal("last element", 2, file.matrix("a").get(rows - 1, WIDTH - 1));
            equal("first element", 3, file.matrix("a").get(0, 0));
        }
        done("a safetensors file of more than 2^31 bytes: written, read");
    }
}
