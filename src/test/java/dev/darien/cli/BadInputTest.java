// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** Every bad input is refused with one line and status 2, and leaves nothing where the SAE would have gone. */
class BadInputTest {
    @TempDir
    private Path folder;

    @TestFactory
    Stream<DynamicTest> badFilesAreRefused() {
        byte[] good = safetensors(
                "{\"activations\":{\"dtype\":\"F32\",\"shape\":[1024,4],\"data_offsets\":[0,16384]}}", 16384);
        byte[] garbled = good.clone();
        garbled[20] ^= 0x55;
        byte[] hugeHeader = good.clone();
        hugeHeader[7] = 0x40;
        Map<String, byte[]> files = Map.of(
                "empty.safetensors", new byte[0],
                "truncated.safetensors", java.util.Arrays.copyOf(good, 9000),
                "garbled.safetensors", garbled,
                "huge-header.safetensors", hugeHeader,
                "overflow.safetensors",
                        safetensors(
                                "{\"activations\":{\"dtype\":\"F32\",\"shape\":[8589934592,8589934592],"
                                        + "\"data_offsets\":[0,64]}}",
                                64),
                "one-dimension.safetensors",
                        safetensors(
                                "{\"activations\":{\"dtype\":\"F32\",\"shape\":[64],\"data_offsets\":[0,256]}}", 256),
                "whole-numbers.safetensors",
                        safetensors(
                                "{\"activations\":{\"dtype\":\"I64\",\"shape\":[8,4],\"data_offsets\":[0,256]}}", 256),
                "bad-header.npy", "\u0093NUMPY".getBytes(StandardCharsets.ISO_8859_1),
                "not-really.npy", new byte[100]);
        return files.entrySet().stream()
                .map(file -> DynamicTest.dynamicTest(file.getKey(), () -> {
                    Path path = folder.resolve(file.getKey());
                    Files.write(path, file.getValue());
                    Path out = folder.resolve("out-" + file.getKey());

                    Darien.train(path.toString(), out, "--k", 4).refused(file.getKey());

                    assertThat(out).doesNotExist();
                }));
    }

    @TestFactory
    Stream<DynamicTest> badOptionsAreRefused() throws IOException {
        Path file = Files.writeString(folder.resolve("a-file"), "");
        return Stream.of(
                        refusal("k below 1", "k must be at least 1, not 0", "--k", 0),
                        refusal("negative k", "k must be at least 1, not -3", "--k", -3),
                        refusal("k above the latents", "k is 99 but there are only 64 latents", "--k", 99),
                        refusal("k of relu", "relu has no --k", "--arch", "relu", "--k", 3),
                        refusal("l1 of several", "topk, batchtopk have no --l1", "--arch", "topk,batchtopk", "--l1", 1),
                        refusal("unknown architecture", "did you mean 'topk'?", "--arch", "topkk"),
                        refusal("architecture of another version", "unknown architecture 'gated2'", "--arch", "gated2"),
                        refusal("k of gated", "gated has no --k", "--arch", "gated", "--k", 3),
                        refusal("resampling a short run", "train on more tokens", "--resample", "--tokens", 1024),
                        refusal("budgets of topk", "budgets belong to feature-choice", "--mutual-share", 0.5),
                        refusal(
                                "budgets that can't be met",
                                "budgets can't be met",
                                "--arch",
                                "feature-choice",
                                "--budget-cap",
                                0.01),
                        refusal("cap above one", "cap of a budget", "--arch", "feature-choice", "--budget-cap", 2),
                        refusal(
                                "rounding",
                                "did you mean 'nearest'",
                                "--arch",
                                "feature-choice",
                                "--budget-rounding",
                                "nearst"),
                        refusal("groups of topk", "groups belong to matryoshka", "--groups", "3,4"),
                        refusal(
                                "groups that don't add up",
                                "add up to 64 latents, not to 7",
                                "--arch",
                                "matryoshka",
                                "--groups",
                                "3,4"),
                        refusal("one of several unknown", "did you mean 'relu'?", "--arch", "topk,rleu"),
                        refusal("unknown preset", "did you mean 'april'?", "--preset", "aprli"),
                        refusal("preset of relu", "preset april is for relu", "--preset", "april"),
                        refusal("not a number", "'abc' is not an int", "--k", "abc"),
                        refusal("nan", "'NaN' is not a number", "--lr", "NaN"),
                        refusal("negative rate", "lr must be positive", "--lr", -1),
                        refusal("fewer tokens than a batch", "don't fill one batch", "--tokens", 100),
                        refusal(
                                "more batch than rows",
                                "fewer than one batch of 8192",
                                "--batch",
                                8192,
                                "--tokens",
                                9000),
                        refusal("zero clip", "--clip must be above 0 or none", "--clip", 0),
                        refusal("target of topk", "topk has no --target-l0", "--target-l0", 8),
                        refusal("no target", "--target-l0 must be above 0", "--arch", "relu", "--target-l0", 0),
                        refusal(
                                "tf32",
                                "cpu:vector computes in fp32 only",
                                "--precision",
                                "tf32",
                                "--device",
                                "cpu:vector"),
                        refusal("bandwidth", "--bandwidth must be above 0", "--arch", "jumprelu", "--bandwidth", 0),
                        refusal("decay", "decay is a fraction", "--decay", 2),
                        refusal("threads", "threads must be between 1 and 1024", "--threads", 5000),
                        refusal("negative warm-up", "warm-up can't be negative", "--warmup", -5),
                        refusal("auxk of relu", "--aux none", "--arch", "relu", "--aux", "auxk"),
                        refusal("latents and expansion", "exclude each other", "--expansion", 4),
                        refusal("checkpoints", "--checkpoint-every must be 0 or more", "--checkpoint-every", -1),
                        refusal("out is a file", "is a file", "--out", file),
                        refusal("out below a file", "can't be written to", "--out", file.resolve("sub/sae")))
                .map(refusal -> DynamicTest.dynamicTest(refusal.name(), () -> {
                    Path out = folder.resolve(refusal.name().replace(' ', '-'));
                    boolean named = refusal.options().contains("--out");

                    Darien.run(
                                    "train",
                                    Darien.DATA,
                                    named ? List.of() : List.of("--out", out),
                                    Darien.SMALL.stream()
                                            .filter(word -> !refusal.options().contains(word))
                                            .filter(word -> !Darien.SMALL.contains(word)
                                                    || word.startsWith("--")
                                                    || !refusal.options()
                                                            .contains(Darien.SMALL.get(Darien.SMALL.indexOf(word) - 1)))
                                            .toList(),
                                    refusal.options())
                            .refused(refusal.reason());

                    assertThat(out).doesNotExist();
                    assertThat(file).hasContent("");
                }));
    }

