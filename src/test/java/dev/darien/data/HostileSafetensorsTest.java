// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import static dev.darien.data.TestFiles.tensor;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Each bad file is refused with one sentence that names it, and never with anything but a DataException. */
class HostileSafetensorsTest {
    @TempDir
    Path folder;

    static Stream<Arguments> badHeaders() {
        String good = tensor("activations", "F32", "[4,4]", 0, 64);
        return Stream.of(
                Arguments.of("{" + "{".repeat(40), "isn't valid JSON"),
                Arguments.of("{\"activations\":", "isn't valid JSON"),
                Arguments.of("[1,2]", "doesn't begin with '{'"),
                Arguments.of(" {}", "doesn't begin with '{'"),
                Arguments.of("{" + good + "} {}", "more than one JSON value"),
                Arguments.of("{" + good + "}x", "isn't valid JSON"),
                Arguments.of("{" + good + "," + good + "}", "Duplicate"),
                Arguments.of(
                        "{\"activations\":{\"dtype\":\"F32\",\"dtype\":\"F16\",\"shape\":[4,4],\"data_offsets\":[0,64]}}",
                        "Duplicate"),
                Arguments.of("{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}," + good + "}", "Duplicate"),
                Arguments.of("{\"__metadata__\":{\"a\":1}," + good + "}", "__metadata__ 'a' should be a string"),
                Arguments.of("{\"__metadata__\":[]," + good + "}", "__metadata__ should be an object of strings"),
                Arguments.of("{\"activations\":7}", "tensor 'activations' should be an object"),
                Arguments.of("{\"activations\":{\"shape\":[4,4],\"data_offsets\":[0,64]}}", "lacks its dtype"),
                Arguments.of("{\"activations\":{\"dtype\":\"F32\",\"data_offsets\":[0,64]}}", "lacks its shape"),
                Arguments.of("{\"activations\":{\"dtype\":\"F32\",\"shape\":[4,4]}}", "lacks its data_offsets"),
                Arguments.of(
                        "{\"activations\":{\"dtype\":3,\"shape\":[4,4],\"data_offsets\":[0,64]}}",
                        "dtype should be a string"),
                Arguments.of("{" + tensor("activations", "F32", "16", 0, 64) + "}", "array of whole numbers"),
                Arguments.of("{" + tensor("activations", "F32", "[4.0,4]", 0, 64) + "}", "array of whole numbers"),
                Arguments.of("{" + tensor("activations", "F32", "[\"4\",4]", 0, 64) + "}", "array of whole numbers"),
                Arguments.of(
                        "{" + tensor("activations", "F32", "[99999999999999999999,4]", 0, 64) + "}",
                        "isn't valid JSON"),
                Arguments.of("{" + tensor("activations", "F32", "[-4,-4]", 0, 64) + "}", "negative number -4"),
                Arguments.of("{" + tensor("activations", "F32", "[4,4]", -64, 0) + "}", "negative number -64"),
                Arguments.of("{" + tensor("activations", "F32", "[4,4]", 64, 0) + "}", "[begin, end] was expected"),
                Arguments.of(
                        "{\"activations\":{\"dtype\":\"F32\",\"shape\":[4,4],\"data_offsets\":[0,32,64]}}",
                        "[begin, end] was expected"),
                Arguments.of(
                        "{" + tensor("activations", "F32", "[8589934592,8589934592]", 0, 64) + "}",
                        "more than any file"),
                Arguments.of(
                        "{" + tensor("activations", "F32", "[4294967296,4294967296,0]", 0, 0) + "}",
                        "more than any file"),
                Arguments.of("{" + tensor("activations", "F32", "[4,5]", 0, 64) + "}", "takes 80 bytes"),
                Arguments.of("{" + tensor("activations", "F16", "[4,4]", 0, 64) + "}", "takes 32 bytes"),
                Arguments.of("{" + good + "," + tensor("x", "F32", "[4,4]", 32, 96) + "}", "overlap"),
                Arguments.of("{" + good + "," + tensor("x", "F32", "[4,4]", 0, 64) + "}", "overlap"),
                Arguments.of("{" + tensor("activations", "F32", "[2,4]", 32, 64) + "}", "leave a gap"),
                Arguments.of(
                        "{" + tensor("activations", "F32", "[2,4]", 0, 32) + "}", "32 bytes after its last tensor"),
                Arguments.of("{" + tensor("activations", "F32", "[8,4]", 0, 128) + "}", "truncated"),
                Arguments.of("{" + tensor("activations", "F99", "[4,4]", 0, 64) + "}", "is of type F99"),
                Arguments.of("{" + tensor("activations", "I64", "[4,2]", 0, 64) + "}", "must be F32, F16 or BF16"),
                Arguments.of("{" + tensor("activations", "F64", "[4,2]", 0, 64) + "}", "must be F32, F16 or BF16"),
                Arguments.of("{" + tensor("activations", "F32", "[16]", 0, 64) + "}", "[tokens, width]"),
                Arguments.of("{" + tensor("activations", "F32", "[2,2,2,2]", 0, 64) + "}", "[tokens, width]"),
                Arguments.of(
                        "{" + tensor("activations", "F32", "[]", 0, 4) + "," + tensor("x", "F32", "[15]", 4, 64) + "}",
                        "[tokens, width]"),
                Arguments.of(
                        "{" + tensor("activations", "F32", "[0,4]", 0, 0) + "," + tensor("x", "F32", "[16]", 0, 64)
                                + "}",
                        "holds no activations"),
                Arguments.of("{" + tensor("other", "F32", "[4,4]", 0, 64) + "}", "it holds other F32 [4, 4]"));
    }

