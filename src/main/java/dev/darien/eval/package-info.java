// SPDX-License-Identifier: Apache-2.0
/** How good an SAE is: reconstruction, sparsity and firing density on data, and recovery of known directions. */
@NullMarked
package dev.darien.eval;

import org.jspecify.annotations.NullMarked;
