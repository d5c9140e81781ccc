// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * Kills small jobs at random moments and runs them again: {@code ci/crash [KILLS [SEED]]}. What lies there after a kill is
 * whole or not there; the job that is run again, after one to three kills, ends with the bytes of one that was left in
 * peace and leaves nothing beside them.
 */
public final class CrashRuns {
    /** Hold times, which are never the same. */
    private static final Set<String> WITH_TIMES = Set.of("darien.json", "metrics.jsonl", "metrics.csv");

    private static final String DATA = "synthetic:d=16,true=32,p=0.1,rows=4096,seed=5";

    /**
     * One kind of job.
     *
     * @param out what it writes, below its folder
     * @param arguments its command
     */
    private record Job(String name, String out, List<String> arguments) {}

    private final Path work;
    private final Random random;
    private final List<String> failures = new ArrayList<>();
    private long kills;
    private long hits;

    private CrashRuns(Path work, long seed) {
        this.work = work;
        this.random = new Random(seed);
    }

    public static void main(String[] arguments) throws Exception {
        long kills = arguments.length > 0 ? Long.parseLong(arguments[0]) : 240;
        long seed = arguments.length > 1 ? Long.parseLong(arguments[1]) : 1;
        Path work = Files.createTempDirectory("darien-crash");
        CrashRuns runs = new CrashRuns(work, seed);
        runs.all(kills);
        System.exit(runs.failures.isEmpty() ? 0 : 1);
    }

    private void all(long most) throws Exception {
        Path sae = work.resolve("sae");
        Path thresholds = work.resolve("thresholds");
        finish(work, new Job("", "", train("topk", "1", sae)));
        finish(work, new Job("", "", train("batchtopk", "1", thresholds)));
        List<Job> jobs = List.of(
                new Job("train", "out", train("batchtopk", "4", Path.of("out"), "--checkpoint-every", "7", "--resume")),
                new Job(
                        "train, two SAEs",
                        "out",
                        train("jumprelu", "1,2", Path.of("out"), "--checkpoint-every", "5", "--resume")),
                new Job(
                        "collect",
                        "out.safetensors",
                        words(
                                "collect",
                                sample("tiny-lm.onnx"),
                                "--text",
                                work.resolve("text.txt"),
                                "--hook",
                                "residual",
                                "--out",
                                "out.safetensors",
                                "--resume")),
                new Job("convert", "out", words("convert", sae, "out", "--to", "sparsify", "--overwrite")),
                new Job(
                        "convert to a file",
                        "out.npz",
                        words("convert", thresholds, "out.npz", "--to", "npz", "--overwrite")),
                new Job(
                        "encode",
                        "out.safetensors",
                        words("encode", sae, DATA, "--out", "out.safetensors", "--device", "cpu:scalar")));
        String text = Files.readString(sample("tiny-lm-heldout.txt"));
        Files.writeString(work.resolve("text.txt"), text.substring(0, 6000));
        System.out.printf("%-20s %6s %6s %8s %8s%n", "job", "kills", "runs", "s a run", "outputs");
        for (int i = 0; i < jobs.size(); i++) {
            crash(jobs.get(i), most * (i + 1) / jobs.size());
        }
        System.out.printf("%d kills, %d failures%n", kills, failures.size());
    }

    private static List<String> train(String architecture, String seeds, Path out, String... more) {
        List<String> words = words(
                "train",
                DATA,
                "--out",
                out,
                "--arch",
                architecture,
                "--latents",
                "32",
                "--tokens",
                "20480",
                "--batch",
                "512",
                "--seed",
                seeds,
                "--no-progress",
                "--device",
                "cpu:scalar");
        words.addAll(List.of(
                architecture.equals("jumprelu") ? new String[] {"--target-l0", "4"} : new String[] {"--k", "4"}));
        words.addAll(Arrays.asList(more));
        return words;
    }

    private static List<String> words(Object... words) {
        return new ArrayList<>(List.of(Darien.words(words)));
    }

    private static Path sample(String name) {
        return Path.of("samples", name).toAbsolutePath();
    }

