// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.darien.memory.Allocator;
import dev.darien.memory.Matrix;
import dev.darien.testfiles.Bytes;
import dev.darien.testfiles.NpzFiles;
import dev.darien.testfiles.TorchFiles;
import dev.darien.testfiles.TorchFiles.View;
import dev.darien.testfiles.Values;
import dev.darien.testfiles.ZipFiles;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Archives of PyTorch and NumPy that lie, or want something done: one sentence each, and nothing is run. */
class HostileArchivesTest {
    private static final Values SIXTEEN = Values.random(new Random(3), 1, 4, 4);

    @TempDir
    Path folder;

    // ----------------------------------------------------------------------------------------------------- pickles

    @Test
    void anyOtherGlobalIsNamedAndNothingIsRun() {
        Path touched = folder.resolve("touched");
        // os.system("touch …"), as a pickle would call it.
        refused(
                pickle(p -> p.text("cposix\nsystem\n")
                        .text("X")
                        .u32(6 + touched.toString().length())
                        .text("touch " + touched)
                        .u8(0x85)
                        .text("R")),
                "'posix.system'",
                "nothing of it was run");
        assertThat(touched).doesNotExist();
        for (String name : List.of(
                "builtins\neval",
                "torch\nload",
                "numpy.core.multiarray\n_reconstruct",
                "collections\nOrderedDict.fromkeys",
                "torch._utils\n_rebuild_tensor_v3",
                "overcomplete.sae\nTopKSAE")) {
            refused(pickle(p -> p.text("c" + name + "\n")), "'" + name.replace('\n', '.') + "'");
        }
    }

    @Test
    void unknownInstructionsAreNamed() {
        // INST, OBJ, NEWOBJ, STACK_GLOBAL, EXT1, PERSID and others that state dictionaries have no use for.
        for (int code : new int[] {'i', 'o', 0x81, 0x93, 0x82, 'P', 'S', 'I', 'F', '0', '2', 0x8B, 0xFF}) {
            refused(pickle(p -> p.u8(code)), "instruction 0x%02x at byte 2".formatted(code));
        }
        refused(TorchFiles.archive(new Bytes().u8(0x80, 5).text("}.").array()).bytes(), "protocol 5");
    }

    @Test
    void malformedPicklesAreRefused() {
        refused(pickle(p -> p.text("}(u)R")), "call of something that can't be called");
        refused(pickle(p -> p.text("t")), "an end without a beginning");
        refused(pickle(p -> p.text("R")), "without anything to work on");
        refused(pickle(p -> p.text("h").u8(3)), "isn't there yet");
        refused(pickle(p -> p.text(")Q")), "isn't one to a storage");
        refused(pickle(p -> p.text("NQ")), "isn't one to a storage");
        refused(pickle(p -> p.text("}NNs")), "keys aren't strings");
        refused(pickle(p -> p.text("}(K").u8(1).text("u")), "isn't a dictionary");
        refused(pickle(p -> p.text("]}b")), "a state for something");
        refused(pickle(p -> p.u8(0x8A, 10).raw(new byte[10])), "a number of 10 bytes");
        refused(pickle(p -> p.text("X").u32(0xFFFFFFFFL)), "truncated");
        refused(pickle(p -> p.text("cposix")), "truncated");
        refused(pickle(p -> p.text("ctorch._utils\n_rebuild_tensor_v2\n)R")), "a tensor without its storage");
        refused(pickle(p -> p.text("ccollections\nOrderedDict\nNR")), "can't be called");
        refused(pickle(p -> p.text("]")), "no dictionary of tensors");
    }

