// SPDX-License-Identifier: Apache-2.0
package dev.darien.stress;

import static org.assertj.core.api.Assertions.assertThat;

import dev.darien.data.ActivationSource;
import dev.darien.device.Device;
import dev.darien.device.DeviceOptions;
import dev.darien.device.Devices;
import dev.darien.ensemble.Ensemble;
import dev.darien.ensemble.EnsembleKind;
import dev.darien.eval.Evaluator;
import dev.darien.memory.LeakException;
import dev.darien.sae.ActiveLatents;
import dev.darien.sae.Autoencoder;
import dev.darien.sae.Sae;
import dev.darien.sae.SaeEncoder;
import dev.darien.sae.Sparsity;
import dev.darien.train.Trainer;
import dev.darien.train.TrainingOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Supplier;
import java.util.stream.Stream;

/** What one round puts a device through; all that is random in it comes from a seed. */
enum Round {
    /** SAEs by several rules and an ensemble, on one device, used by many threads: what isn't refused is right. */
    ENCODING {
        @Override
        void play(String name, Random random) throws Exception {
            try (Device device = open(name, random)) {
                List<Autoencoder> saes = new ArrayList<>();
                try {
                    for (Sparsity rule : Fixture.RULES) {
                        saes.add(Fixture.sae(device, rule, random.nextLong()));
                    }
                    saes.add(Ensemble.of(
                            EnsembleKind.BAGGING,
                            List.of(
                                    Fixture.sae(device, Fixture.RULES.getFirst(), 1),
                                    Fixture.sae(device, Fixture.RULES.getLast(), 2))));
                    float[][] x = Fixture.activations(random.nextLong());
                    List<List<Integer>> alone =
                            saes.stream().map(sae -> Fixture.bits(sae, x)).toList();
                    together(THREADS, thread -> {
                        for (int at = 0; at < saes.size(); at++) {
                            int sae = (at + thread) % saes.size();
                            assertThat(unlessRefused(() -> Fixture.bits(saes.get(sae), x)))
                                    .isEqualTo(alone.get(sae));
                        }
                    });
                } finally {
                    saes.forEach(Autoencoder::close);
                }
            }
        }
    },

    /** An encoder that is made for many threads, closed at the end while they use it. */
    ENCODERS {
        @Override
        void play(String name, Random random) throws Exception {
            String cpu = name.startsWith("cpu:") ? name : "cpu";
            SaeEncoder encoder;
            try (Device device = open(cpu, random);
                    Sae sae = Fixture.sae(device, Fixture.RULES.getFirst(), random.nextLong())) {
                encoder = SaeEncoder.of(sae, cpu);
            }
            float[][] x = Fixture.activations(random.nextLong());
            List<List<Integer>> alone =
                    encoder.encode(x).stream().map(Round::bits).toList();
            CountDownLatch running = new CountDownLatch(THREADS);
            together(THREADS + 1, thread -> {
                if (thread == THREADS) {
                    running.await();
                    encoder.close();
                    return;
                }
                try {
                    for (int time = 0; time < 1000; time++) {
                        int row = (time + thread) % x.length;
                        assertThat(bits(encoder.encode(x[row]))).isEqualTo(alone.get(row));
                        if (time == 10) {
                            running.countDown();
                        }
                    }
                } catch (IllegalStateException closed) {
                    assertThat(closed).hasMessageMatching("(?s).*([Cc]losed).*");
                } finally {
                    running.countDown();
                }
            });
        }
    },

    /** Runs on devices of their own, at the same time. */
    TRAINERS {
        @Override
        void play(String name, Random random) throws Exception {
            long seed = random.nextLong(1000);
            List<List<Integer>> alone = new ArrayList<>();
            try (Device device = open(name, random)) {
                for (String architecture : ARCHITECTURES) {
                    alone.add(trained(device, Fixture.options(architecture, 20, seed)));
                }
            }
            together(ARCHITECTURES.size(), thread -> {
                try (Device own = Devices.open(name, new DeviceOptions(1))) {
                    assertThat(trained(own, Fixture.options(ARCHITECTURES.get(thread), 20, seed)))
                            .isEqualTo(alone.get(thread));
                }
            });
        }

        private static List<Integer> trained(Device device, TrainingOptions options) {
            try (ActivationSource data = Fixture.data();
                    Trainer trainer = new Trainer(device, data, List.of(options))) {
                trainer.train();
                return Fixture.weights(trainer);
            }
        }
    },

