// SPDX-License-Identifier: Apache-2.0
package dev.darien.gpucheck;

import dev.darien.data.JsonFile;
import dev.darien.device.Device;
import dev.darien.device.TestDevices;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.discovery.DiscoverySelectors;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.TagFilter;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.TestPlan;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/**
 * Runs the project's tests where there is no Maven: {@code TestRun OUT.json TAGS [CLASS…]}, without classes all of the
 * package. {@code OUT.json} is brought up to date after every class, so that it tells how far a run came that was cut off.
 */
final class TestRun implements TestExecutionListener {
    private static final String PACKAGE = "dev.darien";
    private static final int MOST_FAILURES = 50;

    private final Path out;
    private final List<String> failures = new ArrayList<>();
    private final List<String> skips = new ArrayList<>();
    private int passed;
    private int failed;
    private boolean complete;

    private TestRun(Path out) {
        this.out = out;
    }

    public static void main(String... arguments) {
        TestRun run = new TestRun(Path.of(arguments[0]));
        LauncherDiscoveryRequestBuilder request =
                LauncherDiscoveryRequestBuilder.request().filters(TagFilter.includeTags(arguments[1]));
        if (arguments.length == 2) {
            request.selectors(DiscoverySelectors.selectPackage(PACKAGE));
        }
        for (int at = 2; at < arguments.length; at++) {
            request.selectors(DiscoverySelectors.selectClass(PACKAGE + "." + arguments[at]));
        }
        LauncherDiscoveryRequest built = request.build();
        // A context that is held all the while need not be made anew for each of hundreds of tests.
        try (Device held = Device.open(TestDevices.training())) {
            System.out.println("testing " + held.describe());
            LauncherFactory.create().execute(built, run);
        }
        // Threads of a device that hung would keep the JVM.
        System.exit(run.failed == 0 && run.passed > 0 ? 0 : 1);
    }

    @Override
    public void executionSkipped(TestIdentifier test, String reason) {
        skips.add(test.getDisplayName() + ": " + reason);
        write();
    }

    @Override
    public void executionFinished(TestIdentifier test, TestExecutionResult result) {
        boolean failure = result.getStatus() != TestExecutionResult.Status.SUCCESSFUL;
        if (failure) {
            failed++;
            String what = name(test) + ": "
                    + result.getThrowable().map(Throwable::toString).orElse("aborted");
            result.getThrowable().ifPresent(thrown -> thrown.printStackTrace(System.out));
            System.out.println("FAILED " + what);
            if (failures.size() < MOST_FAILURES) {
                failures.add(what);
            }
        } else if (test.isTest()) {
            passed++;
        }
        if (failure || test.isContainer()) {
            write();
        }
    }

    @Override
    public void testPlanExecutionFinished(TestPlan plan) {
        complete = true;
        write();
    }

    private static String name(TestIdentifier test) {
        String id = test.getUniqueId();
        return id.substring(id.indexOf('/') + 1);
    }

    private void write() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("complete", complete);
        map.put("passed", passed);
        map.put("failed", failed);
        map.put("skipped", skips);
        map.put("failures", failures);
        try {
            Files.writeString(out, JsonFile.line(map));
        } catch (IOException e) {
            throw new IllegalStateException("can't write " + out, e);
        }
    }
}
