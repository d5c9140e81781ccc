// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.darien.data.DataException;
import dev.darien.data.JsonFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every single byte of a checkpoint, damaged: the one before is taken, and that is said. */
class DamagedCheckpointTest {
    private static final Logger LOG = Logger.getLogger("dev.darien.train.CheckpointStore");

    @TempDir
    private Path folder;

    @Test
    void everyDamagedByteIsNoticedAndSaid() throws Exception {
        List<String> said = new ArrayList<>();
        Handler handler = new Handler() {
            @Override
            public void publish(LogRecord record) {
                said.add(record.getMessage());
            }

            @Override
            public void flush() {}

            @Override
            public void close() {}
        };
        LOG.setUseParentHandlers(false);
        LOG.addHandler(handler);
        long seed = 3;
        try (CheckpointTargets run = new CheckpointTargets("batchtopk")) {
            run.write(folder);
            assertThat(run.resume(folder)).isEqualTo(4);
            Map<String, Object> sound = JsonFile.read(folder.resolve("step-000000000004.json"));
            int harmless = 0;
            for (String suffix : new String[] {".safetensors", ".json"}) {
                Path file = folder.resolve("step-000000000004" + suffix);
                byte[] bytes = Files.readAllBytes(file);
                Random random = new Random(seed);
                for (int at = 0; at < bytes.length; at++) {
                    int mask = 1 + random.nextInt(255);
                    byte[] damaged = bytes.clone();
                    damaged[at] ^= (byte) mask;
                    Files.write(file, damaged);
                    said.clear();
                    boolean valid = new CheckpointStore(folder).valid(4);
                    if (valid && suffix.equals(".json") && sameContent(file, sound)) {
                        // White space, or 1e-8 for 1E-8.
                        harmless++;
                        continue;
                    }
                    String what = "byte %d of %s with %d, seed %d".formatted(at, suffix, mask, seed);
                    assertThat(valid).as(what).isFalse();
                    if (at % 64 == 0) {
                        assertThat(run.resume(folder)).as(what).isEqualTo(2);
                    }
                    assertThat(said).anyMatch(line -> line.contains("step-000000000004"));
                }
                Files.write(file, bytes);
            }
            assertThat(harmless).isLessThan(100);
            assertThat(run.resume(folder)).isEqualTo(4);
        } finally {
            LOG.removeHandler(handler);
            LOG.setUseParentHandlers(true);
        }
    }

    private static boolean sameContent(Path file, Map<String, Object> sound) {
        try {
            return JsonFile.read(file).equals(sound);
        } catch (DataException e) {
            return false;
        }
    }
}
