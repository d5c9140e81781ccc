// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;

/**
 * Run in a JVM of its own by {@link GuardPageTest}: every kernel of every CPU device on random problems whose matrices end,
 * then begin, at a page that can't be touched. With {@code control} it touches one itself.
 */
final class BetweenGuardPages {
    private static final int CASES = 40;

    private BetweenGuardPages() {}

    public static void main(String[] arguments) {
        if (arguments.length > 0 && arguments[0].equals("control")) {
            control(arguments[1].equals("end"));
            return;
        }
        for (String name : new String[] {"cpu:scalar", "cpu:vector"}) {
            try (Device device = Devices.open(name, new DeviceOptions(2))) {
                for (KernelId kernel : KernelId.values()) {
                    run(device, kernel);
                    System.out.println(name + " " + kernel);
                }
            }
        }
        System.out.println("alive");
    }

    private static void run(Device device, KernelId kernel) {
        for (int seed = 0; seed < 2 * CASES; seed++) {
            try (GuardedMemory memory = new GuardedMemory(seed % 2 == 0);
                    DeviceFixture fixture = DeviceFixture.guarded(device, new Random(~seed), memory)) {
                KernelCases.run(kernel, fixture, new Random(seed));
            }
        }
    }

    @SuppressWarnings("restricted")
    private static void control(boolean atEnd) {
        try (GuardedMemory memory = new GuardedMemory(atEnd)) {
            MemorySegment segment = memory.allocate(12);
            segment.set(ValueLayout.JAVA_FLOAT_UNALIGNED, 8, 1);
            System.out.println("inside");
            long outside = segment.address() + (atEnd ? 12 : -4);
            System.out.println(MemorySegment.ofAddress(outside).reinterpret(4).get(ValueLayout.JAVA_BYTE, 0));
        }
    }
}
