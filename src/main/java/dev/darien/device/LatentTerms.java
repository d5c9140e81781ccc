// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;

/**
 * What one selection of a batch adds to the gradients of its latents. With z the code and g the code gradient of an
 * entry, and x and e the input and residual of its row, latent j receives
 *
 * <pre>
 *   dW_dec[j] += scale · Σ z·e      dW_enc[j] += scale · Σ g·x      db_enc[j] += scale · Σ g
 * </pre>
 *
 * over its entries with z ≠ 0.
 *
 * @param codes the selection
 * @param groups the same entries by latent
 * @param codeGradients F32[1, capacity], unscaled gradient of each entry
 * @param input F32[rows, d], what the encoder saw
 * @param residual F32[rows, d_out], reconstruction minus target
 * @param scale F32[1, 1]
 */
public record LatentTerms(
        SparseCodes codes, LatentGroups groups, Matrix codeGradients, Matrix input, Matrix residual, Matrix scale) {}
