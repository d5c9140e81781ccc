// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import dev.darien.data.ActivationSource;
import dev.darien.sae.GradientTopK;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.RecordComponent;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Options for small runs, and options that differ from others in some components. */
public final class TestOptions {
    /** Every architecture, by a small recipe that exercises all that it has. */
    public static final String[] ARCHITECTURES = {
        "topk",
        "gradient-topk",
        "batchtopk",
        "jumprelu",
        "relu",
        "april",
        "gated",
        "p-anneal",
        "matryoshka",
        "feature-choice",
        "groupmax",
        "abs-topk",
        "matching-pursuit",
        "tanh"
    };

    private TestOptions() {}

    /** A recipe for {@code architecture}; {@code april} is relu with that preset. */
    public static Recipe recipe(String architecture) {
        return switch (architecture) {
            case "gated", "p-anneal" -> Recipe.of(architecture).targetL0(6);
            case "feature-choice" ->
                Recipe.of("feature-choice")
                        .k(4)
                        .budgets(new FeatureBudgets(0.3, null, 1, FeatureBudgets.Rounding.ACCUMULATED, 7));
            case "tanh" -> Recipe.of("jumprelu").tanhPenalty(4).l0(0.01).preActivationLoss(1e-4);
            case "topk", "gradient-topk", "batchtopk", "multi-topk", "groupmax", "abs-topk", "matching-pursuit" ->
                Recipe.of(architecture).k(4).auxiliary(new Auxiliary.AuxK(1.0 / 32, 8));
            case "matryoshka" -> Recipe.of(architecture).k(4).biasLevel().auxiliary(new Auxiliary.AuxK(1.0 / 32, 8));
            case "jumprelu" -> Recipe.of("jumprelu").targetL0(6);
            case "relu" -> Recipe.of("relu").targetL0(8);
            case "april" -> Recipe.of("relu").preset(Preset.APRIL).l1(2);
            default -> throw new AssertionError(architecture);
        };
    }

    /** {@code data}, with gradients beside it if one of the runs selects by them. */
    static ActivationSource source(float[][] data, List<TrainingOptions> runs) {
        boolean byGradients = runs.stream().anyMatch(options -> options.sparsity() instanceof GradientTopK);
        return new ArraySource(byGradients ? withGradients(data) : data);
    }

    /** Rows with some gradients of the same width behind them, always the same. */
    static float[][] withGradients(float[][] data) {
        int width = data[0].length;
        Random random = new Random(17);
        float[][] rows = new float[data.length][];
        for (int row = 0; row < rows.length; row++) {
            rows[row] = Arrays.copyOf(data[row], 2 * width);
            for (int column = width; column < 2 * width; column++) {
                rows[row][column] = (float) (100 * random.nextGaussian());
            }
        }
        return rows;
    }

    /** {@code options} with other values for components, given as name, value, name, value, … */
    static TrainingOptions with(TrainingOptions options, Object... changes) {
        Map<String, Object> changed = new HashMap<>();
        for (int at = 0; at < changes.length; at += 2) {
            changed.put((String) changes[at], changes[at + 1]);
        }
        RecordComponent[] components = TrainingOptions.class.getRecordComponents();
        Object[] values = new Object[components.length];
        try {
            for (int at = 0; at < components.length; at++) {
                String name = components[at].getName();
                values[at] = changed.containsKey(name)
                        ? changed.remove(name)
                        : components[at].getAccessor().invoke(options);
            }
            if (!changed.isEmpty()) {
                throw new AssertionError("no options " + changed.keySet());
            }
            Class<?>[] types =
                    Arrays.stream(components).map(RecordComponent::getType).toArray(Class<?>[]::new);
            return TrainingOptions.class.getDeclaredConstructor(types).newInstance(values);
        } catch (InvocationTargetException e) {
            if (e.getCause() instanceof RuntimeException cause) {
                throw cause;
            }
            throw new AssertionError(e);
        } catch (ReflectiveOperationException e) {
            throw new AssertionError(e);
        }
    }
}
