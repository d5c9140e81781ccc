// SPDX-License-Identifier: Apache-2.0

/**
 * Several SAEs that stand for one (Gadgil et al. 2025, "Ensembling Sparse Autoencoders"): bagging, which averages SAEs that
 * differ in their seed, and boosting, of which each encodes what those before it have left.
 */
@NullMarked
package dev.darien.ensemble;

import org.jspecify.annotations.NullMarked;
