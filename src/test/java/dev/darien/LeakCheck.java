// SPDX-License-Identifier: Apache-2.0
package dev.darien;

import static org.assertj.core.api.Assertions.assertThat;

import dev.darien.memory.Allocator;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Registered for every test: none may leave an owner of memory open, be it of the host's, pinned or a device's, nor a file
 * mapped. (An owner that is closed while it holds something is a {@code LeakException} by itself.) Devices that a class
 * shares among its tests are its own until its end. {@code -Ddarien.memory.debug=true} says where memory was allocated.
 */
public final class LeakCheck implements BeforeAllCallback, AfterAllCallback, BeforeEachCallback, AfterEachCallback {
    private static final ExtensionContext.Namespace NAMESPACE = ExtensionContext.Namespace.create(LeakCheck.class);
    private static final Path MAPPINGS = Path.of("/proc/self/maps");

    /** What there was before. */
    private record Before(Set<Allocator> owners, Set<String> mapped) {}

    @Override
    public void beforeAll(ExtensionContext context) throws IOException {
        remember(context, new Before(Allocator.trees(), mapped()));
    }

    @Override
    public void beforeEach(ExtensionContext context) {
        remember(context, new Before(Allocator.trees(), Set.of()));
    }

    private static void remember(ExtensionContext context, Before before) {
        context.getStore(NAMESPACE).put(context.getUniqueId(), before);
    }

    private static Before before(ExtensionContext context) {
        return context.getStore(NAMESPACE).get(context.getUniqueId(), Before.class);
    }

    @Override
    public void afterEach(ExtensionContext context) {
        requireClosed(before(context));
    }

    @Override
    public void afterAll(ExtensionContext context) throws IOException {
        Before before = before(context);
        requireClosed(before);
        Set<String> left = mapped();
        left.removeAll(before.mapped());
        assertThat(left).as("files that are still mapped").isEmpty();
    }

    private static void requireClosed(Before before) {
        String left = Allocator.trees().stream()
                .filter(owner -> !before.owners().contains(owner))
                .map(owner -> owner.name() + " with " + owner.allocatedBytes() + " bytes")
                .collect(Collectors.joining(", "));
        assertThat(left).as("owners of memory that are still open").isEmpty();
    }

    /** Mapped files but libraries, archives of classes and what the JVM keeps; none where the system doesn't say. */
    private static Set<String> mapped() throws IOException {
        if (!Files.exists(MAPPINGS)) {
            return new TreeSet<>();
        }
        try (Stream<String> lines = Files.lines(MAPPINGS)) {
            return lines.filter(line -> line.indexOf('/') > 0)
                    .map(line -> line.substring(line.indexOf('/')))
                    .filter(path -> path.matches(".*\\.(safetensors|npy|npz|pt|onnx|json|bin)( \\(deleted\\))?"))
                    .collect(Collectors.toCollection(TreeSet::new));
        }
    }
}