    /** Ten lists of ten times the one before: ten thousand million items, in a hundred bytes. */
    @Test
    void aPickleThatDescribesMoreThanItHoldsIsRefused() {
        refused(
                pickle(p -> {
                    p.text("}X").u32(1).text("a");
                    p.text("]q").u8(0);
                    for (int level = 1; level < 10; level++) {
                        p.text("]q").u8(level).text("(");
                        for (int i = 0; i < 10; i++) {
                            p.text("h").u8(level - 1);
                        }
                        p.text("e");
                    }
                    for (int level = 1; level < 10; level++) {
                        p.u8(0x85);
                    }
                    p.text("s");
                }),
                "");
        refused(
                pickle(p -> p.text("}q")
                        .u8(0)
                        .text("X")
                        .u32(1)
                        .text("a")
                        .text("h")
                        .u8(0)
                        .text("s")),
                "deeply nested");
    }

    /** What isn't listed must not be spelled either: in a message, or as the name of a device. */
    @Test
    void aPickleThatDescribesMoreThanItHoldsIsNotSpelledEither() {
        refused(
                pickle(p -> {
                    p.text("}X").u32(1).text("a").text("ctorch\ndevice\n");
                    nested(p);
                    p.u8(0x85).text("Rs");
                }),
                "a device without a name");
        refused(
                pickle(p -> {
                    p.text("}X").u32(1).text("a").text("ctorch._utils\n_rebuild_tensor_v2\n((X");
                    p.u32(7)
                            .text("storage")
                            .text("ctorch\nFloatStorage\nX")
                            .u32(1)
                            .text("0X");
                    p.u32(3).text("cpuK").u8(16).text("tQK").u8(0);
                    nested(p);
                    p.u8(0x85).text("K").u8(1).u8(0x85).u8(0x89).text(")tRs");
                }),
                "a size or stride that is no number");
    }

    private static void nested(Bytes p) {
        p.text("(]q").u8(0);
        for (int level = 1; level < 30; level++) {
            p.text("]q").u8(level).text("(");
            for (int i = 0; i < 10; i++) {
                p.text("h").u8(level - 1);
            }
            p.text("e");
        }
        p.text("t");
    }

    /** One key of 20,000 characters, in a thousand dictionaries: the names of what is in them would take 20 MB. */
    @Test
    void aLongNameThatIsReferredToAgainAndAgainIsRefused() {
        refused(
                pickle(p -> {
                    p.text("}(");
                    for (int i = 0; i < 1000; i++) {
                        p.text("K").u8(i % 256);
                        if (i == 0) {
                            p.text("}X")
                                    .u32(20_000)
                                    .text("x".repeat(20_000))
                                    .text("q")
                                    .u8(1)
                                    .text("}Nss");
                        }
                        p.text("}h").u8(1).text("}X").u32(1).text("a").text("Nss");
                    }
                    p.text("u");
                }),
                "");
    }

    @Test
    void aTensorOfThousandsOfDimensionsIsRefused() {
        long[] ones = new long[5000];
        Arrays.fill(ones, 1);
        refused(view(16, 0, ones, ones), "a tensor without its storage");
    }

    @Test
    void everyTruncationOfAnArchiveIsRefused() throws Exception {
        byte[] whole = TorchFiles.archive("a", Map.of("w", SIXTEEN)).bytes();
        Path file = folder.resolve("cut.pt");
        for (int length = 1; length < whole.length; length++) {
            Files.write(file, Arrays.copyOf(whole, length));
            assertThatThrownBy(() -> TensorFile.open(file).close())
                    .as("cut to %d", length)
                    .isInstanceOf(DataException.class);
        }
    }

    @Test
    void anyDamageIsATensorOrADataException() throws Exception {
        byte[] torch = TorchFiles.archive("a", Map.of("w", SIXTEEN, "x", new TorchFiles.Transposed(SIXTEEN)))
                .bytes();
        byte[] npz = new ZipFiles(ZipFiles.Style.NUMPY)
                .deflated("w.npy", NpzFiles.npy(SIXTEEN))
                .stored("x.npy", NpzFiles.npy(SIXTEEN))
                .bytes();
        long seed = 7;
        Random random = new Random(seed);
        Path file = folder.resolve("damaged");
        for (int trial = 0; trial < 1500; trial++) {
            byte[] bytes = (trial % 2 == 0 ? torch : npz).clone();
            int at = random.nextInt(bytes.length);
            bytes[at] = (byte) random.nextInt(256);
            Files.write(file, bytes);
            try (TensorFile opened = TensorFile.open(file)) {
                for (Tensor tensor : opened.tensors().values()) {
                    readAll(tensor);
                }
            } catch (DataException e) {
                assertThat(e.getMessage()).contains(file.toString()).doesNotContain("\n");
            } catch (RuntimeException | Error e) {
                throw new AssertionError("trial " + trial + ", byte " + at + ", seed " + seed, e);
            }
        }
    }

