// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import dev.darien.device.GuardedKernels;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Every kernel in memory that ends less than 16 bytes before a page that can't be touched, and begins behind bytes that are
 * looked at. (A GPU's memory ends somewhere in its last 256 bytes, and so does the stand-in's otherwise.)
 */
@Tag("cuda")
class CudaGuardTest {
    @AfterEach
    void reset() {
        StandIn.reset();
    }

    @Test
    void everyKernelStaysInsideItsMatrices() {
        StandIn.reset();
        StandIn.set("alignment", 16);
        assertThat(GuardedKernels.run("cuda:0", 4)).isGreaterThan(40);
        assertThat(StandIn.get("complaints")).isZero();
    }
}
