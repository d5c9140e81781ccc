// SPDX-License-Identifier: Apache-2.0
package dev.darien.jmh;

/** A size of training: width d, latents F, rows of a batch B, active latents for each row k. */
public enum Shape {
    /** To see that everything runs. */
    TINY(16, 64, 32, 4),
    /** Fits the caches. */
    SMALL(64, 1024, 128, 16),
    /** Of a small language model. */
    NARROW(128, 4096, 1024, 32),
    /** Weights of 16 MB on each side. */
    MEDIUM(512, 8192, 256, 32),
    /** Weights of 75 MB on each side: the reference takes its time. */
    LARGE(768, 24576, 256, 32);

    final int width;
    final int latents;
    final int batch;
    final int k;

    Shape(int width, int latents, int batch, int k) {
        this.width = width;
        this.latents = latents;
        this.batch = batch;
        this.k = k;
    }
}
