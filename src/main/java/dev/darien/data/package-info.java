// SPDX-License-Identifier: Apache-2.0
/** Where activations come from (safetensors, npy, shards, synthetic), in which order they are served, and whether they are sound. */
@NullMarked
package dev.darien.data;

import org.jspecify.annotations.NullMarked;
