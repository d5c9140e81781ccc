// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import dev.darien.data.DataException;
import dev.darien.device.Device;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import java.util.List;
import java.util.Map;

/**
 * Sums over the steps since the last report, and since the penalty's controller last looked. They grow on the device
 * and are fetched only when somebody asks.
 */
final class StepStatistics implements AutoCloseable {
    private final Device device;
    private final StepWorkspace workspace;
    private final Matrix hostStatistics;
    private final Matrix hostScalar;
    private final Matrix hostCount;

    private double squaredError;
    private double active;
    private double penalty;
    private double further;
    private long steps;
    private double controlledActive;
    private long controlledSteps;

    StepStatistics(Device device, StepWorkspace workspace) {
        this.device = device;
        this.workspace = workspace;
        Matrix statistics = device.staging("statistics", DType.F64, 1, 2);
        Matrix scalar = null;
        try {
            scalar = device.staging("scalar", DType.F64, 1, 1);
            hostCount = device.staging("count", DType.I32, 1, 1);
        } catch (RuntimeException | Error e) {
            statistics.close();
            if (scalar != null) {
                scalar.close();
            }
            throw e;
        }
        hostStatistics = statistics;
        hostScalar = scalar;
    }

    void countStep() {
        steps++;
        controlledSteps++;
    }

    /** Adds what the device has summed up since the last call, and clears it there. */
    private void fetch() {
        device.download(workspace.statistics, hostStatistics);
        squaredError += hostStatistics.getDouble(0, 0);
        active += hostStatistics.getDouble(0, 1);
        controlledActive += hostStatistics.getDouble(0, 1);
        device.download(workspace.penalty, hostScalar);
        penalty += hostScalar.getDouble(0, 0);
        device.download(workspace.further, hostStatistics);
        further += hostStatistics.getDouble(0, 0);
        device.kernels().fill(workspace.statistics, 0);
        device.kernels().fill(workspace.further, 0);
        device.kernels().fill(workspace.penalty, 0);
    }

    /**
     * Sums over reported steps: of squared errors, of active latents, of the penalty as the kernel counts it, of the squared
     * errors of further reconstructions.
     */
    record Sums(double squaredError, double active, double penalty, double further, long steps) {}

    /** The sums since the last call. */
    Sums take() {
        fetch();
        Sums sums = new Sums(squaredError, active, penalty, further, steps);
        squaredError = 0;
        active = 0;
        penalty = 0;
        further = 0;
        steps = 0;
        return sums;
    }

    /** Mean number of active latents of {@code rows} rows for each step since the last call. */
    double takeControlledL0(int rows) {
        fetch();
        double l0 = controlledActive / ((double) Math.max(1, controlledSteps) * rows);
        controlledActive = 0;
        controlledSteps = 0;
        return l0;
    }

    int deadLatents() {
        device.download(workspace.deadCount, hostCount);
        return (int) hostCount.getLong(0, 0);
    }

    double auxiliaryLoss(StepWorkspace.AuxiliaryTerms auxiliary) {
        return scalar(auxiliary.loss());
    }

    /** The number in an F64[1, 1] of the device. */
    double scalar(Matrix number) {
        device.download(number, hostScalar);
        return hostScalar.getDouble(0, 0);
    }

    /** Puts the sums into a checkpoint, so that a resumed run reports and steers as an undisturbed one. */
    void save(Map<String, Object> numbers) {
        fetch();
        numbers.put("squared_error", squaredError);
        numbers.put("active", active);
        numbers.put("penalty_sum", penalty);
        numbers.put("further_error", further);
        numbers.put("report_steps", steps);
        numbers.put("controlled_active", controlledActive);
        numbers.put("controlled_steps", controlledSteps);
    }

    void restore(Map<String, Object> numbers) {
        squaredError = number(numbers, "squared_error").doubleValue();
        active = number(numbers, "active").doubleValue();
        penalty = number(numbers, "penalty_sum").doubleValue();
        further = number(numbers, "further_error").doubleValue();
        steps = number(numbers, "report_steps").longValue();
        controlledActive = number(numbers, "controlled_active").doubleValue();
        controlledSteps = number(numbers, "controlled_steps").longValue();
    }

    /** A number of a checkpoint. */
    static Number number(Map<String, Object> numbers, String name) {
        if (numbers.get(name) instanceof Number number) {
            return number;
        }
        throw new DataException("the checkpoint has no number '" + name
                + "', so that this version of Darien can't go on" + " from it; start anew with --overwrite");
    }

    @Override
    public void close() {
        List.of(hostCount, hostScalar, hostStatistics).forEach(Matrix::close);
    }
}
