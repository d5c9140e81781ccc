// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

/**
 * xoshiro256++ (Blackman and Vigna), seeded through SplitMix64: the same numbers on every machine and every JDK, and a
 * state of four longs that a checkpoint can keep. Not thread-safe; never allocates after construction.
 */
public final class SeededRandom {
    private static final long GOLDEN_GAMMA = 0x9E3779B97F4A7C15L;

    private long s0;
    private long s1;
    private long s2;
    private long s3;

    public SeededRandom(long seed) {
        reseed(seed);
    }

    /** An independent stream for each pair, as for a seed and an epoch. */
    public SeededRandom(long seed, long stream) {
        reseed(seed, stream);
    }

    /** Starts over as {@code new SeededRandom(seed)}. */
    public void reseed(long seed) {
        long x = seed;
        s0 = mix(x += GOLDEN_GAMMA);
        s1 = mix(x += GOLDEN_GAMMA);
        s2 = mix(x += GOLDEN_GAMMA);
        s3 = mix(x + GOLDEN_GAMMA);
    }

    /** Starts over as {@code new SeededRandom(seed, stream)}. */
    public void reseed(long seed, long stream) {
        reseed(combine(seed, stream));
    }

    /** One seed out of two numbers; not symmetric. */
    public static long combine(long seed, long stream) {
        return mix(mix(seed + GOLDEN_GAMMA) + stream * GOLDEN_GAMMA);
    }

    private static long mix(long value) {
        long z = (value ^ (value >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }

    /** 64 uniform bits. */
    public long nextLong() {
        long result = Long.rotateLeft(s0 + s3, 23) + s0;
        long t = s1 << 17;
        s2 ^= s0;
        s3 ^= s1;
        s1 ^= s2;
        s0 ^= s3;
        s2 ^= t;
        s3 = Long.rotateLeft(s3, 45);
        return result;
    }

    /**
     * A uniform number in [0, bound), without bias (Lemire's multiplication).
     *
     * @throws IllegalArgumentException unless bound is positive
     */
    public int nextInt(int bound) {
        if (bound <= 0) {
            throw new IllegalArgumentException("a bound must be positive, not " + bound);
        }
        long product = (nextLong() >>> 32) * bound;
        if ((product & 0xFFFFFFFFL) < bound) {
            long reject = (0x1_0000_0000L - bound) % bound;
            while ((product & 0xFFFFFFFFL) < reject) {
                product = (nextLong() >>> 32) * bound;
            }
        }
        return (int) (product >>> 32);
    }

    /** A uniform multiple of 2^-24 in [0, 1). */
    public float nextFloat() {
        return (nextLong() >>> 40) * 0x1p-24f;
    }

    /** A uniform multiple of 2^-53 in [0, 1). */
    public double nextDouble() {
        return (nextLong() >>> 11) * 0x1p-53;
    }

    /** A standard normal number (Marsaglia and Tsang's ziggurat of 256 layers). */
    public double nextGaussian() {
        while (true) {
            long bits = nextLong();
            int layer = (int) (bits & 0xFF);
            double x = (bits >> 11) * 0x1p-52 * Ziggurat.EDGE[layer];
            if (Math.abs(x) < Ziggurat.EDGE[layer + 1]) {
                return x;
            }
            if (layer == 0) {
                return Math.copySign(tail(), x);
            }
            double height =
                    Ziggurat.HEIGHT[layer] + nextDouble() * (Ziggurat.HEIGHT[layer + 1] - Ziggurat.HEIGHT[layer]);
            if (height < StrictMath.exp(-0.5 * x * x)) {
                return x;
            }
        }
    }

    private double tail() {
        while (true) {
            double x = -StrictMath.log(1 - nextDouble()) / Ziggurat.TAIL;
            double y = -StrictMath.log(1 - nextDouble());
            if (y + y > x * x) {
                return Ziggurat.TAIL + x;
            }
        }
    }

    /** The state, four longs. */
    public long[] state() {
        return new long[] {s0, s1, s2, s3};
    }

    /**
     * Continues from what {@link #state()} gave.
     *
     * @throws IllegalArgumentException if that isn't four longs of which one at least isn't 0
     */
    public void restore(long... state) {
        if (state.length != 4 || (state[0] | state[1] | state[2] | state[3]) == 0) {
            throw new IllegalArgumentException("a random state is four longs, not all 0");
        }
        s0 = state[0];
        s1 = state[1];
        s2 = state[2];
        s3 = state[3];
    }

    /** Layers of equal area under exp(-x²/2), widest first. */
    private static final class Ziggurat {
        static final int LAYERS = 256;
        static final double TAIL = 3.654152885361009;
        static final double AREA = 4.92867323399e-3;
        /** EDGE[i] is the right edge of layer i; layer 0's is that of a rectangle with the tail's area included. */
        static final double[] EDGE = new double[LAYERS + 1];

        static final double[] HEIGHT = new double[LAYERS + 1];

        static {
            EDGE[0] = AREA / density(TAIL);
            EDGE[1] = TAIL;
            for (int i = 2; i < LAYERS; i++) {
                EDGE[i] = StrictMath.sqrt(-2 * StrictMath.log(AREA / EDGE[i - 1] + density(EDGE[i - 1])));
            }
            for (int i = 1; i <= LAYERS; i++) {
                HEIGHT[i] = density(EDGE[i]);
            }
        }

        static double density(double x) {
            return StrictMath.exp(-0.5 * x * x);
        }
    }
}
