// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cuda;

import dev.darien.device.Device;
import dev.darien.device.DeviceOptions;
import dev.darien.device.DeviceProvider;
import dev.darien.device.DeviceUnavailableException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/** Offers each NVIDIA GPU as {@code cuda:N}. */
public final class CudaDeviceProvider implements DeviceProvider {
    private static final String KIND = "cuda";
    /** Above the CPU's; of several GPUs the first is preferred. */
    private static final int PRIORITY = 1000;
    /** Below the CPU's: the host stand-in must be asked for by name. */
    private static final int STAND_IN_PRIORITY = -1;

    /** Called by {@link java.util.ServiceLoader}. */
    public CudaDeviceProvider() {}

    @Override
    public String kind() {
        return KIND;
    }

    @Override
    public List<Candidate> candidates() {
        List<Candidate> candidates = new ArrayList<>();
        for (CudaDiscovery.Found found : CudaDiscovery.find()) {
            Gpu gpu = found.gpu();
            String name = gpu == null ? KIND : gpu.name();
            if (gpu == null || found.obstacle() != null) {
                candidates.add(new Candidate(name, false, PRIORITY, Objects.requireNonNull(found.obstacle())));
            } else {
                int priority = gpu.isStandIn() ? STAND_IN_PRIORITY : PRIORITY - gpu.ordinal();
                candidates.add(
                        new Candidate(name, true, priority, CudaDevice.describe(gpu) + ", " + CudaDiscovery.driver()));
            }
        }
        return candidates;
    }

    @Override
    public Device open(String name, DeviceOptions options) {
        for (CudaDiscovery.Found found : CudaDiscovery.find()) {
            Gpu gpu = found.gpu();
            if (gpu != null && gpu.name().equals(name)) {
                if (found.obstacle() != null) {
                    throw new DeviceUnavailableException("device '" + name + "' can't be used: " + found.obstacle());
                }
                return new CudaDevice(gpu, options.precision());
            }
        }
        throw new DeviceUnavailableException("there is no device '" + name + "'");
    }
}
