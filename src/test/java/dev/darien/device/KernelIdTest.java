// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.Method;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class KernelIdTest {
    @Test
    void everyKernelHasExactlyOneRow() {
        assertThat(Arrays.stream(KernelId.values()).map(KernelId::method))
                .containsExactlyInAnyOrderElementsOf(Arrays.stream(Kernels.class.getDeclaredMethods())
                        .filter(method -> !method.isSynthetic())
                        .map(Method::getName)
                        .toList());
    }
}
