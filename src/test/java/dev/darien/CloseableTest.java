// SPDX-License-Identifier: Apache-2.0
package dev.darien;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import dev.darien.device.TestDevices;
import java.io.IOException;
import java.lang.module.ModuleDescriptor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whatever can be closed may be closed twice, and use after that is an exception that says so, never anything worse. */
class CloseableTest {
    @TempDir
    private Path folder;

    @Test
    @Tag("device")
    void useAfterCloseIsAnException() throws IOException {
        List<String> problems = new ArrayList<>();
        for (String device : TestDevices.all()) {
            try (CloseableCases cases =
                    new CloseableCases(device, Files.createDirectory(folder.resolve(device.replace(':', '-'))))) {
                for (CloseableCases.Case<?> one : cases.all()) {
                    check(device, one, problems);
                }
            }
        }
        assertThat(problems).isEmpty();
    }

    private static <T extends AutoCloseable> void check(
            String device, CloseableCases.Case<T> one, List<String> problems) {
        T it = one.open().get();
        String name = device + ", " + it.getClass().getSimpleName();
        one.uses().forEach((use, call) -> {
            try {
                call.of(it);
            } catch (RuntimeException e) {
                problems.add(name + ", " + use + " before it is closed: " + e);
            }
        });
        for (int time = 1; time <= 2; time++) {
            try {
                it.close();
            } catch (Exception e) {
                problems.add(name + ", closed for time " + time + ": " + e);
            }
        }
        one.uses().forEach((use, call) -> {
            try {
                call.of(it);
                problems.add(name + ", " + use + " after it was closed: nothing");
            } catch (IllegalStateException e) {
                String message = String.valueOf(e.getMessage());
                if (!message.matches("(?i).*(closed|given back).*")) {
                    problems.add(name + ", " + use + " after it was closed: " + e);
                }
            } catch (RuntimeException e) {
                problems.add(name + ", " + use + " after it was closed: " + e);
            }
        });
    }

    /** A class that can be closed and has no case makes this fail. */
    @Test
    void everythingThatUsersCanCloseHasACase() throws IOException {
        Set<String> seen = new TreeSet<>();
        for (String device : List.of("cpu:scalar", "cpu:vector")) {
            try (CloseableCases cases =
                    new CloseableCases(device, Files.createDirectory(folder.resolve(device.replace(':', '-'))))) {
                for (CloseableCases.Case<?> one : cases.all()) {
                    try (AutoCloseable it = one.open().get()) {
                        seen.add(it.getClass().getName());
                    } catch (Exception e) {
                        throw new AssertionError(e);
                    }
                }
            }
        }
        CloseableCases.exempt().forEach(type -> seen.add(type.getName()));
        assertThat(closeable()).isNotEmpty().isSubsetOf(seen);
    }

    /** Public classes of exported packages, and what implements their interfaces; the GPU's are seen on one. */
    private static Set<String> closeable() throws IOException {
        Path classes = Path.of("target", "classes");
        Set<String> exported;
        try (var stream = Files.newInputStream(classes.resolve("module-info.class"))) {
            exported = ModuleDescriptor.read(stream).exports().stream()
                    .map(ModuleDescriptor.Exports::source)
                    .collect(Collectors.toSet());
        }
        return new ClassFileImporter()
                .importPath(classes).stream()
                        .filter(type -> type.isAssignableTo(AutoCloseable.class) && !type.isInterface())
                        .filter(type -> isOf(exported, type)
                                || type.getAllRawInterfaces().stream()
                                        .anyMatch(parent ->
                                                isOf(exported, parent) && parent.isAssignableTo(AutoCloseable.class)))
                        .map(JavaClass::getName)
                        .filter(name -> !name.startsWith("dev.darien.device.cuda.")
                                && !name.startsWith("dev.darien.cli.")
                                && !name.startsWith("dev.darien.reproduce."))
                        .collect(Collectors.toCollection(TreeSet::new));
    }

    private static boolean isOf(Set<String> exported, JavaClass type) {
        return exported.contains(type.getPackageName()) && isPublic(type);
    }

    private static boolean isPublic(JavaClass type) {
        return type.getModifiers().contains(JavaModifier.PUBLIC)
                && type.getEnclosingClass().map(CloseableTest::isPublic).orElse(true);
    }
}
