// SPDX-License-Identifier: Apache-2.0
/**
 * The CUDA device: driver, streams, memory and kernels through the bindings in {@code dev.darien.bindings}. Reached
 * through {@link java.util.ServiceLoader} only.
 */
@NullMarked
package dev.darien.device.cuda;

import org.jspecify.annotations.NullMarked;
