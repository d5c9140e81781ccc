// SPDX-License-Identifier: Apache-2.0
package dev.darien.eval;

import dev.darien.data.SeededRandom;
import dev.darien.device.Device;
import dev.darien.memory.Closing;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.sae.Sae;
import java.util.List;

/**
 * Directions to compare: the rows of one or several dictionaries on a device, scaled to norm 1. A row of norm 0 stays 0
 * and has cosine 0 with everything. Close it before its device.
 */
public final class Directions implements AutoCloseable {
    private static final int TILE_ROWS = 256;

    private final Device device;
    private final Matrix rows;

    private Directions(Device device, Matrix rows) {
        this.device = device;
        this.rows = rows;
    }

    /** Fills rows {@code [first, first + tile.rows())}. */
    @FunctionalInterface
    private interface Filler {
        void fill(int first, Matrix tile);
    }

    /**
     * The decoder rows of one SAE, or of the members of an ensemble one after the other.
     *
     * @throws IllegalArgumentException if there are none, or they differ in width or device
     */
    public static Directions decoders(List<Sae> members) {
        return of(members, true);
    }

    /**
     * The encoder rows, otherwise as {@link #decoders}.
     *
     * @throws IllegalArgumentException as there
     */
    public static Directions encoders(List<Sae> members) {
        return of(members, false);
    }

    private static Directions of(List<Sae> members, boolean decoders) {
        if (members.isEmpty()) {
            throw new IllegalArgumentException("there is no SAE to take directions from");
        }
        Device device = members.getFirst().device();
        int width = members.getFirst().outputWidth();
        long total = 0;
        for (Sae member : members) {
            if (member.outputWidth() != width || member.device() != device) {
                throw new IllegalArgumentException("directions of SAEs of other widths (" + width + " and "
                        + member.outputWidth() + ") or devices");
            }
            total += member.latents();
        }
        Matrix rows = device.memory().matrix("directions", total, width);
        try {
            int at = 0;
            for (Sae member : members) {
                Matrix source =
                        decoders ? member.weights().decoder() : member.weights().encoder();
                fill(
                        device,
                        rows.slice(at, member.latents()),
                        (first, tile) -> device.download(source.slice(first, tile.rows()), tile));
                at += member.latents();
            }
            return new Directions(device, rows);
        } catch (RuntimeException | Error e) {
            Closing.after(e, rows);
            throw e;
        }
    }

    /**
     * The rows of {@code values}, [rows][width].
     *
     * @throws IllegalArgumentException if there are none, or they differ in length
     */
    public static Directions of(Device device, float[]... values) {
        if (values.length == 0) {
            throw new IllegalArgumentException("there are no directions to compare");
        }
        return make(device, values.length, values[0].length, (first, tile) -> {
            for (int row = 0; row < tile.rows(); row++) {
                tile.setRow(row, values[first + row]);
            }
        });
    }

    /** Directions drawn uniformly: what chance alone would do. */
    public static Directions random(Device device, int rows, int width, long seed) {
        SeededRandom random = new SeededRandom(seed);
        return make(device, rows, width, (first, tile) -> {
            for (int row = 0; row < tile.rows(); row++) {
                for (int column = 0; column < width; column++) {
                    tile.set(row, column, (float) random.nextGaussian());
                }
            }
        });
    }

    private static Directions make(Device device, int count, int width, Filler filler) {
        Matrix rows = device.memory().matrix("directions", count, width);
        try {
            fill(device, rows, filler);
            return new Directions(device, rows);
        } catch (RuntimeException | Error e) {
            Closing.after(e, rows);
            throw e;
        }
    }

    private static void fill(Device device, Matrix target, Filler filler) {
        int tileRows = Math.min(TILE_ROWS, target.intRows());
        try (Matrix host = device.staging("directions", DType.F32, tileRows, target.columns())) {
            for (int first = 0; first < target.rows(); first += tileRows) {
                Matrix tile = host.slice(0, Math.min(tileRows, target.rows() - first));
                filler.fill(first, tile);
                for (int row = 0; row < tile.rows(); row++) {
                    normalise(tile, row);
                }
                device.upload(tile, target.slice(first, tile.rows()));
            }
        }
    }

    private static void normalise(Matrix tile, int row) {
        float[] values = tile.toArray(row);
        double squares = 0;
        for (float value : values) {
            squares += (double) value * value;
        }
        double factor = squares == 0 ? 0 : 1 / Math.sqrt(squares);
        for (int column = 0; column < values.length; column++) {
            values[column] = (float) (values[column] * factor);
        }
        tile.setRow(row, values);
    }

    Device device() {
        return device;
    }

    Matrix matrix() {
        return rows;
    }

    /** How many directions. */
    public int rows() {
        return rows.intRows();
    }

    /** Their width, d. */
    public int width() {
        return rows.columns();
    }

    @Override
    public void close() {
        rows.close();
    }
}
