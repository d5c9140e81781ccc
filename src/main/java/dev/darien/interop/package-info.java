// SPDX-License-Identifier: Apache-2.0
/** Other projects' files: which format a file is in, reading it, and writing it. {@code docs/formats.md} has the details. */
@NullMarked
package dev.darien.interop;

import org.jspecify.annotations.NullMarked;
