// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import dev.darien.device.KernelId;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.FieldSource;

/** The committed PTX against its sources; nothing here needs CUDA. */
class PtxTest {
    static final List<String> FILES = Ptx.FILES;

    private static final Path SOURCES = Path.of("native", "kernels");

    @Test
    void listsEverySourceAndHeaderThereIs() throws IOException {
        assertThat(sources(".cu")).containsExactlyElementsOf(new TreeSet<>(Ptx.FILES));
        assertThat(sources(".cuh").stream().map(name -> name + ".cuh"))
                .containsExactlyElementsOf(new TreeSet<>(Ptx.HEADERS));
    }

    private static List<String> sources(String ending) throws IOException {
        try (Stream<Path> files = Files.list(SOURCES)) {
            return files.map(file -> file.getFileName().toString())
                    .filter(name -> name.endsWith(ending))
                    .map(name -> name.substring(0, name.length() - ending.length()))
                    .sorted()
                    .toList();
        }
    }

    @ParameterizedTest
    @FieldSource("FILES")
    void isMadeFromTheSourcesAsTheyAre(String file) throws IOException, NoSuchAlgorithmException {
        MessageDigest digest = MessageDigest.getInstance("SHA-256");
        digest.update(Files.readAllBytes(SOURCES.resolve(file + ".cu")));
        for (String header : new TreeSet<>(Ptx.HEADERS)) {
            digest.update(Files.readAllBytes(SOURCES.resolve(header)));
        }
        assertThat(Ptx.resource(file + ".ptx"))
                .as("%s.ptx is stale: run native/build-ptx.sh", file)
                .contains(
                        "// sha256 of it and the .cuh files: " + HexFormat.of().formatHex(digest.digest()));
    }

    @ParameterizedTest
    @FieldSource("FILES")
    void declaresEveryKernelThatTheSourceExports(String file) throws IOException {
        String source = Files.readString(SOURCES.resolve(file + ".cu"), StandardCharsets.UTF_8);
        Map<String, List<Ptx.Parameter>> entries = Ptx.entries(Ptx.resource(file + ".ptx"));
        assertThat(entries).isNotEmpty();
        entries.keySet().forEach(name -> assertThat(source).contains(stem(name)));
        assertThat(source.split("__global__", -1).length - 1).isLessThanOrEqualTo(entries.size());
    }

    /** The name without the ending that a macro adds. */
    private static String stem(String name) {
        return name.replaceFirst("_v[14]$", "");
    }

    @ParameterizedTest
    @EnumSource(KernelId.class)
    void hasAnEntryForEveryKernelOfTheList(KernelId kernel) {
        // Dead latents are selected by top-k's kernel, with a list.
        KernelId own = kernel == KernelId.ENCODE_DEAD ? KernelId.ENCODE_TOP_K : kernel;
        String name = own.name().toLowerCase(Locale.ROOT);
        assertThat(Ptx.FILES.stream()
                        .flatMap(file -> Ptx.entries(Ptx.resource(file + ".ptx")).keySet().stream())
                        .filter(entry -> entry.equals(name) || entry.startsWith(name + "_")))
                .as("kernels of %s", kernel.method())
                .isNotEmpty();
    }

    @Test
    void loadsOnDriversOfCuda11AndCardsOfCapability75() {
        Ptx.FILES.forEach(file -> assertThat(Ptx.resource(file + ".ptx"))
                .contains(".version 7.0\n")
                .contains(".target sm_75\n"));
    }

    @Test
    void readsTheSizesOfParameters() {
        String ptx = """
                .visible .entry first(
                \t.param .u64 first_param_0,
                \t.param .u64 .ptr .align 1 first_param_1,
                \t.param .f32 first_param_2,
                \t.param .align 8 .b8 first_param_3[80],
                \t.param .u16 first_param_4
                )
                .visible .entry second()
                """;
        assertThat(Ptx.entries(ptx).get("first"))
                .containsExactly(
                        new Ptx.Parameter(8, false),
                        new Ptx.Parameter(8, false),
                        new Ptx.Parameter(4, false),
                        new Ptx.Parameter(80, true),
                        new Ptx.Parameter(2, false));
        assertThat(Ptx.entries(ptx).get("second")).isEmpty();
    }
}
