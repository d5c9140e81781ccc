// SPDX-License-Identifier: Apache-2.0
package consumer;

import dev.darien.data.ActivationSource;
import dev.darien.data.SyntheticSource;
import dev.darien.device.Device;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import dev.darien.sae.Sae;
import dev.darien.train.Recipe;
import dev.darien.train.Trainer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Uses Darien as a user would. Prints one line, which ConsumerProjectTest expects. */
public final class Main {
    private Main() {}

    /**
     * Trains, saves, loads, encodes and decodes.
     *
     * @param arguments none
     * @throws IOException if there is no folder to save to
     */
    public static void main(String[] arguments) throws IOException {
        Path folder = Files.createTempDirectory("darien-consumer");
        try (Device device = Device.open("auto");
                ActivationSource data = SyntheticSource.parse("synthetic:d=16,true=32,rows=8192,seed=1")) {
            var options = Recipe.of("topk").latents(48).k(4).batch(256).tokens(8192).build(data.width());
            try (Trainer trainer = new Trainer(device, data, List.of(options))) {
                trainer.train();
                try (Sae sae = trainer.sae(0)) {
                    sae.save(folder);
                }
            }
            try (Sae sae = Sae.load(folder, device);
                    SparseCodes codes = sae.encode(new float[][] {new float[16], new float[16]});
                    Matrix reconstruction = sae.decode(codes)) {
                if (codes.rows() != 2 || reconstruction.columns() != 16 || sae.latents() != 48) {
                    throw new IllegalStateException("not what was trained");
                }
            }
        }
        System.out.println("consumer done");
    }
}
