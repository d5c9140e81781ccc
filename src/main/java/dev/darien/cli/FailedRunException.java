// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import dev.darien.device.DeviceException;

/** A run whose device failed; the message also says what is left of the run. */
final class FailedRunException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    FailedRunException(DeviceException cause, String left) {
        super(cause.getMessage() + "; " + left, cause);
    }
}
