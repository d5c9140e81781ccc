// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class VectorSupportTest {
    @Test
    void anInterpretingJvmHasNoUseForVectors() {
        assertThat(VectorSupport.withoutC2("interpreted mode, sharing", List.of()))
                .contains("-Xint");
    }

    @Test
    void theLastCompilationLevelCounts() {
        assertThat(VectorSupport.withoutC2("mixed mode", List.of("-XX:TieredStopAtLevel=3")))
                .contains("-XX:TieredStopAtLevel=3");
        assertThat(VectorSupport.withoutC2("mixed mode", List.of("-XX:TieredStopAtLevel=1", "-XX:TieredStopAtLevel=4")))
                .isNull();
    }

    @Test
    void aJvmWithoutC2SaysSoItself() {
        assertThat(VectorSupport.withoutC2("mixed mode, emulated-client, sharing", List.of()))
                .contains("C2");
    }

    @Test
    void anOrdinaryJvmIsFine() {
        assertThat(VectorSupport.withoutC2("mixed mode, sharing", List.of("-Xmx1g")))
                .isNull();
    }
}
