// SPDX-License-Identifier: Apache-2.0
package dev.darien.bindings;

import java.util.List;
import java.util.stream.Stream;

/** A native library that Darien can use and does not need. */
public enum NativeLibrary {
    /** {@code libcuda}: comes with the driver, never with a toolkit. */
    CUDA("the CUDA driver", "cuda"),

    /** {@code libcublas}: matrix products. */
    CUBLAS("cuBLAS", "cublas"),

    /** {@code libnvrtc}: compiles kernels for drivers that refuse the PTX in the jar. */
    NVRTC("NVRTC", "nvrtc");

    private final String title;
    private final String stem;

    NativeLibrary(String title, String stem) {
        this.title = title;
        this.stem = stem;
    }

    /** What a sentence calls it. */
    public String title() {
        return title;
    }

    /** The system property that names its file or its folder; it goes before everything else. */
    public String property() {
        return "darien." + stem + ".lib";
    }

    /** The environment variable that does the same, where the property isn't set. */
    public String variable() {
        return "DARIEN_" + name() + "_LIB";
    }

    /**
     * The file names to look for, best first. Never the bare {@code libcuda.so}: where that exists, it may be the
     * toolkit's stub, which has every function and no driver behind it.
     */
    List<String> fileNames(int cudaMajor) {
        // What comes with a toolkit has its major version.
        List<Integer> versions = this == CUDA ? List.of(1) : List.of(13, 12);
        return Stream.concat(
                        versions.stream().filter(version -> version == cudaMajor),
                        versions.stream().filter(version -> version != cudaMajor))
                .map(version -> "lib" + stem + ".so." + version)
                .toList();
    }

    /** Folders below a Python environment's {@code site-packages/nvidia}: of CUDA 13's packages, then of CUDA 12's. */
    List<String> pythonFolders() {
        return switch (this) {
            case CUDA -> List.of();
            case CUBLAS -> List.of("cu13/lib", "cublas/lib");
            case NVRTC -> List.of("cu13/lib", "cuda_nvrtc/lib");
        };
    }
}
