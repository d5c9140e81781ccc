// SPDX-License-Identifier: Apache-2.0

/** The {@code darien} command line: parses, calls the library, prints. */
@NullMarked
package dev.darien.cli;

import org.jspecify.annotations.NullMarked;