    private static void readAll(Tensor tensor) {
        if (!tensor.isFloating() || tensor.shape().size() != 2) {
            return;
        }
        try (Allocator memory = Allocator.host("test");
                Matrix out = memory.matrix(
                        "out",
                        tensor.shape().getFirst(),
                        tensor.shape().getLast().intValue());
                TensorRows rows = tensor.rows()) {
            rows.read(0, out);
        }
    }

    @Test
    void filesFromBeforeZipAreRefusedWithAdvice() {
        refused(new Bytes().u8(0x80, 2, 0x8A, 10).raw(new byte[20]), "before version 1.6");
    }

    // ----------------------------------------------------------------------------------------------------- tensors

    @Test
    void aTensorStaysInsideItsStorage() {
        refused(view(16, 0, new long[] {4, 5}, new long[] {5, 1}), "reach beyond the 16 elements");
        refused(view(16, 1, new long[] {4, 4}, new long[] {4, 1}), "reach beyond the 15 elements");
        refused(view(16, 17, new long[] {1}, new long[] {1}), "begins at element 17 of a storage of 16");
        refused(view(16, 16, new long[] {}, new long[] {}), "reach beyond the 0 elements");
        refused(view(16, 0, new long[] {2, 2}, new long[] {1L << 62, 1}), "reach beyond");
        refused(view(16, 0, new long[] {1L << 62, 1L << 62}, new long[] {1L << 62, 1}), "reach beyond");
        refused(view(4096, 0, new long[] {4, 4}, new long[] {4, 1}), "a storage of 4096 elements, but its data are 64");
        refused(view(8, 0, new long[] {2, 4}, new long[] {4, 1}), "a storage of 8 elements, but its data are 64");
    }

    @Test
    void aTensorIsNotLargerThanItsStorage() {
        refused(view(16, 0, new long[] {1 << 20, 1 << 20}, new long[] {0, 0}), "name one element several times");
        refused(view(16, 0, new long[] {4, 4}, new long[] {1, 1}), "name one element several times");
        refused(view(16, 0, new long[] {3, 4}, new long[] {2, 1}), "name one element several times");
    }

    // ---------------------------------------------------------------------------------------------------- archives

    @Test
    void entriesLieWhereTheDirectorySays() {
        refused(changed(zip -> zip.entry(3).local = 0), "isn't where the archive says");
        refused(changed(zip -> zip.entry(3).local = 1 << 20), "isn't where the archive says");
        refused(changed(zip -> zip.entry(3).compressed = 1 << 20), "reaches beyond the data");
        refused(changed(zip -> zip.entry(3).size = 1 << 20), "is stored, but in 64 bytes");
        refused(changed(zip -> zip.entry(3).flags = 1), "is encrypted");
        refused(changed(zip -> zip.entry(3).method = 12), "compressed by method 12");
        refused(changed(zip -> zip.entry(3).name = "archive/data.pkl"), "is in the archive twice");
        refused(
                changed(zip -> zip.entry(3).name = "archive/data/9"),
                "in the entry 'archive/data/0', which isn't there");
        refused(changed(zip -> zip.entry(3).name = "other/data.pkl"), "has 2 pickles");
        refused(
                new Bytes()
                        .raw(changed(zip ->
                                zip.entry(2).stored = new Bytes().text("bigend").array())),
                "big-endian");
        refused(
                new ZipFiles(ZipFiles.Style.NUMPY)
                        .stored("readme.txt", new byte[3])
                        .bytes(),
                "isn't an array");
    }

