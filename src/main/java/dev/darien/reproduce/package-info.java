// SPDX-License-Identifier: Apache-2.0
/** The experiments behind {@code docs/results/}: each paper's claims, measured. */
@NullMarked
package dev.darien.reproduce;

import org.jspecify.annotations.NullMarked;
