// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.darien.data.ActivationSource;
import dev.darien.data.ActivationSources;
import dev.darien.device.Device;
import dev.darien.device.DeviceException;
import dev.darien.device.DeviceOptions;
import dev.darien.device.DeviceProvider;
import dev.darien.device.DeviceUnavailableException;
import dev.darien.device.Devices;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import dev.darien.train.Recipe;
import dev.darien.train.Trainer;
import dev.darien.train.TrainingOptions;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What can go wrong with a GPU, injected by the host stand-in: no test on a real one could wait for it. */
@Tag("cuda")
@Tag("standin")
class CudaFaultTest {
    private static final Path SAMPLE = Path.of("samples", "tiny-lm.safetensors");
    private static final int LAUNCH_FAILED = 719;
    private static final int INVALID_VALUE = 1;

    @BeforeEach
    @AfterEach
    void noFaults() {
        StandIn.reset();
    }

    private static DeviceProvider.Candidate candidate(String name) {
        return Devices.discover().stream()
                .filter(one -> one.name().equals(name))
                .findFirst()
                .orElseThrow();
    }

    // -------------------------------------------------------------------------------------------- selection

    @Test
    void isNeverTakenByItself() {
        assertThat(candidate("cuda:0").available()).isTrue();
        assertThat(candidate("cuda:0").detail()).contains("stand-in");
        assertThat(Devices.automatic().name()).startsWith("cpu:");
    }

    @Test
    void aMachineWithoutAGpuSaysSo() {
        StandIn.set("no_device", 1);
        assertThat(candidate("cuda").available()).isFalse();
        assertThatThrownBy(() -> Device.open("cuda"))
                .isInstanceOf(DeviceUnavailableException.class)
                .hasMessageContaining("finds no GPU");
        assertThatThrownBy(() -> Device.open("cuda:1"))
                .isInstanceOf(DeviceUnavailableException.class)
                .hasMessageContaining("finds no GPU");
    }

    @Test
    void anOldDriverSaysWhatIsNeeded() {
        StandIn.set("driver_version", 10_020);
        assertThatThrownBy(() -> Device.open("cuda"))
                .hasMessageContaining("CUDA 10.2")
                .hasMessageContaining("11.2");
    }

    @Test
    void anOldCardSaysWhatIsNeeded() {
        StandIn.set("compute_capability", 61);
        assertThatThrownBy(() -> Device.open("cuda"))
                .hasMessageContaining("6.1")
                .hasMessageContaining("7.5");
    }

    @Test
    void severalGpusAreOfferedAndAnIndexBeyondThemIsRefused() {
        StandIn.set("device_count", 2);
        try (Device device = Device.open("cuda:1")) {
            assertThat(device.name()).isEqualTo("cuda:1");
        }
        assertThatThrownBy(() -> Device.open("cuda:7"))
                .isInstanceOf(DeviceUnavailableException.class)
                .hasMessageContaining("cuda:0")
                .hasMessageContaining("cuda:1");
    }

    @Test
    void cublasThatCanNotStartGivesEverythingBack() {
        StandIn.set("fail_cublas_create", 1);
        assertThatThrownBy(() -> Device.open("cuda"))
                .isInstanceOf(DeviceException.class)
                .hasMessageContaining("cublasCreate");
        assertThat(StandIn.get("live_objects")).isZero();
        assertThat(StandIn.get("leaks")).isZero();
    }

    // ----------------------------------------------------------------------------------------------- memory

    @Test
    void tooLittleMemorySaysHowMuchThereIsAndWhatToLower() {
        StandIn.set("device_memory", 10_000_000);
        try (Device device = Device.open("cuda");
                Matrix held = device.memory().matrix("held", 1000, 1000)) {
            assertThatThrownBy(() -> device.memory().matrix("wanted", 4000, 1000))
                    .isInstanceOf(OutOfMemoryError.class)
                    .hasMessageContaining("MB for wanted while")
                    .hasMessageContaining("of 10.0 MB is free on cuda:0")
                    .hasMessageContaining("lower the batch");
            device.kernels().fill(held, 1);
            device.synchronize();
        }
    }

    private static TrainingOptions options() {
        return Recipe.of("topk").latents(64).k(4).batch(64).tokens(128).build(128);
    }

