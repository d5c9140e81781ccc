// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.darien.data.ActivationSource;
import dev.darien.data.ActivationSources;
import dev.darien.data.SafetensorsFile;
import dev.darien.data.SafetensorsWriter;
import dev.darien.device.Device;
import dev.darien.memory.Allocator;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import dev.darien.sae.Sae;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

class CodesCommandTest {
    /** More rows than one batch of the command. */
    private static final String DATA = "synthetic:d=16,true=32,p=0.1,rows=9001,seed=5";

    @TempDir
    private static Path folder;

    private static Path sae;

    @BeforeAll
    static void train() {
        sae = folder.resolve("sae");
        Darien.train(Darien.DATA, sae, "--k", 4).json();
    }

    @Test
    void codesDecodeToWhatTheSaeReconstructs() throws IOException {
        Path codes = folder.resolve("codes.safetensors");
        Path decoded = folder.resolve("decoded.safetensors");
        assertThat(Darien.run("encode", sae, DATA, "--out", codes, "--json").json())
                .containsEntry("tokens", 9001);
        assertThat(Darien.run("decode", sae, codes, "--out", decoded, "--json").json())
                .containsEntry("tokens", 9001);

        try (Device device = Device.open("auto");
                Sae loaded = Sae.load(sae, device);
                ActivationSource source = ActivationSources.parse(List.of(DATA), "activations");
                Matrix x = device.staging("x", source.dtype(), source.rows(), source.width());
                SafetensorsFile codesFile = SafetensorsFile.open(codes);
                SafetensorsFile decodedFile = SafetensorsFile.open(decoded)) {
            source.read(0, (int) source.rows(), x);
            assertThat(codesFile.metadata()).containsEntry("latents", "64");
            Matrix activations = decodedFile.matrix("activations");
            assertThat(activations.shape()).isEqualTo("F32[9001, 16]");
            try (SparseCodes expected = loaded.encode(x);
                    Matrix reconstruction = loaded.decode(expected)) {
                Matrix offsets = codesFile.matrix("offsets");
                assertThat(offsets.shape()).isEqualTo("I64[1, 9002]");
                assertThat(offsets.getLong(0, 9001)).isEqualTo(expected.entries());
                Matrix indices = codesFile.matrix("indices");
                Matrix values = codesFile.matrix("values");
                for (int entry = 0; entry < expected.entries(); entry++) {
                    assertThat(indices.getLong(0, entry)).isEqualTo(expected.latent(entry));
                    assertThat(values.get(0, entry)).isEqualTo(expected.value(entry));
                }
                for (int row = 0; row < activations.rows(); row++) {
                    assertThat(activations.toArray(row)).isEqualTo(reconstruction.toArray(row));
                }
            }
        }
        assertThat(Darien.contents(folder)).noneMatch(name -> name.endsWith(".tmp"));
        assertThat(Darien.run("inspect", codes).succeeded().out()).contains("sparse codes", "I64", "[9002]");
    }

    @TestFactory
    Stream<DynamicTest> hostileCodesAreRefused() {
        return Stream.of(
                        hostile("descending offsets", "ascend", 64, new long[] {0, 3, 1, 4}, new int[] {1, 2, 3, 4}),
                        hostile("negative offset", "ascend", 64, new long[] {0, -5, 2, 4}, new int[] {1, 2, 3, 4}),
                        hostile("offset beyond", "ascend", 64, new long[] {0, 1L << 40, 4, 4}, new int[] {1, 2, 3, 4}),
                        hostile("last offset", "number of entries", 64, new long[] {0, 2, 9}, new int[] {1, 2, 3, 4}),
                        hostile("first offset", "number of entries", 64, new long[] {1, 2, 4}, new int[] {1, 2, 3, 4}),
                        hostile("index too large", "the latent 64", 64, new long[] {0, 4}, new int[] {1, 2, 3, 64}),
                        hostile("negative index", "the latent -1", 64, new long[] {0, 4}, new int[] {-1, 2, 3, 4}),
                        hostile("repeated index", "must ascend", 64, new long[] {0, 4}, new int[] {1, 2, 2, 4}),
                        hostile("other latents", "32 latents", 32, new long[] {0, 4}, new int[] {1, 2, 3, 4}),
                        hostile("no latents", "latents = 0", 0, new long[] {0, 4}, new int[] {1, 2, 3, 4}))
                .map(hostile -> DynamicTest.dynamicTest(hostile.name(), () -> {
                    Path codes = folder.resolve("hostile.safetensors");
                    Path out = folder.resolve("from-hostile.safetensors");
                    hostile.write(codes);

                    Darien.run("decode", sae, codes, "--out", out).refused(hostile.reason(), "hostile.safetensors");

                    assertThat(out).doesNotExist();
                    assertThat(Darien.contents(folder)).noneMatch(name -> name.endsWith(".tmp"));
                }));
    }

    private record Hostile(String name, String reason, int latents, long[] offsets, int[] indices) {
        void write(Path path) {
            try (Allocator memory = Allocator.host("test");
                    Matrix starts = memory.matrix("offsets", DType.I64, 1, offsets.length);
                    Matrix numbers = memory.matrix("indices", DType.I32, 1, indices.length);
                    Matrix values = memory.matrix("values", 1, indices.length)) {
                for (int i = 0; i < offsets.length; i++) {
                    starts.setLong(0, i, offsets[i]);
                }
                for (int i = 0; i < indices.length; i++) {
                    numbers.setLong(0, i, indices[i]);
                    values.set(0, i, 1);
                }
                new SafetensorsWriter()
                        .metadata("latents", Integer.toString(latents))
                        .tensor("offsets", starts, offsets.length)
                        .tensor("indices", numbers, indices.length)
                        .tensor("values", values, indices.length)
                        .write(path);
            }
        }
    }

    private static Hostile hostile(String name, String reason, int latents, long[] offsets, int[] indices) {
        return new Hostile(name, reason, latents, offsets, indices);
    }

    @Test
    void whatIsReadIsNeverReplaced() throws IOException {
        Path data = folder.resolve("data.safetensors");
        try (Allocator memory = Allocator.host("test");
                Matrix rows = memory.matrix("rows", 8, 16)) {
            new SafetensorsWriter().tensor("activations", rows).write(data);
        }
        byte[] before = Files.readAllBytes(data);

        Darien.run("encode", sae, data, "--out", data).refused("is what the command reads");
        Darien.run("decode", sae, data, "--out", folder.resolve("x")).refused("no tensor 'offsets'");
        Darien.run("encode", sae, data, "--out", folder).refused("is a folder");
        Darien.run("encode", sae, data, "--out", folder.resolve("no/where")).refused("doesn't exist");

        assertThat(Files.readAllBytes(data)).isEqualTo(before);
    }

    @Test
    void codesWithoutAnyEntryDecodeToTheBias() {
        Path codes = folder.resolve("none.safetensors");
        hostile("none", "", 64, new long[] {0, 0, 0}, new int[0]).write(codes);

        assertThat(Darien.run("decode", sae, codes, "--out", folder.resolve("none-decoded"), "--json")
                        .json())
                .containsEntry("tokens", 2);
    }
}
