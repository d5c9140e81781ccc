// SPDX-License-Identifier: Apache-2.0
/** Writers of the files that tests read, byte by byte as other projects write them and without the code under test. */
@NullMarked
package dev.darien.fuzz;

import org.jspecify.annotations.NullMarked;
