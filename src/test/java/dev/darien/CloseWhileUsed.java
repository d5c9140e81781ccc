// SPDX-License-Identifier: Apache-2.0
package dev.darien;

import dev.darien.memory.LeakException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Closes everything that can be closed while another thread uses it, again and again: {@code ci/close-race TIMES [DEVICE
 * [SEED]]}. Whoever uses it finishes, or gets an {@link IllegalStateException}; whoever closes it does so, waiting if need be, or
 * gets one and can close it later. That the process is there at the end to say so is the test.
 */
public final class CloseWhileUsed {
    private static final long PATIENCE_SECONDS = 60;

    private final Random random;
    private final Set<String> shown = new HashSet<>();
    private long times;
    private long finished;
    private long interrupted;
    private long refused;
    private long problems;

    private CloseWhileUsed(long seed) {
        this.random = new Random(seed);
    }

    public static void main(String[] arguments) throws Exception {
        int wanted = Integer.parseInt(arguments[0]);
        String device = arguments.length > 1 ? arguments[1] : "cpu:vector";
        CloseWhileUsed races = new CloseWhileUsed(arguments.length > 2 ? Long.parseLong(arguments[2]) : 1);
        Path folder = Files.createTempDirectory("darien-close");
        try (CloseableCases cases = new CloseableCases(device, folder)) {
            for (CloseableCases.Case<?> one : cases.all()) {
                races.race(one, wanted);
            }
        }
        try (var all = Files.walk(folder)) {
            for (Path path : all.sorted(java.util.Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
        System.out.printf(
                "%s: closed %d times while in use: %d uses went on to their end, %d were ended by an exception,"
                        + " %d closes were refused, %d problems%n",
                device, races.times, races.finished, races.interrupted, races.refused, races.problems);
        System.exit(races.problems == 0 ? 0 : 1);
    }

    @SuppressWarnings("try") // That what is closed might be interrupted.
    private <T extends AutoCloseable> void race(CloseableCases.Case<T> one, int wanted) throws Exception {
        for (CloseableCases.Use<T> use : one.uses().values()) {
            // What takes long is done less often.
            long begin = System.nanoTime();
            try (T it = one.open().get()) {
                use.of(it);
            }
            double seconds = (System.nanoTime() - begin) / 1e9;
            int rounds = (int) Math.clamp(wanted * 0.01 / seconds, Math.min(3, wanted), wanted);
            for (int round = 0; round < rounds; round++) {
                race(one.open().get(), use);
            }
        }
    }

    private <T extends AutoCloseable> void race(T it, CloseableCases.Use<T> use) throws Exception {
        CountDownLatch started = new CountDownLatch(1);
        Reader<T> reader = new Reader<>(it, use, started);
        Thread thread = Thread.ofPlatform().daemon().start(reader);
        started.await();
        long until = System.nanoTime() + (long) (random.nextDouble() * random.nextDouble() * 2e6);
        while (System.nanoTime() < until) {
            Thread.onSpinWait();
        }
        times++;
        try {
            it.close();
        } catch (IllegalStateException e) {
            refused++;
            if (!(e instanceof LeakException) && !String.valueOf(e.getMessage()).contains("in use by the thread")) {
                problem(it, "closing", e);
            }
        }
        reader.stop = true;
        thread.join(TimeUnit.SECONDS.toMillis(PATIENCE_SECONDS));
        if (thread.isAlive()) {
            problem(it, "waiting", new IllegalStateException("the use goes on for ever"));
        }
        it.close();
        Throwable thrown = reader.thrown;
        if (thrown == null) {
            finished++;
        } else {
            interrupted++;
            if (!(thrown instanceof IllegalStateException)) {
                problem(it, "using", thrown);
            }
        }
    }

    private void problem(AutoCloseable it, String what, Throwable thrown) {
        problems++;
        if (shown.add(it.getClass() + what + thrown.getClass())) {
            System.out.println(it.getClass().getSimpleName() + ", " + what + ": " + thrown);
            Stream.of(thrown.getStackTrace()).limit(8).forEach(frame -> System.out.println("    at " + frame));
        }
    }

    private static final class Reader<T> implements Runnable {
        private final T it;
        private final CloseableCases.Use<T> use;
        private final CountDownLatch started;
        private volatile boolean stop;
        private volatile @Nullable Throwable thrown;

        Reader(T it, CloseableCases.Use<T> use, CountDownLatch started) {
            this.it = it;
            this.use = use;
            this.started = started;
        }

        @Override
        public void run() {
            started.countDown();
            try {
                do {
                    use.of(it);
                } while (!stop);
            } catch (Throwable e) {
                thrown = e;
            }
        }
    }
}
