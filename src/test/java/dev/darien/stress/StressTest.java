// SPDX-License-Identifier: Apache-2.0
package dev.darien.stress;

import dev.darien.device.TestDevices;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** A round of each kind; {@code ci/stress} plays many. */
@Tag("device")
class StressTest {
    static Stream<Arguments> rounds() {
        return TestDevices.all().stream()
                .flatMap(device -> Stream.of(Round.values()).map(round -> Arguments.of(device, round)));
    }

    @ParameterizedTest
    @MethodSource("rounds")
    @Timeout(120)
    void threadsDoNotGetInEachOthersWay(String device, Round round) throws Exception {
        round.play(device, new Random(1));
    }
}
