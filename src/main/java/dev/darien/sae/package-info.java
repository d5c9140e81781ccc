// SPDX-License-Identifier: Apache-2.0
/** Sparse autoencoders: weights, the rule by which latents are selected, encoding and decoding, saving and loading. */
@NullMarked
package dev.darien.sae;

import org.jspecify.annotations.NullMarked;
