// SPDX-License-Identifier: Apache-2.0
/** Where numbers are held and computed: devices, how one is chosen, and the one kernel interface that each implements. */
@NullMarked
package dev.darien.device;

import org.jspecify.annotations.NullMarked;
