// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class DevicesTest {

    @ParameterizedTest
    @ValueSource(strings = {"cpu", "cpu:scalar", "cpu:vector", " CPU:Vector "})
    void aKindThatIsNamedIsTheOnlyOneThatIsLookedFor(String name) {
        int before = RemoteDeviceProvider.asked;
        try (Device device = Device.open(name)) {
            assertThat(device.name()).startsWith("cpu:");
        }
        assertThatThrownBy(() -> Device.open("cpu:quantum")).isInstanceOf(DeviceUnavailableException.class);
        assertThatThrownBy(() -> Device.open("tpu")).isInstanceOf(DeviceUnavailableException.class);
        assertThat(RemoteDeviceProvider.asked).isEqualTo(before);
    }

    @Test
    void allKindsAreListedAndOnlyAutoChoosesAmongThem() {
        int before = RemoteDeviceProvider.asked;
        assertThat(Devices.discover())
                .extracting(DeviceProvider.Candidate::name)
                .contains("cpu:vector", "cpu:scalar", "remote", "remote:1");
        assertThat(Devices.automatic().name()).isNotEqualTo("remote");
        assertThat(RemoteDeviceProvider.asked).isEqualTo(before + 2);
        try (Device device = Device.open("remote")) {
            assertThat(device.name()).isEqualTo("remote");
        }
    }

    @Test
    void whatCanNotBeHadIsSaidWithAllReasonsOfItsKind() {
        assertThatThrownBy(() -> Device.open("remote:7"))
                .isInstanceOf(DeviceUnavailableException.class)
                .hasMessage(
                        "there is no device 'remote:7', only remote: a stand-in for a GPU, for tests; remote:1: there"
                                + " is only one");
        assertThatThrownBy(() -> Device.open("remote:1"))
                .isInstanceOf(DeviceUnavailableException.class)
                .hasMessage("device 'remote:1' can't be used: remote:1: there is only one");
        assertThatThrownBy(() -> Device.open("cpu:quantum"))
                .isInstanceOf(DeviceUnavailableException.class)
                .hasMessageContainingAll("'cpu:quantum', only cpu:vector: ", "; cpu:scalar: plain Java");
        assertThatThrownBy(() -> Device.open("tpu"))
                .isInstanceOf(DeviceUnavailableException.class)
                .hasMessageContainingAll("there is no device 'tpu'; known here: auto, ", "cpu", "remote");
    }

    @ParameterizedTest
    @EnumSource(names = {"TF32", "BF16"})
    void aCpuComputesInFp32Only(Precision precision) {
        for (String name : List.of("cpu:vector", "cpu:scalar", "cpu")) {
            DeviceOptions options = new DeviceOptions(1, precision);
            assertThatThrownBy(() -> Devices.open(name, options))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContainingAll(precision.id(), "computes in fp32 only");
        }
        assertThat(DeviceOptions.DEFAULT.precision()).isEqualTo(Precision.FP32);
    }

    @Test
    void aDeviceThatFailedSaysWhatWasCalledWithWhatAndWhatItAnswered() {
        DeviceException lost = new DeviceException(
                "cuda:0", "cuLaunchKernel of encode_top_k", "CUDA_ERROR_ILLEGAL_ADDRESS", "x F32[1024, 512]", true);
        assertThat(lost)
                .hasMessage("cuda:0 failed: cuLaunchKernel of encode_top_k (x F32[1024, 512]) answered"
                        + " CUDA_ERROR_ILLEGAL_ADDRESS; the device can't be used again before the program is started"
                        + " anew");
        assertThat(lost.deviceLost()).isTrue();
        assertThat(lost.error()).isEqualTo("CUDA_ERROR_ILLEGAL_ADDRESS");
        assertThat(lost.nativeCall()).isEqualTo("cuLaunchKernel of encode_top_k");
        assertThat(new DeviceException("cuda:0", "cuStreamSynchronize", "CUDA_ERROR_TIMEOUT", "", false))
                .hasMessage("cuda:0 failed: cuStreamSynchronize answered CUDA_ERROR_TIMEOUT");
    }
}
