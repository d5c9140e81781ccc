// SPDX-License-Identifier: Apache-2.0
/** Off-heap matrices, sparse codes and the accounting of every native byte: who owns it, and what was never given back. */
@NullMarked
package dev.darien.memory;

import org.jspecify.annotations.NullMarked;
