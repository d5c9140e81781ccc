// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.darien.data.JsonFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code train --ensemble}. */
class EnsembleTrainingTest {
    @TempDir
    Path folder;

    private static Darien.Outcome train(Path out, Object... options) {
        List<Object> all = new ArrayList<>(List.of("--k", 4, "--seed", 2));
        all.addAll(List.of(options));
        return Darien.train(Darien.DATA, out, all.toArray());
    }

    @ParameterizedTest
    @ValueSource(strings = {"bagging", "boosting"})
    void membersAndTheWholeAreSavedAndSaid(String kind) throws IOException {
        Path out = folder.resolve(kind);
        Map<String, Object> result =
                train(out, "--ensemble", kind + ":3", "--report").json();

        assertThat(result.keySet())
                .startsWith("tokens", "steps", "seconds", "tokens_per_second", "loss", "fvu", "l0", "dead_fraction")
                .contains("device", "kernels", "out", "warnings");
        assertThat(result)
                .containsEntry("tokens", kind.equals("bagging") ? 4096 : 3 * 4096)
                .containsEntry("l0", 12.0)
                .containsEntry("ensemble", Map.of("kind", kind, "members", 3));
        assertThat((List<?>) result.get("members")).hasSize(3);
        assertThat(Darien.contents(out))
                .contains("darien.json", "report.html", "member-0/cfg.json", "member-2/sae_weights.safetensors")
                .noneMatch(name -> name.startsWith("checkpoints") || name.endsWith(".tmp"));
        Map<String, Object> record = JsonFile.read(out.resolve("darien.json"));
        assertThat(record).containsEntry("seed", 2).containsEntry("k", 4).containsEntry("architecture", "topk");
        assertThat(JsonFile.read(out.resolve("member-1").resolve("darien.json")))
                .containsEntry("seed", 7);

        Map<String, Object> evaluation =
                Darien.run("evaluate", out, Darien.DATA, "--json").json();
        assertThat(number(evaluation, "fvu")).isEqualTo(number(result, "fvu"), within(1e-6));
        assertThat(Darien.run("report", out, "--data", Darien.DATA, "--out", folder.resolve("r.html"), "--json")
                        .json())
                .containsEntry("runs", 1);
        assertThat(Darien.run("inspect", out, "--json").json()).containsEntry("kind", "ensemble (" + kind + ")");

        // A finished run has nothing left to do, and another can't go on in its place.
        assertThat(train(out, "--ensemble", kind + ":3", "--resume").json()).isEqualTo(result);
        train(out, "--ensemble", kind + ":2", "--resume").refused("another set of SAEs");
        train(out, "--ensemble", (kind.equals("bagging") ? "boosting" : "bagging") + ":3", "--resume")
                .refused("another kind of ensemble");
        train(out, "--ensemble", kind + ":3", "--lr", "1e-3", "--resume").refused("another");
        train(out, "--ensemble", kind + ":3").refused("isn't empty");
        assertThat(train(out, "--overwrite").json()).doesNotContainKey("members");
        assertThat(Darien.contents(out)).contains("cfg.json").noneMatch(name -> name.startsWith("member"));
    }

    @Test
    void aSingleMemberIsThePlainSaeToTheBit() {
        Path plain = folder.resolve("plain");
        train(plain).succeeded();
        for (String kind : List.of("bagging", "boosting")) {
            Path out = folder.resolve(kind);
            Map<String, Object> result = train(out, "--ensemble", kind + ":1").json();
            assertThat(Darien.weights(out.resolve("member-0"))).isEqualTo(Darien.weights(plain));
            assertThat(number(Darien.run("evaluate", out, Darien.DATA, "--json").json(), "fvu"))
                    .isEqualTo(number(
                            Darien.run("evaluate", plain, Darien.DATA, "--json").json(), "fvu"));
            assertThat(number(result, "l0")).isEqualTo(4);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "bagging, bagging:J or boosting:J",
        "bagging:, bagging:J or boosting:J",
        "bagging:2.5, bagging:J or boosting:J",
        "stacking:2, unknown kind of ensemble",
        "bagging:0, 'from 1 to 1000 members, not 0'",
        "boosting:-1, 'from 1 to 1000 members, not -1'",
        "boosting:2000, 'from 1 to 1000 members'",
    })
    void whatIsNoEnsembleIsRefused(String ensemble, String reason) {
        Path out = folder.resolve("out");
        train(out, "--ensemble", ensemble).refused(reason);
        assertThat(out).doesNotExist();
    }

