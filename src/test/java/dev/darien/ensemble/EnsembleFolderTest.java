// SPDX-License-Identifier: Apache-2.0
package dev.darien.ensemble;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.darien.data.DataException;
import dev.darien.data.JsonFile;
import dev.darien.device.Device;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import dev.darien.sae.JumpRelu;
import dev.darien.sae.Sae;
import dev.darien.sae.SaeWeights;
import dev.darien.sae.TopK;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** An ensemble as a folder of folders, whole or with something wrong in it. */
class EnsembleFolderTest {
    @TempDir
    Path folder;

    private static Ensemble ensemble(Device device, EnsembleKind kind) {
        Random random = new Random(3);
        return Ensemble.of(
                kind,
                List.of(
                        EnsembleTest.sae(device, new TopK(2), 5, true, random),
                        EnsembleTest.sae(device, new JumpRelu(0), 6, false, random)));
    }

    @ParameterizedTest
    @EnumSource
    void whatIsReadAgainEncodesAndDecodesTheSame(EnsembleKind kind) {
        float[][] x = EnsembleTest.gaussian(new Random(8), 9, 7, 1);
        try (Device device = Device.open("cpu");
                Ensemble before = ensemble(device, kind)) {
            before.save(folder);
            assertThat(Ensemble.isEnsemble(folder)).isTrue();
            assertThat(Ensemble.isEnsemble(folder.resolve("member-0"))).isFalse();
            try (Ensemble after = Ensemble.load(folder, device)) {
                assertThat(after.kind()).isEqualTo(kind);
                assertThat(after.latents()).isEqualTo(11);
                assertThat(outputs(after, x)).isDeepEqualTo(outputs(before, x));
            }
        }
    }

    private static float[][] outputs(Ensemble ensemble, float[]... x) {
        try (Matrix rows = ensemble.device().staging("x", dev.darien.memory.DType.F32, x.length, x[0].length);
                var inference = ensemble.inference(x.length)) {
            for (int row = 0; row < x.length; row++) {
                rows.setRow(row, x[row]);
            }
            try (SparseCodes codes = inference.toHost(inference.encode(rows));
                    Matrix out = ensemble.decode(codes)) {
                float[][] values = new float[x.length][];
                for (int row = 0; row < x.length; row++) {
                    values[row] = out.toArray(row);
                }
                return values;
            }
        }
    }

    @Test
    void everyDefectIsNamed() throws IOException {
        try (Device device = Device.open("cpu")) {
            assertThatThrownBy(() -> Ensemble.load(folder, device))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("holds no ensemble");
            try (Ensemble made = ensemble(device, EnsembleKind.BAGGING)) {
                made.save(folder);
            }
            record(Map.of("ensemble", "bagging"));
            assertRefused(device, "not an object");
            record(Map.of("ensemble", Map.of("kind", "stacking", "members", 2)));
            assertRefused(device, "'stacking', not bagging or boosting");
            for (Object count : new Object[] {0, -3, 20_000, 1.5, "2"}) {
                record(Map.of("ensemble", Map.of("kind", "bagging", "members", count)));
                assertRefused(device, "members is " + count);
            }
            record(Map.of("ensemble", Map.of("kind", "bagging", "members", 3)));
            assertRefused(device, "should hold 3 members, but there is no member-2");

            Files.createDirectories(folder.resolve("member-2"));
            assertRefused(device, "member-2 holds no SAE");
            try (Sae narrow =
                    new Sae(device, SaeWeights.allocate(device.memory(), 5, 4, false), new TopK(2), true, Map.of())) {
                narrow.save(folder.resolve("member-2"));
            }
            assertRefused(device, "member 0 is of width 7, but member 2 of width 4");
        }
    }

    private void record(Map<String, ?> content) {
        JsonFile.write(folder.resolve(EnsembleFolder.RECORD), content);
    }

    /** Closing the device afterwards shows that nothing of what was read is still held. */
    private void assertRefused(Device device, String because) {
        assertThatThrownBy(() -> Ensemble.load(folder, device))
                .isInstanceOf(DataException.class)
                .hasMessageContaining(because);
        assertThat(device.memory().allocatedBytes()).isZero();
    }
}
