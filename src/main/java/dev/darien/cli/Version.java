// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import java.util.Optional;
import picocli.CommandLine.IVersionProvider;

/** Which Darien this is. */
final class Version implements IVersionProvider {

    /** As in the jar's manifest or module descriptor. */
    static String text() {
        return Optional.ofNullable(Version.class.getPackage().getImplementationVersion())
                .or(() -> Optional.ofNullable(Version.class.getModule().getDescriptor())
                        .flatMap(descriptor -> descriptor.rawVersion()))
                .orElse("development");
    }

    @Override
    public String[] getVersion() {
        return new String[] {"darien " + text() + " (Java " + Runtime.version() + ")"};
    }
}