    @ParameterizedTest
    @CsvSource({"--k, '2,4'", "--seed, '1,2'", "--arch, 'topk,batchtopk'", "--lr, '1e-3,2e-3'"})
    void membersDifferInTheirSeedsAlone(String option, String values) {
        Path out = folder.resolve("out");
        List<Object> all = new ArrayList<>(List.of("--ensemble", "bagging:2", option, values));
        if (!option.equals("--k")) {
            all.addAll(List.of("--k", 4));
        }
        Darien.train(Darien.DATA, out, all.toArray()).refused("differ in their seeds alone");
        assertThat(out).doesNotExist();
    }

    /** Killed between two members: the finished one is kept as it is, and the rest ends with the same bits. */
    @Test
    void aBoostingGoesOnAfterItsFinishedMembers() throws IOException {
        Path straight = folder.resolve("straight");
        train(straight, "--ensemble", "boosting:3").succeeded();
        for (int finished = 1; finished <= 3; finished += 2) {
            Path broken = folder.resolve("broken" + finished);
            for (int member = 0; member < finished; member++) {
                copy(straight.resolve("member-" + member), broken.resolve("member-" + member));
            }
            train(broken, "--ensemble", "boosting:4", "--resume").refused("another ensemble");
            train(broken, "--ensemble", "bagging:3", "--resume").refused("another ensemble");
            Map<String, Object> result =
                    train(broken, "--ensemble", "boosting:3", "--resume").json();
            assertThat(result).containsEntry("tokens", 3 * 4096);
            for (int member = 0; member < 3; member++) {
                assertThat(Darien.weights(broken.resolve("member-" + member)))
                        .as("%d finished, member %d", finished, member)
                        .isEqualTo(Darien.weights(straight.resolve("member-" + member)));
            }
            assertThat(Darien.contents(broken)).containsExactlyElementsOf(Darien.contents(straight));
        }
        // An unfinished ensemble makes way for another run.
        Path left = folder.resolve("left");
        copy(straight.resolve("member-0"), left.resolve("member-0"));
        train(left, "--overwrite").succeeded();
        assertThat(Darien.contents(left)).noneMatch(name -> name.startsWith("member"));
    }

    private static void copy(Path from, Path to) throws IOException {
        Files.createDirectories(to);
        for (String name : Darien.contents(from)) {
            Files.copy(from.resolve(name), to.resolve(name));
        }
    }

    /** Killed in the middle of the second member. */
    @Test
    void aKilledBoostingGoesOnFromItsCheckpoint() throws Exception {
        List<Object> options = List.of(
                "train",
                Darien.DATA,
                "--no-progress",
                "--latents",
                64,
                "--k",
                4,
                "--batch",
                128,
                "--tokens",
                128 * 200,
                "--ensemble",
                "boosting:2",
                "--json");
        Path straight = folder.resolve("straight");
        Path broken = folder.resolve("broken");
        Darien.run(options, "--out", straight).succeeded();
        Process process =
                Darien.start(folder, Darien.command(List.of(), options, "--out", broken, "--checkpoint-every", 10));
        long end = System.nanoTime() + TimeUnit.MINUTES.toNanos(2);
        while (!hasCheckpoint(broken.resolve("checkpoints").resolve("member-1")) && process.isAlive()) {
            assertThat(System.nanoTime()).isLessThan(end);
            Thread.sleep(2);
        }
        process.destroyForcibly().waitFor();
        assertThat(broken.resolve("darien.json")).as("killed before the end").doesNotExist();
        assertThat(broken.resolve("member-0").resolve("darien.json")).exists();

        assertThat(Darien.run(options, "--out", broken, "--checkpoint-every", 10, "--resume")
                        .succeeded()
                        .err())
                .contains("resuming at step");
        for (String member : List.of("member-0", "member-1")) {
            assertThat(Darien.weights(broken.resolve(member))).isEqualTo(Darien.weights(straight.resolve(member)));
        }
        assertThat(Darien.contents(broken)).containsExactlyElementsOf(Darien.contents(straight));
    }

    private static boolean hasCheckpoint(Path checkpoints) {
        try {
            return Darien.contents(checkpoints).stream().anyMatch(name -> name.matches("step-\\d+\\.json"));
        } catch (IOException | UncheckedIOException changing) {
            return false;
        }
    }

    private static double number(Map<String, Object> map, String key) {
        return ((Number) map.get(key)).doubleValue();
    }
}
