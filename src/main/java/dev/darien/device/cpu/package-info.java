// SPDX-License-Identifier: Apache-2.0
/** The CPU: the scalar reference of every kernel, the Vector API kernels, and the deterministic worker team. */
@NullMarked
package dev.darien.device.cpu;

import org.jspecify.annotations.NullMarked;
