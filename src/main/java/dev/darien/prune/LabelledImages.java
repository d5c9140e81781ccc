// SPDX-License-Identifier: Apache-2.0
package dev.darien.prune;

import dev.darien.data.DataException;
import dev.darien.data.SafetensorsFile;
import dev.darien.data.SeededRandom;
import dev.darien.data.TensorInfo;
import dev.darien.memory.Matrix;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/** Images of 8-bit pixels, each with the number of its class. Pixels count as 0 to 1, so that no input is negative. */
public final class LabelledImages {
    private static final String IMAGES = "images";
    private static final String LABELS = "labels";
    private static final float WHITE = 255;

    private final byte[] pixels;
    private final byte[] labels;
    private final int width;
    private final int classes;

    private LabelledImages(byte[] pixels, byte[] labels, int width, int classes) {
        this.pixels = pixels;
        this.labels = labels;
        this.width = width;
        this.classes = classes;
    }

    /**
     * Reads a safetensors file with {@code images} U8 [n, pixels] and {@code labels} U8 [n].
     *
     * @throws DataException if it can't be read or holds something else
     */
    public static LabelledImages read(Path file) {
        try (SafetensorsFile tensors = SafetensorsFile.open(file)) {
            List<Long> images = shape(tensors, IMAGES, 2);
            List<Long> labels = shape(tensors, LABELS, 1);
            long count = images.getFirst();
            if (count == 0 || images.getLast() == 0 || !labels.getFirst().equals(count)) {
                throw new DataException("%s has %d images of %d pixels and %d labels; every image needs a label"
                        .formatted(file, count, images.getLast(), labels.getFirst()));
            }
            if (count > Integer.MAX_VALUE / images.getLast()) {
                throw new DataException(file + " has " + count + " images of " + images.getLast()
                        + " pixels, more than can be held; use fewer");
            }
            byte[] classOf = tensors.bytes(LABELS).toArray(ValueLayout.JAVA_BYTE);
            return new LabelledImages(
                    tensors.bytes(IMAGES).toArray(ValueLayout.JAVA_BYTE),
                    classOf,
                    Math.toIntExact(images.getLast()),
                    classes(file, classOf));
        }
    }

    private static List<Long> shape(SafetensorsFile file, String name, int dimensions) {
        TensorInfo tensor = file.tensor(name);
        if (!tensor.dtype().equals("U8") || tensor.shape().size() != dimensions) {
            throw new DataException("%s, tensor '%s' is %s where U8 with %d dimension%s was expected"
                    .formatted(file.path(), name, tensor.describe(), dimensions, dimensions == 1 ? "" : "s"));
        }
        return tensor.shape();
    }

    private static int classes(Path file, byte[] labels) {
        int largest = 0;
        for (byte label : labels) {
            largest = Math.max(largest, Byte.toUnsignedInt(label));
        }
        if (largest == 0) {
            throw new DataException(file + " has only one class, number 0; a classifier needs two at least");
        }
        return largest + 1;
    }

    /**
     * Made-up digits: the ten figures of a seven-segment display, moved by up to two pixels, of varying brightness, in
     * noise. Easy, but not trivial; the same for the same seed.
     *
     * @param side height and width, at least 13
     */
    public static LabelledImages generated(int count, int side, long seed) {
        if (count < 1 || side < 13 || (long) count * side * side > Integer.MAX_VALUE) {
            throw new IllegalArgumentException(
                    "images can be generated from 13 x 13 pixels on, and at most 2^31 pixels in all, but " + count
                            + " of " + side + " x " + side + " were asked for");
        }
        SeededRandom random = new SeededRandom(seed);
        byte[] pixels = new byte[count * side * side];
        byte[] labels = new byte[count];
        for (int i = 0; i < count; i++) {
            labels[i] = (byte) random.nextInt(SevenSegments.FIGURES);
            SevenSegments.draw(labels[i], side, random, pixels, i * side * side);
        }
        return new LabelledImages(pixels, labels, side * side, SevenSegments.FIGURES);
    }

    /** Number of images. */
    public int count() {
        return labels.length;
    }

    /** Pixels of an image. */
    public int width() {
        return width;
    }

    /** Number of classes, from the largest label. */
    public int classes() {
        return classes;
    }

    /** The class of an image, from 0. */
    public int label(int image) {
        return Byte.toUnsignedInt(labels[image]);
    }

    /** A copy of {@code count} images from {@code first}, with as many classes as here. */
    public LabelledImages slice(int first, int count) {
        Objects.checkFromIndexSize(first, count, count());
        return new LabelledImages(
                Arrays.copyOfRange(pixels, first * width, (first + count) * width),
                Arrays.copyOfRange(labels, first, first + count),
                width,
                classes);
    }

    /** Writes an image's pixels, 0 to 1, as row {@code row} of dense memory of rows of {@link #width} floats. */
    void copy(int image, MemorySegment rows, int row) {
        int from = image * width;
        long to = (long) row * width * Float.BYTES;
        for (int i = 0; i < width; i++) {
            rows.set(Matrix.FLOAT, to + (long) i * Float.BYTES, Byte.toUnsignedInt(pixels[from + i]) / WHITE);
        }
    }
}
