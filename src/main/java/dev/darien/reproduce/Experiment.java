// SPDX-License-Identifier: Apache-2.0
package dev.darien.reproduce;

import dev.darien.data.DataException;
import dev.darien.device.Device;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;

/**
 * What an experiment runs on.
 *
 * @param device where
 * @param data the folder with its data
 * @param seeds at least one
 * @param quick whether just to show that it runs: the figures then mean little
 * @param progress told what is being done, a line at a time
 */
public record Experiment(Device device, Path data, List<Long> seeds, boolean quick, Consumer<String> progress) {
    public Experiment {
        seeds = List.copyOf(seeds);
        if (seeds.isEmpty()) {
            throw new IllegalArgumentException("an experiment needs a seed at least");
        }
    }

    /**
     * A file of the data folder, or of the folder {@code subfolder} in it.
     *
     * @param maker the command that makes it
     * @throws DataException if it is in neither
     */
    Path file(String subfolder, String name, String maker) {
        for (Path candidate :
                List.of(data.resolve(name), data.resolve(subfolder).resolve(name))) {
            if (Files.isRegularFile(candidate)) {
                return candidate;
            }
        }
        throw new DataException("there is no " + name + " in " + data + "; " + maker);
    }
}
