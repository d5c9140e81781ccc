// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

/**
 * A device failed while it worked. Where calls are only enqueued, the one that notices may be a later one than the one
 * that failed.
 */
public final class DeviceException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final String nativeCall;
    private final String error;
    private final boolean deviceLost;

    /**
     * A failure, with all that is known of it in the message.
     *
     * @param device its name, {@code cuda:0}
     * @param nativeCall what was called and, of a kernel, its name: {@code cuLaunchKernel of encode_top_k}
     * @param error the error's own name: {@code CUDA_ERROR_ILLEGAL_ADDRESS}
     * @param shapes what it was called with: {@code x F32[1024, 512], codes of 1024 rows}; may be empty
     * @param deviceLost whether nothing can be computed on the device any more in this process
     */
    public DeviceException(String device, String nativeCall, String error, String shapes, boolean deviceLost) {
        super(device + " failed: " + nativeCall + (shapes.isEmpty() ? "" : " (" + shapes + ")") + " answered " + error
                + (deviceLost ? "; the device can't be used again before the program is started anew" : ""));
        this.nativeCall = nativeCall;
        this.error = error;
        this.deviceLost = deviceLost;
    }

    /** The native call that said so. */
    public String nativeCall() {
        return nativeCall;
    }

    /** The error's name. */
    public String error() {
        return error;
    }

    /** Whether the device can't be used any more in this process, so that all that can be done is to close what it made. */
    public boolean deviceLost() {
        return deviceLost;
    }
}
