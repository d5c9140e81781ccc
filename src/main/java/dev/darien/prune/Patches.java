// SPDX-License-Identifier: Apache-2.0
package dev.darien.prune;

import dev.darien.memory.Matrix;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** The patches of a convolution's inputs, laid out as the rows of a matrix, and the transpose of that. */
final class Patches {
    /** For each value of an input's patches, [positions · fanIn], which value of the input it is. */
    private final int[] sources;

    private final float[] input;
    private final float[] patches;

    Patches(LayerShape layer) {
        sources = new int[layer.positions() * layer.fanIn()];
        input = new float[layer.inputs()];
        patches = new float[sources.length];
        int at = 0;
        for (int y = 0; y < layer.outputSide(); y++) {
            for (int x = 0; x < layer.outputSide(); x++) {
                for (int dy = 0; dy < layer.kernel(); dy++) {
                    int line = (y * layer.stride() + dy) * layer.side() + x * layer.stride();
                    for (int i = 0; i < layer.kernel() * layer.channels(); i++) {
                        sources[at++] = line * layer.channels() + i;
                    }
                }
            }
        }
    }

    /** Values of one input's patches. */
    int size() {
        return sources.length;
    }

    /** The patches of {@code rows} inputs, [rows · positions, fanIn]. */
    void gather(MemorySegment inputs, int rows, MemorySegment out) {
        for (int row = 0; row < rows; row++) {
            MemorySegment.copy(inputs, Matrix.FLOAT, offset(row, input), input, 0, input.length);
            for (int i = 0; i < patches.length; i++) {
                patches[i] = input[sources[i]];
            }
            MemorySegment.copy(patches, 0, out, Matrix.FLOAT, offset(row, patches), patches.length);
        }
    }

    /** The transpose of {@link #gather}: each input value gets the sum over the patches that it is in. */
    void scatter(MemorySegment ofPatches, int rows, MemorySegment out) {
        for (int row = 0; row < rows; row++) {
            MemorySegment.copy(ofPatches, Matrix.FLOAT, offset(row, patches), patches, 0, patches.length);
            Arrays.fill(input, 0);
            for (int i = 0; i < patches.length; i++) {
                input[sources[i]] += patches[i];
            }
            MemorySegment.copy(input, 0, out, Matrix.FLOAT, offset(row, input), input.length);
        }
    }

    private static long offset(int row, float[] values) {
        return (long) row * values.length * Float.BYTES;
    }
}
