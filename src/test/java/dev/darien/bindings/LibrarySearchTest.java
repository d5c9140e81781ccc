// SPDX-License-Identifier: Apache-2.0
package dev.darien.bindings;

import static org.assertj.core.api.Assertions.assertThat;

import dev.darien.bindings.LibraryStatus.Absent;
import dev.darien.bindings.LibraryStatus.Open;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A file system of its own, and a loader that opens what it is told to: no test sees the libraries of this machine. */
class LibrarySearchTest {
    @TempDir
    private Path root;

    private final Map<String, String> properties = new HashMap<>(Map.of("os.name", "Linux"));
    private final Map<String, String> environment = new HashMap<>();
    private final Set<String> loadable = new HashSet<>();
    private final List<String> tried = new ArrayList<>();
    private LibrarySearch search;

    @BeforeEach
    void emptyMachine() {
        search = new LibrarySearch(properties::get, environment::get, root, this::load);
    }

    private LibraryStatus load(String name) {
        tried.add(name);
        return loadable.contains(name)
                ? new Open(name, symbol -> Optional.empty())
                : new Absent(name + ": no such luck");
    }

    @Test
    void thePropertyGoesFirstAndThenTheVariable() throws IOException {
        Path file = loadable("any/name.so");
        Path folder = loadable("folder/libcuda.so.1").getParent();
        loadable.add("libcuda.so.1");
        environment.put("DARIEN_CUDA_LIB", folder.toString());
        assertOpen(NativeLibrary.CUDA, folder.resolve("libcuda.so.1"));
        properties.put("darien.cuda.lib", " ");
        assertOpen(NativeLibrary.CUDA, folder.resolve("libcuda.so.1"));
        properties.put("darien.cuda.lib", file.toString());
        assertOpen(NativeLibrary.CUDA, file);
    }

    @Test
    void aSettingThatDoesNotOpenIsAReasonAndNotPassedOver() throws IOException {
        loadable.add("libcublas.so.13");
        Path missing = root.resolve("missing.so");
        properties.put("darien.cublas.lib", missing.toString());
        assertThat(reason(NativeLibrary.CUBLAS))
                .isEqualTo("cuBLAS can't be opened: -Ddarien.cublas.lib names %s; %s: no such luck", missing, missing);

        properties.clear();
        properties.put("os.name", "Linux");
        environment.put("DARIEN_CUBLAS_LIB", root.toString());
        assertThat(reason(NativeLibrary.CUBLAS))
                .isEqualTo(
                        "cuBLAS can't be opened: DARIEN_CUBLAS_LIB names %s, a folder; %s: no such luck;"
                                + " %s: no such luck",
                        root, root.resolve("libcublas.so.13"), root.resolve("libcublas.so.12"));
        assertThat(tried).doesNotContain("libcublas.so.13");
    }

    @Test
    void theSystemsLoaderGoesBeforeFolders() throws IOException {
        loadable("usr/local/cuda/lib64/libcublas.so.13");
        loadable.add("libcublas.so.13");
        assertThat(search.find(NativeLibrary.CUBLAS, 0))
                .isInstanceOfSatisfying(
                        Open.class, open -> assertThat(open.path()).isEqualTo("libcublas.so.13"));
    }

    @Test
    void foldersAreTriedInOrderAndOneVersionEverywhereBeforeTheNext() throws IOException {
        environment.put("CUDA_PATH", root.resolve("path").toString());
        environment.put("CUDA_HOME", root.resolve("home").toString());
        environment.put("CONDA_PREFIX", root.resolve("conda").toString());
        environment.put("VIRTUAL_ENV", root.resolve("venv").toString());
        List<String> folders = List.of(
                "path/lib64",
                "path/targets/x86_64-linux/lib",
                "home/lib64",
                "usr/local/cuda/lib64",
                "usr/local/cuda-13.0/lib64",
                "usr/local/cuda-12.10/lib64",
                "usr/local/cuda-12.9/lib64",
                "conda/lib",
                "venv/lib/python3.12/site-packages/nvidia/cu13/lib",
                "venv/lib/python3.12/site-packages/nvidia/cublas/lib");
        List<String> expected = new ArrayList<>();
        for (String name : List.of("libcublas.so.13", "libcublas.so.12")) {
            expected.add(name);
            for (String folder : folders) {
                expected.add(file(folder + "/" + name).toString());
            }
        }
        String reason = reason(NativeLibrary.CUBLAS);
        assertThat(tried).containsExactlyElementsOf(expected);
        assertThat(expected).allSatisfy(name -> assertThat(reason).contains(name + ": no such luck"));
        assertThat(reason).contains("not in " + root.resolve("home/targets/x86_64-linux/lib") + ", ");

        tried.clear();
        loadable.add(expected.getLast());
        assertThat(search.find(NativeLibrary.CUBLAS, 12)).isInstanceOf(Open.class);
        assertThat(tried).as("CUDA 12 preferred").containsExactlyElementsOf(expected.subList(11, 22));
    }

    @Test
    void theReasonNamesAllThatWasTriedAndWhatCanBeSet() {
        assertThat(reason(NativeLibrary.CUDA))
                .isEqualTo(
                        "the CUDA driver was not found: libcuda.so.1: no such luck; not in %s, %s; -Ddarien.cuda.lib or"
                                + " DARIEN_CUDA_LIB can name its file or folder",
                        root.resolve("usr/local/nvidia/lib64"), root.resolve("usr/lib/wsl/lib"));
    }

    @Test
    void theDriverIsNeverTakenFromAToolkit() throws IOException {
        loadable.add("libcuda.so");
        loadable("usr/local/cuda/lib64/stubs/libcuda.so");
        loadable("usr/local/cuda/lib64/libcuda.so.1");
        environment.put("CUDA_PATH", root.resolve("usr/local/cuda").toString());
        assertThat(reason(NativeLibrary.CUDA)).contains("not found");
        assertOpen(NativeLibrary.CUDA, loadable("usr/local/nvidia/lib64/libcuda.so.1"));
    }

    @Test
    void nvrtcFindsItsBuiltinsBesideIt() throws IOException {
        Path folder = root.resolve("usr/local/cuda/lib64");
        Path builtins = loadable("usr/local/cuda/lib64/libnvrtc-builtins.so.13.0");
        file("usr/local/cuda/lib64/libnvrtc-builtins.so");
        assertOpen(NativeLibrary.NVRTC, loadable("usr/local/cuda/lib64/libnvrtc.so.13"));
        assertThat(tried)
                .containsExactly(
                        "libnvrtc.so.13",
                        builtins.toString(),
                        folder.resolve("libnvrtc.so.13").toString());
    }

    @Test
    void otherSystemsAreToldSo() {
        properties.put("os.name", "Plan 9");
        assertThat(reason(NativeLibrary.CUDA))
                .isEqualTo("the CUDA driver is looked for on Linux only, and this is Plan 9");
        assertThat(tried).isEmpty();
    }

    private Path file(String path) throws IOException {
        Path file = root.resolve(path);
        Files.createDirectories(file.getParent());
        return Files.writeString(file, "");
    }

    private Path loadable(String path) throws IOException {
        Path file = file(path);
        loadable.add(file.toString());
        return file;
    }

    private void assertOpen(NativeLibrary library, Path expected) {
        assertThat(search.find(library, 0)).isInstanceOfSatisfying(Open.class, open -> assertThat(open.path())
                .isEqualTo(expected.toString()));
    }

    private String reason(NativeLibrary library) {
        return search.find(library, 0) instanceof Absent absent ? absent.reason() : "it was opened";
    }
}