    private record Refusal(String name, String reason, List<Object> options) {}

    private static Refusal refusal(String name, String reason, Object... options) {
        return new Refusal(name, reason, List.of(options));
    }

    @Test
    void dataThatIsntThereIsRefused() throws IOException {
        Path out = folder.resolve("out");
        Path good = folder.resolve("good.safetensors");
        Files.write(
                good,
                safetensors(
                        "{\"activations\":{\"dtype\":\"F32\",\"shape\":[1024,4],\"data_offsets\":[0,16384]}}", 16384));

        Darien.train(folder.resolve("nowhere.safetensors").toString(), out).refused("nowhere", "doesn't exist");
        Darien.train(good.toString(), out, "--tensor", "nope").refused("no tensor 'nope'", "activations F32 [1024, 4]");
        Darien.train("synthetic:d=0", out).refused("d=0");
        Darien.train("synthetic:q=3", out).refused("'q=3'");
        Darien.run("train", "--out", out).refused("DATA");
        Darien.run("train", good).refused("--out");

        assertThat(out).doesNotExist();
    }

    @Test
    void anSaeThatDoesntFitIsRefusedWithBothWidths() {
        Path sae = folder.resolve("sae");
        Darien.train(Darien.DATA, sae, "--k", 4).json();

        for (String command : List.of("evaluate", "encode")) {
            Darien.run(
                            command,
                            sae,
                            "synthetic:d=24,rows=64",
                            command.equals("encode") ? List.of("--out", folder.resolve("codes")) : List.of())
                    .refused("width 16", "width 24", sae.toString());
        }
        assertThat(folder.resolve("codes")).doesNotExist();
    }

    @Test
    void whatIsNoSaeIsRefused() throws IOException {
        Path sae = folder.resolve("sae");
        Darien.run("evaluate", folder.resolve("nowhere"), Darien.DATA).refused("nowhere", "doesn't exist");
        Files.createDirectories(sae);
        Darien.run("evaluate", sae, Darien.DATA).refused("cfg.json");
        Darien.run("inspect", sae).refused("holds no SAE");
        for (String configuration : List.of("null", "[]", "{\"architecture\":\"topk\"}", "{", "\u00ff\u00fe")) {
            Files.write(sae.resolve("cfg.json"), configuration.getBytes(StandardCharsets.ISO_8859_1));
            Darien.run("evaluate", sae, Darien.DATA).refused("cfg.json");
        }
        Files.writeString(sae.resolve("cfg.json"), "{\"architecture\":\"standard\"}");
        Darien.run("evaluate", sae, Darien.DATA).refused("sae_weights.safetensors", "doesn't exist");
        Darien.run("inspect", folder.resolve("nowhere")).refused("nowhere", "doesn't exist");
    }

    private static byte[] safetensors(String header, int dataBytes) {
        byte[] text = header.getBytes(StandardCharsets.UTF_8);
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        bytes.writeBytes(ByteBuffer.allocate(8)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(text.length)
                .array());
        bytes.writeBytes(text);
        bytes.writeBytes(new byte[dataBytes]);
        return bytes.toByteArray();
    }
}
