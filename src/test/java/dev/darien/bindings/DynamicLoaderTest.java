// SPDX-License-Identifier: Apache-2.0
package dev.darien.bindings;

import static org.assertj.core.api.Assertions.assertThat;

import dev.darien.bindings.LibraryStatus.Absent;
import dev.darien.bindings.LibraryStatus.Open;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The real loader, with a library that every Linux has. */
class DynamicLoaderTest {
    private static final String MATHS = "libm.so.6";

    @TempDir
    private Path folder;

    @Test
    void aLibraryFoundByItsNameTellsItsFileAndHasItsFunctions() {
        Open library = open(DynamicLoader.open(MATHS));
        assertThat(Path.of(library.path())).isAbsolute().exists();
        assertThat(library.symbols().find("cos")).isPresent();
        assertThat(library.symbols().find("noSuchFunction")).isEmpty();
    }

    @Test
    void aSettingOpensTheFileThatItNames() {
        String file = open(DynamicLoader.open(MATHS)).path();
        Map<String, String> properties = Map.of("os.name", "Linux", "darien.cuda.lib", file);
        LibrarySearch search = new LibrarySearch(properties::get, name -> null, folder, DynamicLoader::open);
        Open library = open(search.find(NativeLibrary.CUDA, 0));
        assertThat(library.path()).isEqualTo(file);
        assertThat(library.symbols().find("cos")).isPresent();
        assertThat(library.symbols().find("cuInit")).isEmpty();
    }

    @Test
    void theReasonIsTheLoadersOwn() throws Exception {
        Path text =
                Files.writeString(folder.resolve("libtext.so"), "not a library, but long enough to be one".repeat(99));
        assertThat(reason(DynamicLoader.open(text.toString()))).isEqualTo(text + ": invalid ELF header");
        assertThat(reason(DynamicLoader.open("libabsent.so.1")))
                .startsWith("libabsent.so.1: ")
                .contains("No such file");
    }

    private static Open open(LibraryStatus status) {
        assertThat(status).isInstanceOf(Open.class);
        return (Open) status;
    }

    private static String reason(LibraryStatus status) {
        assertThat(status).isInstanceOf(Absent.class);
        return ((Absent) status).reason();
    }
}
