// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cuda;

import dev.darien.device.LatentRows;
import dev.darien.device.LatentTerms;
import dev.darien.memory.Allocator;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import org.jspecify.annotations.Nullable;

/**
 * The same results by dense products, for codes that aren't sparse: ReLU's at the start of training, when half of all
 * latents are active. How many entries there are only the device knows, and it isn't waited for: both ways are enqueued,
 * and a flag on the device makes the kernels of one of them return at once. So the products are Darien's own, which can
 * look at a flag.
 */
final class DenseCodeKernels implements AutoCloseable {
    private static final int SPARSER_IS_FASTER = 6;
    private static final int FEWEST_ROWS = 32;
    /** Bounds the two dense matrices of a chunk: 2^24 elements are 64 MB. */
    private static final long MOST_ELEMENTS = 1L << 24;
    /** TILE and MULTIPLY_THREADS in multiply.cu. */
    private static final int TILE = 128;

    private static final int MULTIPLY_THREADS = 256;

    private final CudaModules modules;
    private final Pointers pointers;
    private final Scratch flag;
    private final Scratch dense;
    private final Scratch otherDense;

    DenseCodeKernels(CudaModules modules, Pointers pointers, Allocator memory) {
        this.modules = modules;
        this.pointers = pointers;
        this.flag = new Scratch(memory, "whether codes are dense");
        this.dense = new Scratch(memory, "dense codes");
        this.otherDense = new Scratch(memory, "dense code gradients");
    }

    /** The address of the flag, {@link Pointers#NONE} if these codes can't be dense, as those of a top-k. */
    long flag(SparseCodes codes) {
        long places = (long) codes.rows() * codes.latents();
        if (codes.rows() < FEWEST_ROWS
                || places > MOST_ELEMENTS
                || (long) codes.capacity() * SPARSER_IS_FASTER <= places) {
            return Pointers.NONE;
        }
        long address = flag.ints(1);
        modules.kernel("decode_dense_flag")
                .pointer(pointers.of(codes.offsets()) + (long) codes.rows() * Long.BYTES)
                .number((long) codes.capacity())
                .number(places)
                .number(SPARSER_IS_FASTER)
                .pointer(address)
                .launch(1, 1, 1);
        return address;
    }

    void decode(long enabled, SparseCodes codes, Matrix wDec, @Nullable Matrix bias, Matrix out) {
        product(enabled, codes, wDec, out);
        rows(enabled, bias, null, 0, out, null);
    }

    void reconstruct(
            long enabled,
            SparseCodes codes,
            Matrix wDec,
            @Nullable Matrix bias,
            Matrix target,
            float targetSign,
            Matrix residual,
            Matrix rowErrors,
            Matrix codeGradients) {
        product(enabled, codes, wDec, residual);
        rows(enabled, bias, target, targetSign, residual, rowErrors);
        long products = dense.bytes(0);
        multiply("multiply_nt", enabled)
                .pointer(pointers.of(residual))
                .number(residual.stride())
                .pointer(pointers.of(wDec))
                .number(wDec.stride())
                .pointer(products)
                .number((long) codes.latents())
                .number(codes.rows())
                .number(codes.latents())
                .number(wDec.columns())
                .flag(false)
                .launch(Grid.blocks(codes.latents(), TILE), Grid.blocks(codes.rows(), TILE), MULTIPLY_THREADS);
        modules.kernel("reconstruct_dense_gather")
                .pointer(enabled)
                .pointer(pointers.of(codes.offsets()))
                .pointer(pointers.of(codes.indices()))
                .pointer(products)
                .number(codes.latents())
                .pointer(pointers.of(codeGradients))
                .launch(codes.rows(), 1, Grid.threads(codes.latents()));
    }

    /** {@code out = Z · wDec}. */
    private void product(long enabled, SparseCodes codes, Matrix wDec, Matrix out) {
        long z = scatter(enabled, codes, codes.values(), null, dense);
        multiply("multiply_nn", enabled)
                .pointer(z)
                .number((long) codes.latents())
                .pointer(pointers.of(wDec))
                .number(wDec.stride())
                .pointer(pointers.of(out))
                .number(out.stride())
                .number(codes.rows())
                .number(wDec.columns())
                .number(codes.latents())
                .flag(false)
                .launch(Grid.blocks(wDec.columns(), TILE), Grid.blocks(codes.rows(), TILE), MULTIPLY_THREADS);
    }

