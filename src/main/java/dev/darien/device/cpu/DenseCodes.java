// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import dev.darien.device.LatentGroups;
import dev.darien.device.LatentRows;
import dev.darien.device.LatentTerms;
import dev.darien.device.Product;
import dev.darien.memory.Allocator;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import org.jspecify.annotations.Nullable;

/**
 * The same results by dense products, for codes that aren't sparse: ReLU's at the start of training, when half of all
 * latents are active. A product does six times the arithmetic of the sparse loops in the same time, so it wins above a
 * sixth of the entries. Works on one chunk of codes, whose dense size the trainer bounds.
 */
final class DenseCodes implements AutoCloseable {
    private static final int SPARSER_IS_FASTER = 6;
    private static final int FEWEST_ROWS = 32;
    private static final long MOST_ELEMENTS = 1L << 23;

    private final Allocator memory;
    private final Team team;
    private final VectorProduct product;
    private @Nullable Matrix values;

    DenseCodes(Allocator memory, Team team, VectorProduct product) {
        this.memory = memory;
        this.team = team;
        this.product = product;
    }

    /** Whether these codes are better treated as a dense matrix. */
    static boolean worthwhile(SparseCodes codes) {
        long elements = (long) codes.rows() * codes.latents();
        return codes.rows() >= FEWEST_ROWS
                && elements <= MOST_ELEMENTS
                && (long) codes.entries() * SPARSER_IS_FASTER > elements;
    }

    private Matrix buffer(int rows, int latents) {
        Matrix current = values;
        if (current == null || current.columns() != latents || current.rows() < rows) {
            if (current != null) {
                current.close();
            }
            current = memory.matrix("dense codes", rows, latents);
            values = current;
        }
        return current.slice(0, rows);
    }

    /** {@code out = Z · wDec}. */
    void decode(SparseCodes codes, Matrix wDec, Matrix out) {
        Matrix z = scatter(codes, codes.values(), 1);
        product.multiply(Product.NN, z, wDec, out, false);
    }

    /** {@code codeGradients[entry] = residual · wDec[latent]}. */
    void codeGradients(SparseCodes codes, Matrix wDec, Matrix residual, Matrix codeGradients) {
        Matrix products = buffer(codes.rows(), codes.latents());
        product.multiply(Product.NT, residual, wDec, products, false);
        team.run(codes.rows(), (row, worker) -> {
            int end = codes.start(row + 1);
            for (int entry = codes.start(row); entry < end; entry++) {
                Cells.set(codeGradients, 0, entry, Cells.get(products, row, codes.latent(entry)));
            }
        });
    }

    /** Adds both products to gradients whose untouched rows were set to 0. */
    void latentGradients(LatentTerms terms, LatentRows gradients) {
        float scale = Cells.get(terms.scale(), 0, 0);
        Matrix z = scatter(terms.codes(), terms.codes().values(), scale);
        product.multiply(Product.TN, z, terms.residual(), gradients.decoder(), true);
        Matrix g = scatter(terms.codes(), terms.codeGradients(), scale);
        product.multiply(Product.TN, g, terms.input(), gradients.encoder(), true);
    }

    /** Sets to 0 the rows of latents with entries that nothing has been added to yet, and marks them. */
    void begin(LatentGroups groups, LatentRows gradients, Matrix touched) {
        team.run(VectorDense.tasks(groups.latents(), 256), (task, worker) -> {
            int last = Math.min(groups.latents(), (task + 1) * 256);
            for (int latent = task * 256; latent < last; latent++) {
                // The product writes every row: rows without entries get a sum of nothing, which must be 0 too.
                if (Cells.getInt(touched, latent) == 0) {
                    Cells.fill(gradients.encoder().slice(latent, 1), 0);
                    Cells.fill(gradients.decoder().slice(latent, 1), 0);
                    Cells.setInt(touched, latent, groups.start(latent) == groups.start(latent + 1) ? 0 : 1);
                }
            }
        });
    }

    /** The dense matrix [rows, F] of {@code factor} times one number per entry; 0 for inactive entries. */
    private Matrix scatter(SparseCodes codes, Matrix perEntry, float factor) {
        Matrix out = buffer(codes.rows(), codes.latents());
        team.run(codes.rows(), (row, worker) -> {
            Cells.fill(out.slice(row, 1), 0);
            int end = codes.start(row + 1);
            for (int entry = codes.start(row); entry < end; entry++) {
                if (codes.value(entry) != 0) {
                    Cells.set(out, row, codes.latent(entry), factor * Cells.get(perEntry, 0, entry));
                }
            }
        });
        return out;
    }

    @Override
    public void close() {
        if (values != null) {
            values.close();
            values = null;
        }
    }
}
