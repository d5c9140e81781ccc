// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import dev.darien.prune.LabelledImages;
import java.nio.file.Files;
import java.nio.file.Path;
import picocli.CommandLine.Option;

/** Labelled images to train a classifier on. */
final class ImageArguments {
    /** What {@code ci/digits} writes. */
    static final String FILE = "digits.safetensors";

    private static final String GENERATED = "generated";
    private static final int COUNT = 5_000;
    private static final int SIDE = 16;
    private static final int HELD_OUT = 5;

    @Option(
            names = "--data",
            paramLabel = "FILE",
            defaultValue = GENERATED,
            description = "Safetensors with images U8 [n, pixels] and labels U8 [n], or a folder with " + FILE
                    + ", as ci/digits fetches it; 'generated' for made-up digits of 16 x 16 pixels (default:"
                    + " ${DEFAULT-VALUE}). The last fifth is kept for measuring accuracy.")
    private String data = GENERATED;

    /** Images to train on, and others. */
    record Split(LabelledImages training, LabelledImages heldOut) {}

    Split read() {
        LabelledImages images;
        if (data.equals(GENERATED)) {
            images = LabelledImages.generated(COUNT, SIDE, 0);
        } else {
            Path path = Path.of(data);
            images = LabelledImages.read(Files.isDirectory(path) ? path.resolve(FILE) : path);
        }
        int heldOut = images.count() / HELD_OUT;
        if (heldOut == 0) {
            throw new UsageException(
                    data + " has only " + images.count() + " images; " + HELD_OUT + " are needed at least");
        }
        int training = images.count() - heldOut;
        return new Split(images.slice(0, training), images.slice(training, heldOut));
    }
}
