// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cuda;

import dev.darien.device.Pursuit;
import dev.darien.device.PursuitSteps;
import dev.darien.memory.Allocator;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import org.jspecify.annotations.Nullable;

/** Launches of the kernels in pursuit.cu: a product and a choice for each step, tile by tile of rows. */
final class PursuitKernels implements AutoCloseable {
    /** PURSUIT_THREADS in pursuit.cu. */
    private static final int THREADS = 256;

    private final CudaModules modules;
    private final Pointers pointers;
    private final PreActivations preActivations;
    private final EncodeKernels encode;
    private final Allocator memory;
    private final Scratch done;
    private @Nullable Matrix residuals;

    PursuitKernels(
            CudaModules modules,
            Pointers pointers,
            PreActivations preActivations,
            EncodeKernels encode,
            Allocator memory) {
        this.modules = modules;
        this.pointers = pointers;
        this.preActivations = preActivations;
        this.encode = encode;
        this.memory = memory;
        this.done = new Scratch(memory, "rows that are done");
    }

    void encode(Matrix x, CudaEncoder dictionary, Pursuit limits, @Nullable PursuitSteps steps, SparseCodes codes) {
        if (encode.clearedEmpty(x, null, codes)) {
            return;
        }
        int latents = dictionary.latents();
        int room = Math.min(limits.steps(), latents);
        int tileRows = PreActivations.tileRows(x.intRows(), latents, false);
        for (int first = 0; first < x.rows(); first += tileRows) {
            int rows = Math.min(tileRows, x.intRows() - first);
            Matrix residual = residuals(tileRows, x.columns()).slice(0, rows);
            EncodeKernels.Chosen chosen = encode.chosen(rows, room);
            long ended = done.ints(rows);
            modules.kernel("encode_matching_pursuit_start")
                    .pointer(pointers.of(x.slice(first, rows)))
                    .number(x.stride())
                    .number(x.columns())
                    .pointer(pointers.of(residual))
                    .number(residual.stride())
                    .pointer(chosen.counts())
                    .pointer(ended)
                    .launch(rows, 1, Grid.threads(x.columns()));
            for (int step = 0; step < limits.steps(); step++) {
                PreActivations.Tile products = preActivations.of(residual, dictionary, 0, rows);
                take(products, dictionary, residual, limits, room, chosen, ended)
                        .pointer(steps == null ? Pointers.NONE : at(steps.latents(), step, first, Integer.BYTES))
                        .pointer(steps == null ? Pointers.NONE : at(steps.values(), step, first, Float.BYTES))
                        .launch(rows, 1, THREADS);
            }
            encode.place(first, rows, room, chosen, codes);
        }
    }

    private CudaKernel take(
            PreActivations.Tile products,
            CudaEncoder dictionary,
            Matrix residual,
            Pursuit limits,
            int room,
            EncodeKernels.Chosen chosen,
            long ended) {
        Matrix weights = dictionary.weights();
        return modules.kernel("encode_matching_pursuit")
                .pointer(products.address())
                .number(products.stride())
                .pointer(pointers.of(dictionary.bias()))
                .number(dictionary.latents())
                .pointer(pointers.of(weights))
                .number(weights.stride())
                .number(weights.columns())
                .pointer(pointers.of(residual))
                .number(residual.stride())
                .number(room)
                .number(limits.residualThreshold())
                .flag(limits.stopOnRepeat())
                .pointer(chosen.latents())
                .pointer(chosen.values())
                .pointer(chosen.counts())
                .pointer(ended);
    }

    private long at(Matrix matrix, int row, int column, int bytes) {
        return pointers.of(matrix) + (row * matrix.stride() + column) * bytes;
    }

    /** Kept from call to call; a larger one takes its place. */
    private Matrix residuals(int rows, int columns) {
        Matrix current = residuals;
        if (current == null || current.rows() < rows || current.columns() != columns) {
            if (current != null) {
                residuals = null;
                current.close();
            }
            current = memory.matrix("residuals of a pursuit", rows, columns);
            residuals = current;
        }
        return current;
    }

    void addDecoded(SparseCodes codes, Matrix factors, float scale, Matrix wDec, Matrix rows) {
        if (codes.rows() == 0) {
            return;
        }
        modules.kernel("add_decoded")
                .pointer(pointers.of(codes.offsets()))
                .pointer(pointers.of(codes.indices()))
                .pointer(pointers.of(codes.values()))
                .pointer(pointers.of(factors))
                .number(scale)
                .pointer(pointers.of(wDec))
                .number(wDec.stride())
                .number(wDec.columns())
                .pointer(pointers.of(rows))
                .number(rows.stride())
                .launch(codes.rows(), 1, Grid.threads(wDec.columns()));
    }

    @Override
    public void close() {
        if (residuals != null) {
            residuals.close();
        }
        done.close();
    }
}
