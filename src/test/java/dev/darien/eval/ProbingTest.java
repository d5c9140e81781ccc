// SPDX-License-Identifier: Apache-2.0
package dev.darien.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.darien.data.DataException;
import dev.darien.data.Examples;
import dev.darien.sae.Relu;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

/** Sparse probing, SCR, TPP and absorption on data whose concepts are latents of the SAE by construction. */
class ProbingTest {
    private static final int WIDTH = 12;
    private static final int LATENTS = 24;

    /** An SAE whose first latents are the axes, so that channel t of an activation is latent t. */
    private static SaeFixture axes(Random random) {
        float[][] rows = SaeFixture.gaussian(random, LATENTS, WIDTH);
        for (float[] row : rows) {
            for (int t = 0; t < WIDTH; t++) {
                row[t] *= 0.05f;
            }
        }
        for (int t = 0; t < WIDTH; t++) {
            rows[t] = new float[WIDTH];
            rows[t][t] = 1;
        }
        return new SaeFixture("cpu", new Relu(), rows, new float[LATENTS], rows, new float[WIDTH]);
    }

    private static Examples tokens(List<String> labels) {
        int[] each = new int[labels.size()];
        Arrays.setAll(each, at -> at);
        return new Examples(each, labels);
    }

    /** Noise in all channels, and {@code strength} in the channel of an example's class. */
    private static float[][] classData(Random random, int count, int classes, float strength) {
        float[][] x = SaeFixture.gaussian(random, count, WIDTH);
        for (int e = 0; e < count; e++) {
            for (int t = 0; t < WIDTH; t++) {
                x[e][t] *= 0.2f;
            }
            x[e][e % classes] += strength;
        }
        return x;
    }

    private static List<String> classLabels(int count, int classes) {
        return IntStream.range(0, count).mapToObj(e -> "class " + e % classes).toList();
    }

    @Test
    void oneLatentTellsAClassThatIsOneLatent() {
        Random random = new Random(1);
        try (SaeFixture fixture = axes(random)) {
            ExampleSet set = ExampleSet.of(
                    fixture.sae(), ArraySource.of(classData(random, 300, 3, 2)), tokens(classLabels(300, 3)));
            SparseProbing probing = SparseProbing.of(set, new SparseProbing.Options(List.of(1, 3), 5, 3, 100, 1));

            assertThat(probing.accuracy().get("sae").get(1)).isGreaterThan(0.98);
            assertThat(probing.accuracy().get("channels").get(1)).isGreaterThan(0.98);
            assertThat(probing.accuracy().get("random").get(1)).isBetween(0.6, 1.0);
            assertThat(probing.allChannels()).isGreaterThan(0.98);
            assertThat(probing.classes()).hasSize(3);
            for (SparseProbing.ClassResult one : probing.classes()) {
                assertThat("class " + one.latents().getFirst()).isEqualTo(one.label());
                assertThat(one.examples()).isEqualTo(100);
            }
            assertThat(SparseProbing.of(set, new SparseProbing.Options(List.of(1, 3), 5, 3, 100, 1)))
                    .isEqualTo(probing);
            assertThat(probing.asMap()).containsKeys("accuracy", "baselines", "all_channels", "classes");
        }
    }

    @Test
    void labelsWithoutMeaningAreToldNoBetterThanByChance() {
        Random random = new Random(2);
        List<String> labels = new ArrayList<>();
        for (int e = 0; e < 400; e++) {
            labels.add(random.nextBoolean() ? "a" : "b");
        }
        try (SaeFixture fixture = axes(random)) {
            ExampleSet set = ExampleSet.of(fixture.sae(), ArraySource.of(classData(random, 400, 3, 1)), tokens(labels));
            SparseProbing probing = SparseProbing.of(set, SparseProbing.Options.DEFAULT);
            assertThat(probing.accuracy().get("sae").get(5)).isEqualTo(0.5, within(0.08));
        }
    }

