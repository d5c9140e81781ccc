// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import dev.darien.memory.Matrix;

/**
 * One file of a source.
 *
 * @param what file and tensor, for messages
 * @param matrix its rows
 * @param closer closes the file
 */
record Shard(String what, Matrix matrix, Runnable closer) {
    void close() {
        closer.run();
    }
}
