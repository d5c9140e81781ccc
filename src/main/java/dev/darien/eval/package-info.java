// SPDX-License-Identifier: Apache-2.0
/** Evaluation: how well a sparse autoencoder reconstructs activations. */
@NullMarked
package dev.darien.eval;

import org.jspecify.annotations.NullMarked;
