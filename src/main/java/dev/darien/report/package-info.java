// SPDX-License-Identifier: Apache-2.0
/** The HTML report. */
@NullMarked
package dev.darien.report;

import org.jspecify.annotations.NullMarked;
