// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class VectorSupportTest {
    @Test
    void anInterpretingJvmHasNoUseForVectors() {
        assertThat(VectorSupport.withoutC2("interpreted mode, sharing")).contains("-Xint");
    }

    @Test
    void norHasOneThatStopsBeforeC2() {
        assertThat(VectorSupport.withoutC2("mixed mode, emulated-client, sharing"))
                .contains("C2")
                .contains("-XX:TieredStopAtLevel");
    }

    @Test
    void anOrdinaryJvmIsFine() {
        assertThat(VectorSupport.withoutC2("mixed mode, sharing")).isNull();
    }
}
