// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

/**
 * Brings in the Vector API without the line that {@code --add-modules jdk.incubator.vector} makes the JVM print.
 *
 * <p>The JVM prints that line before any Java code of ours runs, to the same standard error that real errors need, and
 * no option turns it off. The launcher therefore leaves the module out and exports the JDK's own loader of system
 * modules to us instead. Kernels run at the same speed either way: the compiler's support is switched on when the
 * module is defined. The module is then not in {@link ModuleLayer#boot()}; look for the Vector API by a class of it.
 */
final class VectorModule {
    private static final String NAME = "jdk.incubator.vector";

    private VectorModule() {}

    /** Call this before any class that touches the Vector API is loaded. Does nothing where it cannot help. */
    static void load() {
        if (ModuleLayer.boot().findModule(NAME).isPresent()) {
            return;
        }
        try {
            Class.forName("jdk.internal.module.Modules")
                    .getMethod("loadModule", String.class)
                    .invoke(null, NAME);
        } catch (ReflectiveOperationException notExported) {
            // Started without the launcher: device discovery says which flag to add.
        }
    }
}