    @Test
    void tokensOfAnExampleAreAveraged() {
        float[][] x = new float[5][WIDTH];
        x[0][0] = 2;
        x[1][0] = 4;
        x[1][3] = 1;
        x[3][5] = 3;
        x[4][0] = 100;
        try (SaeFixture fixture = axes(new Random(3))) {
            // The third token and the last belong to nothing; example 1 has no tokens.
            Examples examples = new Examples(new int[] {0, 0, -1, 2, -1}, List.of("b", "a", "b"));
            ExampleSet set = ExampleSet.of(fixture.sae(), ArraySource.of(x), examples);

            assertThat(set.activations()[0]).startsWith(3, 0, 0, 0.5f);
            assertThat(set.isThere(1)).isFalse();
            assertThat(set.latents().column(0, new int[] {0, 2})).containsExactly(3, 0);
            assertThat(set.latents().column(5, new int[] {0, 2})).containsExactly(0, 3);
            double[] differences = set.latents().meanDifferences(new int[] {0}, new int[] {2});
            assertThat(differences[0]).isEqualTo(3);
            assertThat(differences[3]).isEqualTo(0.5);
            assertThat(differences[5]).isEqualTo(-3);
        }
    }

    @Test
    void takingAwayAClassesLatentHarmsItsProbeOnly() {
        Random random = new Random(4);
        try (SaeFixture fixture = axes(random)) {
            ExampleSet set = ExampleSet.of(
                    fixture.sae(), ArraySource.of(classData(random, 600, 4, 2)), tokens(classLabels(600, 4)));
            Tpp tpp = Tpp.of(set, 4, 150, List.of(1, 2), 1);

            assertThat(tpp.accuracy())
                    .allSatisfy(accuracy -> assertThat(accuracy).isGreaterThan(0.95));
            assertThat(tpp.scores().get("sae").get(1)).isGreaterThan(0.3);
            assertThat(tpp.scores().get("random").get(1))
                    .isLessThan(tpp.scores().get("sae").get(1));
            assertThat(tpp.asMap()).containsKeys("tpp", "baselines", "classes", "probe_accuracy");
        }
    }

    @Test
    void aSpuriousCorrelationIsRemovedWithItsLatent() {
        Random random = new Random(5);
        int count = 800;
        float[][] x = SaeFixture.gaussian(random, count, WIDTH);
        List<String> wanted = new ArrayList<>();
        List<String> spurious = new ArrayList<>();
        for (int e = 0; e < count; e++) {
            for (int t = 0; t < WIDTH; t++) {
                x[e][t] *= 0.3f;
            }
            wanted.add(e % 2 == 0 ? "nurse" : "professor");
            spurious.add(e / 2 % 2 == 0 ? "female" : "male");
            // The spurious label is the louder one.
            x[e][e % 2] += 1;
            x[e][2 + e / 2 % 2] += 2;
        }
        try (SaeFixture fixture = axes(random)) {
            ExampleSet set = ExampleSet.of(fixture.sae(), ArraySource.of(x), tokens(wanted));
            Scr scr = Scr.of(set, tokens(spurious), 200, List.of(2), 1);

            assertThat(scr.wanted()).isEqualTo("labels");
            assertThat(scr.base()).isLessThan(0.8);
            assertThat(scr.oracle()).isGreaterThan(0.9);
            assertThat(scr.scores().get("sae").get(2)).isGreaterThan(0.5);
            assertThat(scr.examples()).isEqualTo(200);
            assertThat(Scr.of(set, tokens(spurious), 200, List.of(2), 1)).isEqualTo(scr);
        }
    }

    @Test
    void theScoreIsThatOfTheGoldenExample() {
        assertThat(Scr.score(0.62, 0.82, 0.95)).isEqualTo(0.60606, within(1e-5));
        assertThat(Scr.score(0.9, 0.95, 0.9005)).isZero();
    }

