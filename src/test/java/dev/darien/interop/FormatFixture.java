// SPDX-License-Identifier: Apache-2.0
package dev.darien.interop;

import static dev.darien.testfiles.Expected.affine;
import static dev.darien.testfiles.Expected.minus;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.darien.data.DataException;
import dev.darien.device.Device;
import dev.darien.device.TestDevices;
import dev.darien.sae.Sae;
import dev.darien.testfiles.Bytes;
import dev.darien.testfiles.Expected;
import dev.darien.testfiles.Values;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** Weights, a device that notices what is left behind, and the checks that all formats share. */
abstract class FormatFixture {
    static final int WIDTH = 10;
    static final int LATENTS = 27;

    @TempDir
    Path folder;

    Device device;

    private final Random random = new Random(11);
    /** [d, F]. */
    final Values encoder = Values.random(random, 1, WIDTH, LATENTS);
    /** [F, d]. */
    final Values decoder = Values.random(random, 0.6, LATENTS, WIDTH);

    final Values encoderBias = Values.random(random, 0.4, LATENTS);
    final Values decoderBias = Values.random(random, 0.5, WIDTH);
    final Values threshold = Values.of(
            Arrays.stream(Values.random(random, 0.5, LATENTS).data())
                    .map(value -> Math.abs(value) + 1d / 64)
                    .toArray(),
            LATENTS);
    /** What a file is made of; in the order in which they are put. */
    final Map<String, Object> state = new LinkedHashMap<>();

    @BeforeEach
    void open() {
        device = Device.open(TestDevices.training());
    }

    /** Fails if a test, or a file that was refused, has left memory behind. */
    @AfterEach
    void close() {
        device.close();
    }

    /** The tensors of {@link #state}. */
    Map<String, Values> tensors() {
        Map<String, Values> tensors = new LinkedHashMap<>();
        state.forEach((name, value) -> tensors.put(name, (Values) value));
        return tensors;
    }

    Path text(String name, String text) {
        return new Bytes().text(text).write(folder.resolve(name));
    }

    double[] centredPre(double[] x) {
        return affine(minus(x, decoderBias.data()), encoder, encoderBias.data());
    }

    double[] pre(double[] x) {
        return affine(x, encoder, encoderBias.data());
    }

    double[] out(double[] codes) {
        return affine(codes, decoder, decoderBias.data());
    }

    void same(Path path, SaeFormat format, Expected expected) {
        same(path, null, format, expected);
    }

    void same(Path path, @Nullable String as, SaeFormat format, Expected expected) {
        try (Sae sae = load(path, as, format, device)) {
            expected.assertSame(sae);
        }
        // Java can't reach this one's memory.
        try (Device remote = Device.open("remote");
                Sae sae = load(path, as, format, remote)) {
            expected.assertSame(sae);
        }
    }

    /** The file is closed again by then: nothing of it is needed any more. */
    private static Sae load(Path path, @Nullable String as, SaeFormat format, Device device) {
        try (SaeFile file = SaeFile.open(path, as)) {
            assertThat(file.format()).isEqualTo(format);
            return file.load(device);
        }
    }

    void refused(Path path, @Nullable String as, String... reasons) {
        assertThatThrownBy(() -> {
                    try (SaeFile file = SaeFile.open(path, as)) {
                        file.load(device).close();
                    }
                })
                .isInstanceOf(DataException.class)
                .hasMessageContainingAll(reasons)
                .satisfies(e ->
                        assertThat(e.getMessage()).contains(folder.toString()).doesNotContain("\n"));
    }
}