    @ParameterizedTest
    @MethodSource("badHeaders")
    void badHeaderIsRefusedWithAReason(String header, String reason) {
        Path file = TestFiles.safetensors(folder.resolve("bad.safetensors"), header, new byte[64]);
        assertRefused(file, reason);
    }

    @Test
    void noTensorsAtAll() {
        assertRefused(
                TestFiles.safetensors(folder.resolve("none.safetensors"), "{}", new byte[0]), "no tensors at all");
    }

    @Test
    void invalidUtf8InTheHeader() {
        byte[] json = ("{" + tensor("activations?", "F32", "[4,4]", 0, 64) + "}").getBytes(StandardCharsets.ISO_8859_1);
        json[13] = (byte) 0xFF;
        Path file = TestFiles.write(folder.resolve("utf8.safetensors"), TestFiles.safetensorsBytes(json, new byte[64]));
        assertRefused(file, "isn't valid UTF-8");
    }

    @Test
    void lengthOfTheHeaderBeyondTheLimitOrTheFile() throws IOException {
        for (long length : new long[] {1L << 62, -1, Long.MIN_VALUE, 100_000_001, 100_000_000, 1000, 57}) {
            byte[] bytes = ByteBuffer.allocate(64)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putLong(length)
                    .put((byte) '{')
                    .array();
            assertRefused(TestFiles.write(folder.resolve("length.safetensors"), bytes), "its header has");
        }
    }

    @Test
    void headerJustAboveTheLimitIsRefusedEvenIfItIsAllThere() throws IOException {
        Path file = folder.resolve("long.safetensors");
        try (RandomAccessFile sparse = new RandomAccessFile(file.toFile(), "rw")) {
            sparse.write(ByteBuffer.allocate(9)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putLong(100_000_001)
                    .put((byte) '{')
                    .array());
            sparse.setLength(100_000_009);
        }
        assertRefused(file, "allows at most 100000000");
    }

    @Test
    void emptyAndVeryShortFiles() {
        assertRefused(TestFiles.write(folder.resolve("e.safetensors"), new byte[0]), "is empty");
        assertRefused(TestFiles.write(folder.resolve("s.safetensors"), new byte[7]), "only 7 bytes");
        assertRefused(TestFiles.write(folder.resolve("z.safetensors"), new byte[8]), "isn't a safetensors file");
    }

    @Test
    void missingFileAndFolderWithoutFiles() throws IOException {
        assertRefused(folder.resolve("nowhere.safetensors"), "it doesn't exist");
        assertRefused(folder.resolve("no/where.safetensors"), "it doesn't exist");
        Path file = TestFiles.write(folder.resolve("plain"), new byte[9]);
        assertRefused(file.resolve("below.safetensors"), "Not a directory");
        Path empty = Files.createDirectory(folder.resolve("empty"));
        Files.writeString(empty.resolve("readme.txt"), "nothing");
        assertRefused(empty, "no .safetensors or .npy files");
        assertThatThrownBy(() -> SafetensorsFile.open(empty))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("is a folder");
    }

    @Test
    void devicesAndArchivesAreRefused() {
        assertRefused(Path.of("/dev/null"), "isn't a regular file");
        byte[] zip = Arrays.copyOf(new byte[] {'P', 'K', 3, 4}, 100);
        assertRefused(TestFiles.write(folder.resolve("model.npz"), zip), "zip archive");
    }

    @Test
    void everyTruncationOfAGoodFileIsRefused() {
        byte[] good = TestFiles.safetensorsBytes(
                ("{" + tensor("activations", "F32", "[4,4]", 0, 64) + "}").getBytes(StandardCharsets.UTF_8),
                new byte[64]);
        for (int length = 0; length < good.length; length++) {
            Path file = TestFiles.write(folder.resolve("cut.safetensors"), Arrays.copyOf(good, length));
            assertThatThrownBy(() -> open(file)).as("cut to %d bytes", length).isInstanceOf(DataException.class);
        }
    }

    @Test
    void randomDamageNeverEndsInAnythingButADataException() {
        long seed = 20250101;
        SeededRandom random = new SeededRandom(seed);
        byte[] good = TestFiles.safetensorsBytes(
                ("{" + tensor("activations", "F32", "[4,4]", 0, 64) + "," + tensor("b", "BF16", "[2,2,2]", 64, 80)
                                + "}")
                        .getBytes(StandardCharsets.UTF_8),
                new byte[80]);
        int refused = 0;
        for (int round = 0; round < 3000; round++) {
            byte[] bad = good.clone();
            for (int i = 0; i <= random.nextInt(3); i++) {
                bad[random.nextInt(good.length - 80)] = (byte) random.nextLong();
            }
            Path file = TestFiles.write(folder.resolve("damaged.safetensors"), bad);
            try {
                open(file);
            } catch (DataException e) {
                refused++;
            } catch (RuntimeException e) {
                throw new AssertionError("seed " + seed + ", round " + round, e);
            }
        }
        assertThat(refused).as("seed %d", seed).isGreaterThan(2000);
    }

    private static void open(Path file) {
        ActivationSources.open(List.of(file), "activations").close();
    }

    private static void assertRefused(Path file, String reason) {
        assertThatThrownBy(() -> open(file))
                .isInstanceOf(DataException.class)
                .hasMessageContaining(file.toString())
                .hasMessageContaining(reason)
                .satisfies(e -> assertThat(e.getMessage()).doesNotContain("\n").doesNotContain("Exception"));
    }
}
