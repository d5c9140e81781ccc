// SPDX-License-Identifier: Apache-2.0
/** Activating-while-Pruning (Liu et al. 2023, arXiv 2212.06145): small classifiers, their dead neurons, and pruning. */
@NullMarked
package dev.darien.prune;

import org.jspecify.annotations.NullMarked;
