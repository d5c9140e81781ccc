// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

/** A device that was asked for by name can't be had; the message holds every reason. */
public final class DeviceUnavailableException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public DeviceUnavailableException(String message) {
        super(message);
    }
}
