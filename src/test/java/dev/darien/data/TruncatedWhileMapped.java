// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import java.lang.foreign.Arena;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Run in a JVM of its own by {@link TruncatedFileTest}: maps a file, reads it until what reads it is compiled, cuts the file
 * off, and reads on. Prints what came of it; the JVM must live to do so.
 */
final class TruncatedWhileMapped {
    private static final int ROWS = 4096;
    private static final int WIDTH = 64;

    private TruncatedWhileMapped() {}

    public static void main(String[] arguments) throws Exception {
        Path folder = Path.of(arguments[0]);
        Map<String, Runnable> ways = new TreeMap<>();
        for (String way : List.of("copy", "element", "rows", "scan", "double values")) {
            Path file = folder.resolve(way + ".safetensors");
            try (Arena arena = Arena.ofConfined()) {
                Matrix values = Matrix.of(arena.allocate((long) ROWS * WIDTH * 4, 64), DType.F32, ROWS, WIDTH);
                new SafetensorsWriter()
                        .tensor("activations", values)
                        .tensor("vector", Matrix.of(values.segment(), DType.F32, 1, ROWS * WIDTH), ROWS * WIDTH)
                        .write(file);
            }
            ways.put(way, () -> read(way, file));
        }
        ways.forEach((way, read) -> {
            for (int i = 0; i < 30; i++) {
                read.run();
            }
            cutting = true;
            try {
                read.run();
                System.out.println(way + ": read");
            } catch (InternalError e) {
                System.out.println(way + ": " + e.getMessage());
            } catch (DataException e) {
                System.out.println(way + ": refused");
            }
            cutting = false;
        });
        System.out.println("alive");
    }

    private static boolean cutting;

    private static void cut(Path file) {
        if (cutting) {
            try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
                channel.truncate(8192);
            } catch (java.io.IOException e) {
                throw new java.io.UncheckedIOException(e);
            }
        }
    }

    private static void read(String way, Path path) {
        try (Arena arena = Arena.ofConfined()) {
            Matrix out = Matrix.of(arena.allocate((long) ROWS * WIDTH * 4, 64), DType.F32, ROWS, WIDTH);
            switch (way) {
                case "rows", "double values" -> {
                    try (TensorFile file = TensorFile.open(path)) {
                        cut(path);
                        if (way.equals("rows")) {
                            try (TensorRows rows = file.tensor("activations").rows()) {
                                rows.read(0, out);
                            }
                        } else {
                            file.tensor("vector").values();
                        }
                    }
                }
                default -> {
                    try (ActivationSource source = ActivationSources.open(List.of(path), "activations");
                            SafetensorsFile file = SafetensorsFile.open(path)) {
                        cut(path);
                        switch (way) {
                            case "copy" -> source.read(0, ROWS, out);
                            case "scan" -> DataCheck.scan(source, OnNan.FAIL, 2);
                            default -> {
                                Matrix matrix = file.matrix("activations");
                                float sum = 0;
                                for (int row = 0; row < ROWS; row++) {
                                    for (int column = 0; column < WIDTH; column++) {
                                        sum += matrix.get(row, column);
                                    }
                                }
                                out.set(0, 0, sum);
                            }
                        }
                    }
                }
            }
        }
        if (!Files.exists(path)) {
            throw new IllegalStateException("no file");
        }
    }
}