    private void rows(
            long enabled,
            @Nullable Matrix bias,
            @Nullable Matrix target,
            float targetSign,
            Matrix out,
            @Nullable Matrix rowErrors) {
        modules.kernel("reconstruct_dense_rows")
                .pointer(enabled)
                .pointer(pointers.ofNullable(bias))
                .pointer(pointers.ofNullable(target))
                .number(target == null ? 0 : target.stride())
                .number(targetSign)
                .pointer(pointers.of(out))
                .number(out.stride())
                .number(out.columns())
                .pointer(pointers.ofNullable(rowErrors))
                .launch(out.rows(), 1, Grid.threads(out.columns()));
    }

    void latentGradients(
            long enabled,
            LatentTerms terms,
            float normPenalty,
            @Nullable Matrix wDec,
            LatentRows gradients,
            Matrix touched) {
        SparseCodes codes = terms.codes();
        long z = scatter(enabled, codes, codes.values(), terms.scale(), dense);
        long g = scatter(enabled, codes, terms.codeGradients(), terms.scale(), otherDense);
        Matrix penalised = normPenalty == 0 ? null : wDec;
        Matrix encoder = gradients.encoder();
        Matrix decoder = gradients.decoder();
        modules.kernel("latent_gradients_dense_begin")
                .pointer(enabled)
                .pointer(pointers.of(terms.groups().offsets()))
                .pointer(z)
                .pointer(pointers.of(terms.scale()))
                .number(codes.rows())
                .number(codes.latents())
                .number(normPenalty)
                .pointer(pointers.ofNullable(penalised))
                .number(penalised == null ? 0 : penalised.stride())
                .pointer(pointers.of(encoder))
                .number(encoder.stride())
                .number(encoder.columns())
                .pointer(pointers.of(decoder))
                .number(decoder.stride())
                .number(decoder.columns())
                .pointer(pointers.of(touched))
                .launch(codes.latents(), 1, Grid.threads(Math.max(encoder.columns(), decoder.columns())));
        addProduct(enabled, z, codes, terms.residual(), decoder);
        addProduct(enabled, g, codes, terms.input(), encoder);
    }

    /** {@code out += perPlaceᵀ · rows}. */
    private void addProduct(long enabled, long perPlace, SparseCodes codes, Matrix rows, Matrix out) {
        multiply("multiply_tn", enabled)
                .pointer(perPlace)
                .number((long) codes.latents())
                .pointer(pointers.of(rows))
                .number(rows.stride())
                .pointer(pointers.of(out))
                .number(out.stride())
                .number(codes.latents())
                .number(out.columns())
                .number(codes.rows())
                .flag(true)
                .launch(Grid.blocks(out.columns(), TILE), Grid.blocks(codes.latents(), TILE), MULTIPLY_THREADS);
    }

    private CudaKernel multiply(String name, long enabled) {
        return modules.kernel(name).pointer(enabled);
    }

    /** A dense matrix [rows, F] of one number for each active entry, times {@code factor}. */
    private long scatter(long enabled, SparseCodes codes, Matrix perEntry, @Nullable Matrix factor, Scratch into) {
        long out = into.bytes((long) codes.rows() * codes.latents() * Float.BYTES);
        modules.kernel("decode_dense_scatter")
                .pointer(enabled)
                .pointer(pointers.of(codes.offsets()))
                .pointer(pointers.of(codes.indices()))
                .pointer(pointers.of(codes.values()))
                .pointer(pointers.of(perEntry))
                .pointer(pointers.ofNullable(factor))
                .number(codes.latents())
                .pointer(out)
                .launch(codes.rows(), 1, Grid.threads(codes.latents()));
        return out;
    }

    @Override
    public void close() {
        otherDense.close();
        dense.close();
        flag.close();
    }
}
