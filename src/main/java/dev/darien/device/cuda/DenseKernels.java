// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cuda;

import dev.darien.device.Precision;
import dev.darien.device.Product;
import dev.darien.memory.Allocator;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import org.jspecify.annotations.Nullable;

/** Launches of the kernels in dense.cu, and dense products by cuBLAS. */
final class DenseKernels implements AutoCloseable {
    /** Segments that the rows of a sum are cut into, at most. */
    private static final int SEGMENTS = 128;

    private static final int ROWS_PER_SEGMENT = 64;

    private final CudaModules modules;
    private final CudaBlas blas;
    private final Pointers pointers;
    private final Scratch partial;
    private final Scratch weights;
    private final Scratch scalar;
    private final Scratch roundedA;
    private final Scratch roundedB;

    DenseKernels(CudaModules modules, CudaBlas blas, Pointers pointers, Allocator memory) {
        this.modules = modules;
        this.blas = blas;
        this.pointers = pointers;
        this.partial = new Scratch(memory, "partial sums");
        this.weights = new Scratch(memory, "weights of rows");
        this.scalar = new Scratch(memory, "scalar");
        this.roundedA = new Scratch(memory, "rounded left operand");
        this.roundedB = new Scratch(memory, "rounded right operand");
    }

    /** The source is given by its address, which may be that of a copy. */
    void convert(long source, long stride, DType dtype, float scale, @Nullable Matrix offset, Matrix out) {
        String kernel =
                switch (dtype) {
                    case F32 -> "convert_f32";
                    case F16 -> "convert_f16";
                    case BF16 -> "convert_bf16";
                    default -> throw new IllegalArgumentException("only F32, F16 and BF16 can be converted");
                };
        modules.kernel(kernel)
                .pointer(source)
                .number(stride)
                .number(scale)
                .pointer(pointers.ofNullable(offset))
                .pointer(pointers.of(out))
                .number(out.stride())
                .number(out.columns())
                .launch(out.rows(), Grid.columnBlocks(out.columns()), Grid.threads(out.columns()));
    }

    /** Rounds to bfloat16, into rows {@code stride} elements apart. */
    void toBf16(Matrix source, long out, long stride) {
        modules.kernel("pack_bf16")
                .pointer(pointers.of(source))
                .number(source.stride())
                .pointer(out)
                .number(stride)
                .number(source.columns())
                .launch(source.rows(), Grid.columnBlocks(source.columns()), Grid.threads(source.columns()));
    }

    void multiply(Product product, Matrix a, Matrix b, Matrix out, boolean accumulate) {
        int inner = product == Product.TN ? a.intRows() : a.columns();
        if (out.rows() == 0 || out.columns() == 0) {
            return;
        }
        if (inner == 0) {
            if (!accumulate) {
                fill(out, 0);
            }
            return;
        }
        boolean bf16 = blas.precision() == Precision.BF16;
        blas.multiply(
                bf16 ? rounded(a, roundedA, product == Product.TN) : operand(a, product == Product.TN),
                bf16 ? rounded(b, roundedB, product == Product.NT) : operand(b, product == Product.NT),
                bf16,
                new CudaBlas.Result(pointers.of(out), out.stride(), out.intRows(), out.columns()),
                inner,
                accumulate);
    }

    CudaBlas.Operand operand(Matrix matrix, boolean transposed) {
        return new CudaBlas.Operand(pointers.of(matrix), matrix.stride(), transposed);
    }

    /** A copy in bfloat16, whose rows follow each other at multiples of 16 bytes. */
    CudaBlas.Operand rounded(Matrix matrix, Scratch copy, boolean transposed) {
        long stride = Grid.blocks(matrix.columns(), 8) * 8;
        long address = copy.bytes(matrix.rows() * stride * DType.BF16.bytes());
        toBf16(matrix, address, stride);
        return new CudaBlas.Operand(address, stride, transposed);
    }

    void fill(Matrix x, float value) {
        CudaKernel kernel = modules.kernel("fill_" + x.dtype().bytes() * 8)
                .pointer(pointers.of(x))
                .number(x.stride())
                .number(x.columns());
        if (x.dtype().bytes() == Long.BYTES) {
            kernel.number(x.dtype() == DType.F64 ? Double.doubleToRawLongBits(value) : (long) value);
        } else {
            kernel.number(
                    switch (x.dtype()) {
                        case F32 -> Float.floatToRawIntBits(value);
                        case F16 -> Short.toUnsignedInt(Float.floatToFloat16(value));
                        case BF16 -> Short.toUnsignedInt(DType.floatToBfloat16(value));
                        default -> (int) value;
                    });
        }
        kernel.launch(x.rows(), Grid.columnBlocks(x.columns()), Grid.threads(x.columns()));
    }