    @Test
    void absorptionIsScoredByWhatTheMainLatentsLeaveToOthers() {
        // Main latents explain all of x·p, none of it, a third; too little is left to others.
        assertThat(Absorption.score(2, 1, 2, 0.4)).isZero();
        assertThat(Absorption.score(0, 1.5, 2, 0.4)).isEqualTo(1);
        assertThat(Absorption.score(0.5, 1, 2, 0.4)).isEqualTo(1 / 1.5, within(1e-12));
        assertThat(Absorption.score(0.5, 9, 2, 0.4)).isEqualTo(1.5 / 2, within(1e-12));
        assertThat(Absorption.score(0.5, 0.5, 2, 0.4)).isZero();
    }

    @Test
    void aLatentThatTakesOverAClassOnSomeExamplesAbsorbsIt() {
        Random random = new Random(8);
        int count = 2400;
        // Latent 0 is class "a"; latent 1 is a special case of it, of which the direction includes that of class a.
        float[][] decoder = new float[4][WIDTH];
        float[][] encoder = new float[4][WIDTH];
        decoder[0][0] = 1;
        decoder[1][0] = 0.8f;
        decoder[1][1] = 0.6f;
        decoder[2][2] = 1;
        decoder[3][3] = 1;
        encoder[0][0] = 1;
        encoder[0][1] = -4;
        encoder[1][1] = 1 / 0.6f;
        encoder[2][2] = 1;
        encoder[3][3] = 1;
        float[][] absorbing = new float[count][WIDTH];
        float[][] plain = new float[count][WIDTH];
        List<String> labels = new ArrayList<>();
        for (int e = 0; e < count; e++) {
            boolean isClass = e % 2 == 0;
            labels.add(isClass ? "a" : "other");
            for (int t = 2; t < WIDTH; t++) {
                absorbing[e][t] = (float) (0.1 * random.nextGaussian());
            }
            plain[e] = absorbing[e].clone();
            float strength = 2 + random.nextFloat();
            plain[e][0] = isClass ? strength : 0;
            absorbing[e][0] = isClass ? strength : 0;
            if (isClass && e % 80 == 0) {
                absorbing[e][0] = 0.8f * strength;
                absorbing[e][1] = 0.6f * strength;
            }
        }
        try (SaeFixture fixture = new SaeFixture("cpu", new Relu(), encoder, new float[4], decoder, new float[WIDTH])) {
            Absorption none = Absorption.of(
                    ExampleSet.of(fixture.sae(), ArraySource.of(plain), tokens(labels)),
                    1,
                    1200,
                    Absorption.Constants.CODE,
                    1);
            Absorption some = Absorption.of(
                    ExampleSet.of(fixture.sae(), ArraySource.of(absorbing), tokens(labels)),
                    1,
                    1200,
                    Absorption.Constants.CODE,
                    1);

            assertThat(none.mean()).isZero();
            assertThat(none.classes().getFirst().mainLatents()).containsExactly(0);
            assertThat(some.classes().getFirst().f1()).isGreaterThan(0.95);
            // The other latent helps the probe with one in forty only, too few to be a main one.
            assertThat(some.classes().getFirst().mainLatents()).containsExactly(0);
            assertThat(some.mean()).isBetween(0.005, 0.06);
        }
    }

    @Test
    void effectsAreSignedForTppAndMagnitudesForScr() {
        Features features =
                new Features.Dense(new float[][] {{1, 2, 0}, {0, 5, 1}}, new float[][] {{1, 0}, {0, 1}, {2, 0}});
        LinearProbe probe = new LinearProbe(new float[] {1, -1}, 0);
        int[] positive = {0};
        int[] negative = {1};

        assertThat(Ablation.effects(features, probe, positive, negative, true))
                .containsExactly(new double[] {1, 0, 0}, within(0.0));
        double[] magnitudes = Ablation.effects(features, probe, positive, negative, false);
        assertThat(magnitudes).containsExactly(1, 3, 2);
        assertThat(Ablation.strongest(magnitudes, 2)).containsExactly(1, 2);
        float[][] rest =
                Ablation.without(new float[][] {{10, 10}, {10, 10}}, features, new int[] {1, 2}, new int[] {1});
        assertThat(rest[0]).isNull();
        assertThat(rest[1]).containsExactly(8, 5);
    }

