// SPDX-License-Identifier: Apache-2.0
/** Training: the streamed step, schedules, dead latents, checkpoints, and listeners that watch. */
@NullMarked
package dev.darien.train;

import org.jspecify.annotations.NullMarked;