    void scale(Matrix x, float factor) {
        inPlace("scale", x, factor);
    }

    void clampBelow(Matrix x, float minimum) {
        inPlace("clamp_below", x, minimum);
    }

    private void inPlace(String kernel, Matrix x, float number) {
        modules.kernel(kernel)
                .pointer(pointers.of(x))
                .number(x.stride())
                .number(x.columns())
                .number(number)
                .launch(x.rows(), Grid.columnBlocks(x.columns()), Grid.threads(x.columns()));
    }

    void exponentialAverage(Matrix value, float rate, Matrix average) {
        modules.kernel("exponential_average")
                .pointer(pointers.of(value))
                .number(value.stride())
                .number((double) rate)
                .pointer(pointers.of(average))
                .number(average.stride())
                .number(average.columns())
                .launch(average.rows(), Grid.columnBlocks(average.columns()), Grid.threads(average.columns()));
    }

    void rowNorms(Matrix x, Matrix norms) {
        modules.kernel("row_norms")
                .pointer(pointers.of(x))
                .number(x.stride())
                .number(x.intRows())
                .number(x.columns())
                .pointer(pointers.of(norms))
                .launch(Grid.warpBlocks(x.rows()), 1, Grid.THREADS);
    }

    private static int segmentRows(long rows) {
        long segments = Math.clamp(Grid.blocks(rows, ROWS_PER_SEGMENT), 1, SEGMENTS);
        return (int) Math.max(1, Grid.blocks(rows, segments));
    }

    /** Sums over segments of rows, of each column, in double; their number is returned. */
    int partialColumnSums(@Nullable Matrix rowWeights, Matrix rows, Scratch out) {
        int segment = segmentRows(rows.rows());
        int segments = (int) Math.max(1, Grid.blocks(rows.rows(), segment));
        modules.kernel("weighted_row_sum_partial")
                .pointer(pointers.ofNullable(rowWeights))
                .pointer(pointers.of(rows))
                .number(rows.stride())
                .number(rows.intRows())
                .number(rows.columns())
                .number(segment)
                .pointer(out.doubles((long) segments * rows.columns()))
                .launch(Grid.blocks(rows.columns(), Grid.THREADS), segments, Grid.THREADS);
        return segments;
    }

    void weightedRowSum(@Nullable Matrix rowWeights, Matrix rows, double factor, boolean accumulate, Matrix out) {
        int segments = partialColumnSums(rowWeights, rows, partial);
        modules.kernel("weighted_row_sum")
                .pointer(partial.bytes(0))
                .number(segments)
                .number(rows.columns())
                .number(factor)
                .flag(accumulate)
                .pointer(pointers.of(out))
                .launch(Grid.blocks(rows.columns(), Grid.THREADS), 1, Grid.THREADS);
    }

    /** All iterations are enqueued; those after the last that is needed do nothing. */
    void geometricMedian(Matrix x, int iterations, float tolerance, Matrix median) {
        weightedRowSum(null, x, 1f / x.rows(), false, median);
        long moved = scalar.doubles(1);
        modules.kernel("fill_64")
                .pointer(moved)
                .number(1L)
                .number(1)
                .number(Double.doubleToRawLongBits(Double.POSITIVE_INFINITY))
                .launch(1, 1, Grid.WARP);
        int segment = segmentRows(x.rows());
        int segments = (int) Grid.blocks(x.rows(), segment);
        long rowWeights = weights.doubles(x.rows());
        long sums = partial.doubles((long) segments * (x.columns() + 1));
        for (int iteration = 0; iteration < iterations; iteration++) {
            modules.kernel("geometric_median_weights")
                    .pointer(pointers.of(x))
                    .number(x.stride())
                    .number(x.intRows())
                    .number(x.columns())
                    .pointer(pointers.of(median))
                    .pointer(moved)
                    .number((double) tolerance)
                    .pointer(rowWeights)
                    .launch(Grid.warpBlocks(x.rows()), 1, Grid.THREADS);
            modules.kernel("geometric_median_partial")
                    .pointer(rowWeights)
                    .pointer(pointers.of(x))
                    .number(x.stride())
                    .number(x.intRows())
                    .number(x.columns())
                    .number(segment)
                    .pointer(moved)
                    .number((double) tolerance)
                    .pointer(sums)
                    .launch(Grid.blocks(x.columns() + 1L, Grid.THREADS), segments, Grid.THREADS);
            modules.kernel("geometric_median")
                    .pointer(sums)
                    .number(segments)
                    .number(x.columns())
                    .pointer(pointers.of(median))
                    .pointer(moved)
                    .number((double) tolerance)
                    .launch(1, 1, Grid.ONE_BLOCK);
        }
    }

    @Override
    public void close() {
        roundedB.close();
        roundedA.close();
        scalar.close();
        weights.close();
        partial.close();
    }
}