    @Test
    void principalComponentsAreThoseOfKnownVariances() {
        Random random = new Random(6);
        float[][] x = new float[2000][3];
        for (float[] row : x) {
            double a = 5 * random.nextGaussian();
            double b = 2 * random.nextGaussian();
            row[0] = (float) (0.6 * a - 0.8 * b + 3);
            row[1] = (float) (0.8 * a + 0.6 * b);
            row[2] = (float) (0.1 * random.nextGaussian());
        }
        PrincipalComponents components =
                PrincipalComponents.of(x, IntStream.range(0, 2000).toArray(), 2);
        assertThat(components.mean()[0]).isEqualTo(3, within(0.4f));
        assertThat(Math.abs(components.directions()[0][1])).isEqualTo(0.8f, within(0.02f));
        assertThat(Math.abs(components.directions()[1][0])).isEqualTo(0.8f, within(0.02f));
    }

    @Test
    void whatCannotBeProbedIsRefusedInASentence() {
        Random random = new Random(7);
        float[][] x = classData(random, 40, 2, 1);
        try (SaeFixture fixture = axes(random)) {
            ExampleSet one = ExampleSet.of(fixture.sae(), ArraySource.of(x), tokens(Collections.nCopies(40, "same")));
            assertRefused(() -> SparseProbing.of(one, SparseProbing.Options.DEFAULT), "one class", "'same'");
            assertRefused(() -> Tpp.of(one, 5, 10, List.of(2), 1), "one class");

            List<String> rare = new ArrayList<>(Collections.nCopies(40, "often"));
            rare.set(3, "seldom");
            rare.set(5, "seldom");
            ExampleSet few = ExampleSet.of(fixture.sae(), ArraySource.of(x), tokens(rare));
            assertRefused(() -> SparseProbing.of(few, SparseProbing.Options.DEFAULT), "2 examples", "5 folds");

            ExampleSet two = ExampleSet.of(fixture.sae(), ArraySource.of(x), tokens(classLabels(40, 2)));
            assertRefused(() -> Scr.of(two, tokens(classLabels(40, 3)), 10, List.of(2), 1), "exactly two", "3 classes");
            assertRefused(() -> Scr.of(two, tokens(classLabels(39, 2)), 10, List.of(2), 1), "40", "39");
            assertRefused(() -> Scr.of(two, tokens(classLabels(40, 2)), 10, List.of(2), 1), "only 0 examples");
            assertRefused(
                    () -> ExampleSet.of(fixture.sae(), ArraySource.of(x), tokens(classLabels(30, 2))), "40", "30");
            assertRefused(
                    () -> ExampleSet.of(
                            fixture.sae(), ArraySource.of(new float[40][WIDTH + 1]), tokens(classLabels(40, 2))),
                    "width 13");
            x[7][2] = Float.NaN;
            assertRefused(
                    () -> ExampleSet.of(fixture.sae(), ArraySource.of(x), tokens(classLabels(40, 2))), "row 7", "NaN");
        }
        for (Map.Entry<String, Runnable> bad : Map.<String, Runnable>of(
                        "at least 1 latent", () -> new SparseProbing.Options(List.of(0), 5, 5, 10, 1),
                        "2 folds", () -> new SparseProbing.Options(List.of(1), 1, 5, 10, 1),
                        "fewer than the 5 folds", () -> new SparseProbing.Options(List.of(1), 5, 5, 4, 1))
                .entrySet()) {
            assertThatThrownBy(bad.getValue()::run)
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining(bad.getKey());
        }
    }

    private static void assertRefused(ThrowingCallable call, String... parts) {
        assertThatThrownBy(call).isInstanceOf(DataException.class).hasMessageContainingAll(parts);
    }
}
