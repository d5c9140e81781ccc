// SPDX-License-Identifier: Apache-2.0
/** Many threads at once on what may be shared, and ends that come at any moment. */
@NullMarked
package dev.darien.stress;

import org.jspecify.annotations.NullMarked;
