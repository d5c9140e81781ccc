// SPDX-License-Identifier: Apache-2.0

/** Sparse autoencoders on the JVM: train, run and evaluate them on CPU or CUDA with one API. */
module dev.darien {
    requires com.fasterxml.jackson.databind;
    requires static info.picocli;
    requires static jdk.incubator.vector;
    requires static transitive org.jspecify;
}