    /** Opens, trains and closes: whether it came to its end. */
    private static boolean trains() {
        try (Device device = Device.open("cuda");
                ActivationSource data = ActivationSources.open(List.of(SAMPLE), "activations");
                Trainer trainer = new Trainer(device, data, List.of(options()))) {
            trainer.train();
            trainer.sae(0).close();
            return true;
        } catch (OutOfMemoryError e) {
            assertThat(e).hasMessageContaining("cuda:0");
            return false;
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"fail_device_allocation", "fail_pinned_allocation"})
    void everyAllocationMayFailAndNothingIsLost(String fault) {
        int failures = 0;
        int at = 1;
        while (true) {
            StandIn.reset();
            StandIn.set(fault, at);
            boolean done = trains();
            assertThat(StandIn.get("live_bytes")).as("%s %d", fault, at).isZero();
            assertThat(StandIn.get("live_pinned_bytes")).as("%s %d", fault, at).isZero();
            assertThat(StandIn.get("live_objects")).as("%s %d", fault, at).isZero();
            assertThat(StandIn.get("complaints")).as("%s %d", fault, at).isZero();
            if (done) {
                break;
            }
            failures++;
            at++;
        }
        assertThat(failures).isGreaterThan(2);
    }

    // --------------------------------------------------------------------------------------------- failures

    @Test
    void aLaunchThatIsRefusedNamesTheKernelAndTheDeviceGoesOn() {
        try (Device device = Device.open("cuda");
                Matrix x = device.memory().matrix("x", 10, 20)) {
            StandIn.set("fail_launch_error", INVALID_VALUE);
            StandIn.set("fail_launch", 1);
            assertThatThrownBy(() -> device.kernels().scale(x, 2))
                    .isInstanceOf(DeviceException.class)
                    .hasMessageContaining("cuLaunchKernel of scale")
                    .hasMessageContaining("CUDA_ERROR_INVALID_VALUE")
                    .hasMessageContaining("grid 10 x 1")
                    .satisfies(
                            e -> assertThat(((DeviceException) e).deviceLost()).isFalse());
            device.kernels().scale(x, 2);
            device.synchronize();
        }
    }

    @Test
    void aDeviceThatIsLostSaysSoFromThenOnAndClosesQuietly() {
        Device device = Device.open("cuda");
        Matrix x = device.memory().matrix("x", 10, 20);
        StandIn.set("fail_launch_error", LAUNCH_FAILED);
        StandIn.set("fail_launch", 1);
        assertThatThrownBy(() -> {
                    device.kernels().scale(x, 2);
                    device.synchronize();
                })
                .isInstanceOf(DeviceException.class)
                .hasMessageContaining("CUDA_ERROR_LAUNCH_FAILED")
                .satisfies(e -> assertThat(((DeviceException) e).deviceLost()).isTrue());
        assertThatThrownBy(() -> {
                    device.kernels().scale(x, 2);
                    device.synchronize();
                })
                .isInstanceOf(DeviceException.class);
        x.close();
        device.close();
    }

    /** Each call may be the one after which nothing works any more. */
    @Test
    void theDeviceMayBeLostAtAnyCall() {
        int failures = 0;
        for (int at = 1; at < 2000; at += 1 + at / 8) {
            StandIn.reset();
            StandIn.set("sticky_error", 700);
            StandIn.set("sticky_after", at);
            try {
                if (trains()) {
                    break;
                }
            } catch (DeviceException e) {
                assertThat(e).hasMessageContaining("cuda:0 failed");
                failures++;
            }
        }
        assertThat(failures).isGreaterThan(10);
        StandIn.reset();
        assertThat(trains()).as("after a reset").isTrue();
    }

    @Test
    void codesThatAreTooSmallAreNoticedAndLeftEmpty() {
        try (Device device = Device.open("cuda");
                Matrix x = device.memory().matrix("x", 40, 3);
                Matrix weights = device.memory().matrix("weights", 50, 3);
                Matrix bias = device.memory().vector("bias", 50);
                var encoder = device.packedEncoder(50, 3);
                SparseCodes codes = SparseCodes.allocate(device.memory(), 40, 50, 1990)) {
            device.kernels().fill(bias, 1);
            device.kernels().pack(weights, bias, encoder);
            assertThatThrownBy(() -> device.kernels().encodeThreshold(x, encoder, null, 0, codes))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("room for 1990")
                    .hasMessageContaining("row 39 of 40");
        }
    }

    @Test
    void optionsOfTheCpuDoNotMatterToIt() {
        try (Device device = Devices.open("cuda", new DeviceOptions(7))) {
            assertThat(device.name()).isEqualTo("cuda:0");
        }
    }
}
