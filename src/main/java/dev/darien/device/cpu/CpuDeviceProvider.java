// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import dev.darien.device.Device;
import dev.darien.device.DeviceOptions;
import dev.darien.device.DeviceProvider;
import dev.darien.device.DeviceUnavailableException;
import dev.darien.device.Precision;
import java.util.List;

/** Offers {@code cpu:vector} where the Vector API is there and worth using, and {@code cpu:scalar} everywhere. */
public final class CpuDeviceProvider implements DeviceProvider {

    /** Called by {@link java.util.ServiceLoader}. */
    public CpuDeviceProvider() {}

    @Override
    public String kind() {
        return "cpu";
    }

    @Override
    public List<Candidate> candidates() {
        String unavailable = VectorSupport.unavailable();
        Candidate vector = new Candidate(
                CpuDevice.VECTOR,
                unavailable == null,
                20,
                unavailable != null ? unavailable : CpuDevice.vectorDetail(DeviceOptions.DEFAULT.resolvedThreads()));
        return List.of(vector, new Candidate(CpuDevice.SCALAR, true, 10, CpuDevice.scalarDetail()));
    }

    @Override
    public Device open(String name, DeviceOptions options) {
        if (options.precision() != Precision.FP32) {
            throw new IllegalArgumentException(
                    "a precision of " + options.precision().id() + " needs the matrix units of a GPU; " + name
                            + " computes in fp32 only");
        }
        return switch (name) {
            case CpuDevice.SCALAR -> CpuDevice.scalar();
            case CpuDevice.VECTOR -> openVector(options);
            default -> throw new DeviceUnavailableException("there is no device '" + name + "' among those of the CPU");
        };
    }

    private static Device openVector(DeviceOptions options) {
        String unavailable = VectorSupport.unavailable();
        if (unavailable != null) {
            throw new DeviceUnavailableException("device 'cpu:vector' can't be used: " + unavailable);
        }
        return CpuDevice.vector(options.resolvedThreads());
    }
}
