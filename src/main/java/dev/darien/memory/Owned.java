// SPDX-License-Identifier: Apache-2.0
package dev.darien.memory;

import java.util.ArrayList;
import java.util.List;

/** What an object has made and closes with itself, the latest first, each whatever happens to the others. */
public final class Owned implements AutoCloseable {
    private final List<AutoCloseable> resources = new ArrayList<>();

    /** Nothing yet. */
    public Owned() {
        // Resources are added as they are made.
    }

    /** {@code resource}, which is closed with this. */
    public <T extends AutoCloseable> T add(T resource) {
        resources.add(resource);
        return resource;
    }

    @Override
    public void close() {
        Closing.all(resources.reversed());
    }
}
