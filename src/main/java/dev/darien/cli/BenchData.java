// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import dev.darien.data.ActivationSource;
import dev.darien.data.ActivationSources;
import dev.darien.data.DataCheck;
import dev.darien.data.DataSummary;
import dev.darien.data.OnNan;
import dev.darien.memory.Allocator;
import dev.darien.memory.Closing;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import java.util.List;

/** A few batches of normal numbers, which steps read in random order. */
final class BenchData implements AutoCloseable {
    private static final int BATCHES = 4;

    private final Allocator memory = Allocator.host("benchmark data");
    private final Matrix rows;
    final ActivationSource source;
    final DataSummary summary;

    BenchData(BenchSize size, DType dtype) {
        rows = memory.matrix("activations", dtype, (long) BATCHES * size.batch(), size.width());
        BenchStep.fill(rows);
        source = ActivationSources.of(rows, "random activations");
        summary = DataCheck.scan(source, OnNan.FAIL);
    }

    @Override
    public void close() {
        Closing.all(List.of(source, rows, memory));
    }
}
