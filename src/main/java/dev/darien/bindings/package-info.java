// SPDX-License-Identifier: Apache-2.0
/**
 * Native libraries: where they are found. The packages below this one are generated from the libraries' headers and lie
 * under {@code bindings/} at the root of the project.
 */
@NullMarked
package dev.darien.bindings;

import org.jspecify.annotations.NullMarked;
