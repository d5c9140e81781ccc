// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

import dev.darien.device.RandomData.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every kernel of every device against the scalar reference, on random problems: the same data, at odd offsets and
 * strides for the device under test. A failure names the seed; {@code -Ddarien.test.seed=SEED} runs that case first.
 */
@Tag("vector-width")
@Tag("device")
class KernelAgreementTest {
    private static final String SEED = "darien.test.seed";
    private static final int CASES = 60;
    private static final int DETERMINISM_CASES = 12;
    private static final int EDGE_CASES = 12;

    static Stream<Arguments> kernels() {
        return TestDevices.all().stream()
                .flatMap(device -> Stream.of(KernelId.values()).map(kernel -> Arguments.of(device, kernel)));
    }

    /** The scalar device is compared with itself, too: offsets, strides and padding must make no difference to it. */
    @ParameterizedTest
    @MethodSource("kernels")
    void agreesWithTheScalarReference(String device, KernelId kernel) {
        try (Device scalar = Device.open("cpu:scalar");
                Device tested = Device.open(device)) {
            for (int at = 0; at < CASES; at++) {
                long seed = Long.getLong(SEED, 1) + at;
                List<KernelOutput> expected;
                List<KernelOutput> actual;
                try (DeviceFixture fixture = DeviceFixture.on(scalar, null)) {
                    expected = KernelCases.run(kernel, fixture, new Random(seed));
                }
                try (DeviceFixture fixture = DeviceFixture.on(tested, new Random(~seed))) {
                    actual = KernelCases.run(kernel, fixture, new Random(seed));
                } catch (RuntimeException | AssertionError e) {
                    throw new AssertionError(failed(device, kernel, seed), e);
                }
                for (int output = 0; output < expected.size(); output++) {
                    expected.get(output).compare(actual.get(output), failed(device, kernel, seed));
                }
            }
        }
    }

    /** The kernels that may multiply by zero, on one device or another, what isn't finite: codes that aren't there, say. */
    private static final Set<KernelId> MIXED = Set.of(
            KernelId.DECODE, KernelId.RECONSTRUCT, KernelId.LATENT_GRADIENTS, KernelId.ADAM, KernelId.LATENT_STEP);

    @ParameterizedTest
    @MethodSource("kernels")
    void agreesOnNumbersAtTheEdge(String device, KernelId kernel) {
        try (Device scalar = Device.open("cpu:scalar");
                Device tested = Devices.open(device, new DeviceOptions(1))) {
            for (Kind kind : List.of(Kind.DENORMAL, Kind.NOT_FINITE)) {
                if (kind == Kind.DENORMAL && kernel == KernelId.LATENT_STEP) {
                    // What is left of a penalty along a row is rounding. Its parts are latentGradients and adam.
                    continue;
                }
                for (int at = 0; at < EDGE_CASES; at++) {
                    long seed = Long.getLong(SEED, 1) + at;
                    String failed = kind + ": " + failed(device, kernel, seed);
                    List<KernelOutput> expected;
                    List<KernelOutput> actual;
                    try (DeviceFixture fixture = DeviceFixture.on(scalar, null)) {
                        expected = KernelCases.run(kernel, fixture, new Random(seed), kind);
                    }
                    try (DeviceFixture fixture = DeviceFixture.on(tested, null)) {
                        actual = KernelCases.run(kernel, fixture, new Random(seed), kind);
                    }
                    for (int output = 0; output < expected.size(); output++) {
                        if (kind == Kind.DENORMAL) {
                            expected.get(output).compareDenormal(actual.get(output), failed);
                        } else {
                            expected.get(output).compareNotFinite(actual.get(output), failed, MIXED.contains(kernel));
                        }
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("kernels")
    void givesTheSameBitsForAnyNumberOfThreads(String device, KernelId kernel) {
        List<List<KernelOutput>> first = List.of();
        for (int threads : new int[] {1, 2, 5}) {
            List<List<KernelOutput>> outputs = new ArrayList<>();
            try (Device tested = Devices.open(device, new DeviceOptions(threads))) {
                for (int at = 0; at < DETERMINISM_CASES; at++) {
                    try (DeviceFixture fixture = DeviceFixture.on(tested, null)) {
                        outputs.add(KernelCases.run(kernel, fixture, new Random(Long.getLong(SEED, 1) + at)));
                    }
                }
            }
            for (int at = 0; at < first.size(); at++) {
                for (int output = 0; output < first.get(at).size(); output++) {
                    first.get(at)
                            .get(output)
                            .compareBits(
                                    outputs.get(at).get(output),
                                    failed(device, kernel, Long.getLong(SEED, 1) + at) + " on " + threads + " threads");
                }
            }
            first = outputs;
        }
    }

    private static String failed(String device, KernelId kernel, long seed) {
        return kernel.method() + " on " + device + ", seed " + seed + " (-D" + SEED + "=" + seed + ")";
    }
}
