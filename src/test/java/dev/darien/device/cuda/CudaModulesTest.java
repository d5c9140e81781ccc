// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Objects;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Loading kernels: what is shipped, and what is done about drivers that refuse it. */
@Tag("cuda")
class CudaModulesTest {
    private static CudaContext context() {
        return new CudaContext(
                Objects.requireNonNull(CudaDiscovery.find().getFirst().gpu()));
    }

    @Test
    void everyKernelOfTheShippedPtxIsThere() {
        try (CudaContext context = context();
                CudaModules modules = new CudaModules(context)) {
            assertThat(modules.compiledHere()).isFalse();
            for (String file : Ptx.FILES) {
                Ptx.entries(Ptx.resource(file + ".ptx"))
                        .keySet()
                        .forEach(name -> assertThat(modules.kernel(name).name()).isEqualTo(name));
            }
            assertThatThrownBy(() -> modules.kernel("nothing")).isInstanceOf(IllegalArgumentException.class);
        }
    }

    /** Also on a real GPU, if NVRTC is there: the sources as NVRTC compiles them. */
    @Test
    void aDriverThatIsTooOldIsGivenWhatNvrtcMakesOfTheSources() {
        try (CudaContext context = context();
                CudaModules modules = new CudaModules(
                        context, file -> Ptx.resource(file + ".ptx").replace(".version 7.0", ".version 99.0"))) {
            assertThat(modules.compiledHere()).isTrue();
            assertThat(modules.kernel("encode_top_k_select").name()).isEqualTo("encode_top_k_select");
        }
    }

    @Test
    void argumentsThatDoNotMatchTheKernelAreRefusedBeforeTheLaunch() {
        try (CudaContext context = context();
                CudaModules modules = new CudaModules(context)) {
            CudaKernel kernel = modules.kernel("fill_32");
            assertThatThrownBy(() -> kernel.number(1)).hasMessageContaining("fill_32");
            assertThatThrownBy(() -> kernel.pointer(0).number(1L).launch(1, 1, 32))
                    .hasMessageContaining("too few");
            assertThatThrownBy(() ->
                            kernel.pointer(0).number(1L).number(1).number(1).number(1))
                    .hasMessageContaining("too many");
        }
    }
}