    private void crash(Job job, long until) throws Exception {
        Path peace = Files.createDirectory(work.resolve("peace-" + job.name().replaceAll("\\W+", "-")));
        long begin = System.nanoTime();
        finish(peace, job);
        double seconds = (System.nanoTime() - begin) / 1e9;
        TreeMap<String, byte[]> expected = files(peace);
        long killsBefore = kills;
        hits = 0;
        int runs = 0;
        while (kills < until) {
            Path folder = Files.createDirectory(work.resolve("run-" + kills + "-" + runs++));
            int wanted = 1 + random.nextInt(3);
            for (int kill = 0; kill < wanted && kills < until; kill++) {
                if (!kill(folder, job, (long) (random.nextDouble() * seconds * 1000))) {
                    break;
                }
                requireWhole(job, folder, expected);
            }
            finish(folder, job);
            requireSame(job, folder, expected);
            delete(folder);
        }
        System.out.printf("%-20s %6d %6d %8.1f %8d%n", job.name(), kills - killsBefore, runs, seconds, hits);
    }

    /** Starts the job and kills it after a while; false if it was quicker. */
    private boolean kill(Path folder, Job job, long millis) throws Exception {
        Process process = start(folder, job);
        if (process.waitFor(millis, TimeUnit.MILLISECONDS)) {
            return false;
        }
        process.destroyForcibly();
        process.waitFor();
        kills++;
        return true;
    }

    private void finish(Path folder, Job job) throws Exception {
        Process process = start(folder, job);
        if (process.waitFor() != 0) {
            fail(job.name() + ", after " + kills + " kills: "
                    + Files.readString(work.resolve("log.txt")).strip());
        }
    }

    private Process start(Path folder, Job job) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx512m",
                "-XX:TieredStopAtLevel=1",
                "-XX:-UsePerfData",
                "--add-exports",
                "java.base/jdk.internal.module=ALL-UNNAMED",
                "--enable-native-access=ALL-UNNAMED",
                "-Ddarien.home=" + Path.of("").toAbsolutePath(),
                "-cp",
                absolute(System.getProperty("java.class.path")),
                "dev.darien.cli.Main"));
        command.addAll(job.arguments());
        return new ProcessBuilder(command)
                .directory(folder.toFile())
                .redirectErrorStream(true)
                .redirectOutput(work.resolve("log.txt").toFile())
                .start();
    }

    private static String absolute(String classPath) {
        return String.join(
                ":",
                Stream.of(classPath.split(":"))
                        .map(entry -> Path.of(entry).toAbsolutePath().toString())
                        .toList());
    }

    /** What has the name of the output, and of a finished one, has its bytes; a run's folder is finished with its record. */
    private void requireWhole(Job job, Path folder, TreeMap<String, byte[]> expected) throws IOException {
        TreeMap<String, byte[]> found = files(folder);
        boolean finished = !job.arguments().getFirst().equals("train")
                || found.keySet().stream().anyMatch(name -> name.endsWith("cfg.json"));
        if (!finished) {
            return;
        }
        found.forEach((name, bytes) -> {
            boolean output = name.equals(job.out()) || name.startsWith(job.out() + "/");
            if (output && expected.containsKey(name) && !hasTimes(name)) {
                hits++;
                if (!Arrays.equals(bytes, expected.get(name))) {
                    fail(job.name() + ", kill " + kills + ": " + name + " is half-written");
                }
            }
        });
    }

    private void requireSame(Job job, Path folder, TreeMap<String, byte[]> expected) throws IOException {
        TreeMap<String, byte[]> found = files(folder);
        if (!found.keySet().equals(expected.keySet())) {
            Set<String> more = new TreeSet<>(found.keySet());
            more.removeAll(expected.keySet());
            fail(job.name() + ", after " + kills + " kills: left behind " + more + ", there are " + found.keySet());
        }
        expected.forEach((name, bytes) -> {
            if (!hasTimes(name) && !Arrays.equals(bytes, found.get(name))) {
                fail(job.name() + ", after " + kills + " kills: " + name + " differs");
            }
        });
    }

    private void fail(String what) {
        System.out.println(what);
        failures.add(what);
    }

    private static boolean hasTimes(String name) {
        return WITH_TIMES.contains(String.valueOf(Path.of(name).getFileName()));
    }

    private static TreeMap<String, byte[]> files(Path folder) throws IOException {
        TreeMap<String, byte[]> files = new TreeMap<>();
        try (Stream<Path> all = Files.walk(folder)) {
            for (Path path : all.filter(Files::isRegularFile).toList()) {
                files.put(folder.relativize(path).toString(), Files.readAllBytes(path));
            }
        }
        return files;
    }

    private static void delete(Path folder) throws IOException {
        try (Stream<Path> all = Files.walk(folder)) {
            for (Path path : all.sorted(java.util.Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
    }
}
