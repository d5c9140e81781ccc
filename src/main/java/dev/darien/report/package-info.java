// SPDX-License-Identifier: Apache-2.0
/** A training run and its evaluation as one page of HTML that needs nothing else. */
@NullMarked
package dev.darien.report;

import org.jspecify.annotations.NullMarked;