    /** A run that is told to stop, or whose thread is interrupted, at any moment, and goes on later. */
    INTERRUPTIONS {
        @Override
        void play(String name, Random random) throws Exception {
            TrainingOptions options = Fixture.options("topk", 200, random.nextLong(1000));
            Path folder = Files.createTempDirectory("darien-stress");
            try (Device device = open(name, random);
                    ActivationSource data = Fixture.data()) {
                List<Integer> undisturbed;
                try (Trainer trainer = new Trainer(device, data, List.of(options))) {
                    trainer.train();
                    undisturbed = Fixture.weights(trainer);
                }
                boolean finished = false;
                while (!finished) {
                    try (Trainer trainer = new Trainer(device, data, List.of(options))) {
                        trainer.checkpointTo(List.of(folder), 1 + random.nextInt(50));
                        trainer.resume();
                        finished = interrupted(trainer, random);
                        if (finished) {
                            assertThat(Fixture.weights(trainer)).isEqualTo(undisturbed);
                        }
                    }
                }
                try (Stream<Path> files = Files.list(folder)) {
                    assertThat(files.map(Path::getFileName).map(Path::toString))
                            .as("nothing half-written")
                            .allMatch(file -> file.matches("step-\\d+\\.(json|safetensors)"));
                }
            } finally {
                delete(folder);
            }
        }

        private static boolean interrupted(Trainer trainer, Random random) throws Exception {
            try (ExecutorService pool = Executors.newSingleThreadExecutor()) {
                CountDownLatch begun = new CountDownLatch(1);
                CountDownLatch ended = new CountDownLatch(1);
                boolean[] finished = new boolean[1];
                boolean byThread = random.nextBoolean();
                long patience = random.nextLong(10_000_000);
                Future<?> run = pool.submit(() -> {
                    begun.countDown();
                    try {
                        finished[0] = trainer.train().finished();
                    } finally {
                        ended.countDown();
                    }
                    return null;
                });
                begun.await();
                pause(patience);
                if (byThread) {
                    run.cancel(true);
                } else {
                    trainer.interrupt();
                }
                ended.await();
                if (!byThread) {
                    run.get();
                }
                return finished[0];
            }
        }
    },

    /** A device that is closed while another thread trains, encodes or evaluates on it. */
    CLOSING {
        @Override
        void play(String name, Random random) throws Exception {
            for (int what = 0; what < 3; what++) {
                int use = what;
                Device device = open(name, random);
                long patience = random.nextLong(10_000_000);
                CountDownLatch begun = new CountDownLatch(1);
                together(2, thread -> {
                    if (thread == 0) {
                        begun.await();
                        pause(patience);
                        close(device);
                        device.close();
                        return;
                    }
                    try {
                        use(device, use, begun);
                        throw new AssertionError("went on after the end of its device");
                    } catch (IllegalStateException closed) {
                        assertThat(closed).hasMessageMatching("(?s).*([Cc]losed|given back).*");
                    } finally {
                        begun.countDown();
                    }
                });
            }
        }

        /** Refused while a kernel runs. */
        private static void close(Device device) {
            while (true) {
                try {
                    device.close();
                    return;
                } catch (LeakException held) {
                    assertThat(held).hasMessageContaining("still held");
                    return;
                } catch (IllegalStateException refused) {
                    assertThat(refused).hasMessageContaining(IN_USE);
                }
            }
        }

        private static void use(Device device, int use, CountDownLatch begun) {
            float[][] x = Fixture.activations(4);
            try (ActivationSource data = Fixture.data()) {
                if (use == 0) {
                    TrainingOptions options = Fixture.options("topk", 1_000_000, 3);
                    try (Trainer trainer = new Trainer(device, data, List.of(options))) {
                        begun.countDown();
                        trainer.train();
                    }
                    return;
                }
                try (Sae sae = Fixture.sae(device, Fixture.RULES.getFirst(), 5)) {
                    begun.countDown();
                    while (true) {
                        if (use == 1) {
                            Fixture.bits(sae, x);
                        } else {
                            Evaluator.evaluate(sae, data);
                        }
                    }
                }
            }
        }
    };

    /** What a device says that another thread uses. */
    private static final String IN_USE = "in use by the thread";

    private static final int THREADS = 8;
    private static final List<String> ARCHITECTURES = List.of("topk", "batchtopk", "jumprelu");

    /** Plays on the device of this name; what goes wrong is thrown. */
    abstract void play(String name, Random random) throws Exception;

    /** Until it isn't refused any more. */
    static <T> T unlessRefused(Supplier<T> call) {
        while (true) {
            try {
                return call.get();
            } catch (IllegalStateException refused) {
                assertThat(refused).hasMessageContaining(IN_USE);
            }
        }
    }

    static Device open(String name, Random random) {
        return Devices.open(name, new DeviceOptions(1 + random.nextInt(3)));
    }

    /** What one thread does. */
    interface Part {
        void play(int thread) throws Exception;
    }

    /** Starts all at once, waits for all, and throws what one of them has thrown. */
    static void together(int threads, Part part) throws Exception {
        CountDownLatch start = new CountDownLatch(1);
        try (ExecutorService pool = Executors.newFixedThreadPool(threads)) {
            List<Future<?>> running = new ArrayList<>();
            for (int at = 0; at < threads; at++) {
                int thread = at;
                running.add(pool.submit((Callable<Object>) () -> {
                    start.await();
                    part.play(thread);
                    return thread;
                }));
            }
            start.countDown();
            for (Future<?> one : running) {
                one.get();
            }
        }
    }

    static List<Integer> bits(ActiveLatents active) {
        List<Integer> bits = new ArrayList<>();
        for (int at = 0; at < active.size(); at++) {
            bits.add(active.latent(at));
            bits.add(Float.floatToRawIntBits(active.value(at)));
        }
        return bits;
    }

    private static void pause(long nanoseconds) throws InterruptedException {
        Thread.sleep(nanoseconds / 1_000_000, (int) (nanoseconds % 1_000_000));
    }

    private static void delete(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.toList()) {
                Files.delete(file);
            }
        }
        Files.delete(folder);
    }
}