    @ParameterizedTest
    @ValueSource(longs = {1L << 25, 1L << 40, Long.MAX_VALUE, -1})
    void aBombIsRefusedBeforeAnythingIsInflated(long size) {
        ZipFiles zip = new ZipFiles(ZipFiles.Style.NUMPY).deflated("w.npy", new byte[1 << 16]);
        zip.entry(0).size = size;
        refused(zip.bytes(), "more than weights ever do");
    }

    @Test
    void whatInflatesToAnotherSizeOrSumIsRefused() {
        byte[] npy = NpzFiles.npy(SIXTEEN);
        ZipFiles longer = new ZipFiles(ZipFiles.Style.NUMPY).deflated("w.npy", npy);
        longer.entry(0).size += 64;
        refused(longer.bytes(), "fewer than the 256 that the archive says");
        ZipFiles shorter = new ZipFiles(ZipFiles.Style.NUMPY).deflated("w.npy", npy);
        shorter.entry(0).size -= 32;
        refused(shorter.bytes(), "checksum");
        ZipFiles few = new ZipFiles(ZipFiles.Style.NUMPY)
                .deflated(
                        "w.npy",
                        NpzFiles.npy(
                                "{'descr': '<f4', 'fortran_order': False, 'shape': (1024, 1024), }", new byte[4096]));
        few.entry(0).size = 128 + (4L << 20);
        refusedToRead(few, "holds 4224 bytes, fewer than");
        ZipFiles sum = new ZipFiles(ZipFiles.Style.NUMPY).deflated("w.npy", npy);
        sum.entry(0).crc ^= 1;
        refusedToRead(sum, "checksum");
    }

    private void refusedToRead(ZipFiles zip, String reason) {
        Path path = zip.write(folder.resolve("bad.npz"));
        assertThatThrownBy(() -> {
                    try (TensorFile file = TensorFile.open(path)) {
                        readAll(file.tensors().get("w"));
                    }
                })
                .isInstanceOf(DataException.class)
                .hasMessageContaining(reason);
    }

    @Test
    void theDirectoryFitsTheFile() {
        byte[] whole = TorchFiles.archive("a", Map.of("w", SIXTEEN)).bytes();
        int end = whole.length - 22;
        for (int field = 10; field < 20; field += 2) {
            byte[] bytes = whole.clone();
            bytes[end + field + 1] = 0x7F;
            refused(bytes, field == 10 ? "directory" : "damaged");
        }
    }

    // ----------------------------------------------------------------------------------------------------- helpers

    private static byte[] pickle(Consumer<Bytes> body) {
        Bytes pickle = new Bytes().u8(0x80, 2);
        body.accept(pickle);
        return TorchFiles.archive(pickle.text(".").array()).bytes();
    }

    private static byte[] view(long elements, long offset, long[] shape, long[] strides) {
        return TorchFiles.archive("a", Map.of("w", new View(SIXTEEN, elements, offset, shape, strides)))
                .bytes();
    }

    /** A sound archive of entries data.pkl, .format_version, byteorder, data/0, version, after a change. */
    private static byte[] changed(Consumer<ZipFiles> change) {
        ZipFiles zip = TorchFiles.archive("archive", Map.of("w", SIXTEEN));
        change.accept(zip);
        return zip.bytes();
    }

    private void refused(Bytes bytes, String... reasons) {
        refused(bytes.array(), reasons);
    }

    private void refused(byte[] bytes, String... reasons) {
        Path file = Bytes.write(folder.resolve("hostile.bin"), bytes);
        assertThatThrownBy(() -> TensorFile.open(file).close())
                .isInstanceOf(DataException.class)
                .hasMessageContainingAll(reasons)
                .satisfies(e ->
                        assertThat(e.getMessage()).contains(file.toString()).doesNotContain("\n"));
    }
}
