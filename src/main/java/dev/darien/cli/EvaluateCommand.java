// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import dev.darien.data.ActivationSource;
import dev.darien.data.SyntheticSource;
import dev.darien.device.Device;
import dev.darien.eval.DecoderShares;
import dev.darien.eval.Evaluator;
import dev.darien.eval.Recovery;
import dev.darien.model.DownstreamEvaluation;
import dev.darien.model.DownstreamEvaluator;
import dev.darien.model.OnnxModel;
import dev.darien.model.SaeSplice;
import dev.darien.sae.Autoencoder;
import dev.darien.sae.Mapping;
import dev.darien.sae.RowNormalization;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code darien evaluate}. */
@Command(
        name = "evaluate",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        description = {
            "Says how well a sparse autoencoder reconstructs activations, and with how many latents.",
            "",
            "The numbers are those of its own inference rule; other rules that it has follow under modes.",
            "An SAE of gradient-topk, on data that has gradients, is measured with them too (modes.gradient).",
            "For synthetic data, whose directions are known, also how many of them the SAE has found.",
            "With --suffix or --model also what becomes of the model when the reconstruction takes the activations' place:"
                    + " cross-entropy, loss recovered and KL, or how far its embeddings move.",
            ""
        })
final class EvaluateCommand implements Callable<Integer> {
    private final Console console;

    @Parameters(
            index = "0",
            paramLabel = "SAE",
            description = "Folder or file of the SAE, of any format, or folder of an ensemble.")
    private Path sae = Path.of("");

    @Parameters(
            index = "1..*",
            arity = "0..*",
            paramLabel = "DATA",
            description = "Activations: .safetensors or .npy files, folders of them, or synthetic:KEY=VALUE,…")
    private List<String> data = List.of();

    @Mixin
    private SaeArguments arguments = new SaeArguments();

    @Option(
            names = "--target",
            paramLabel = "NAME",
            description =
                    "Tensor that a transcoder decodes to (default: the one that it was trained to); NAME@FILE of another file.")
    private @Nullable String target;

    @Mixin
    private GradientArguments gradients = new GradientArguments();

    @Mixin
    private DownstreamArguments downstream = new DownstreamArguments();

    @Option(
            names = "--ablate",
            split = ",",
            paramLabel = "J",
            description = "Latents whose codes are set to 0 in the model, several with commas.")
    private Set<Integer> ablated = new TreeSet<>();

    @Option(
            names = "--error-term",
            description = "Add to the model's activations what the SAE doesn't capture, so that what --ablate removes"
                    + " shows alone.")
    private boolean errorTerm;

    @Option(names = "--json", description = "Print the result as one JSON object.")
    private boolean json;

    EvaluateCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        Map<String, Object> result = evaluate();
        if (json) {
            console.json(result);
        } else {
            console.print(Texts.table(result));
            RunRecord.object(result.get("tensors"))
                    .forEach((name, numbers) ->
                            console.print("of tensor '" + name + "'\n" + Texts.table(RunRecord.object(numbers))));
            RunRecord.object(result.get("modes"))
                    .forEach((name, numbers) ->
                            console.print("with --mode " + name + "\n" + Texts.table(RunRecord.object(numbers))));
        }
        return 0;
    }

    private Map<String, Object> evaluate() {
        downstream.check(data);
        if ((!ablated.isEmpty() || errorTerm) && !downstream.isGiven()) {
            throw new UsageException(
                    "--ablate and --error-term act within a model; name it with --suffix, or --model with --hook and --text");
        }
        try (Device device = arguments.device.open();
                Autoencoder loaded = arguments.input.load(sae, device, console)) {
            boolean byGradients = SaeModes.byGradients(loaded, sae) && hasGradients();
            Map<String, Autoencoder> modes = SaeModes.of(loaded, sae, arguments.mode, byGradients);
            if (downstream.isGiven()) {
                return evaluateDownstream(loaded, modes, byGradients);
            }
            try (ActivationSource source = arguments.inputsAndTarget(loaded, sae, data, target)) {
                Map<String, Object> result = evaluate(modes, source, byGradients, Map.of());
                if (loaded.mapping() instanceof Mapping.Crosscoder) {
                    DecoderShares.of(loaded).asMap().forEach((name, shares) -> {
                        Map<String, Object> tensors = RunRecord.object(result.get("tensors"));
                        Map<String, Object> tensor = RunRecord.object(tensors.get(name));
                        tensor.putAll(shares);
                        tensors.put(name, tensor);
                        result.put("tensors", tensors);
                    });
                }
                if (source instanceof SyntheticSource synthetic) {
                    result.putAll(Recovery.of(loaded, synthetic.groundTruth()).asMap());
                }
                return result;
            }
        }
    }

    /** Those that were asked for must be there: it is said when they are read. */
    private boolean hasGradients() {
        return SaeModes.GRADIENT.equals(arguments.mode) || gradients.areIn(data);
    }

    private Map<String, Object> evaluateDownstream(
            Autoencoder loaded, Map<String, Autoencoder> modes, boolean byGradients) {
        if (!(loaded.mapping() instanceof Mapping.Identity)) {
            throw new UsageException(
                    "what the " + loaded.mapping() + " in " + sae + " decodes can't take the place of the"
                            + " activations that it encodes; evaluate it without --suffix and --model");
        }
        try (OnnxModel model = downstream.open();
                DownstreamEvaluator evaluator = downstream.evaluator(
                        model,
                        data,
                        arguments.tensor,
                        byGradients ? gradients.tensor() : null,
                        arguments.device.resolvedThreads())) {
            SaeArguments.requireSameWidth(loaded, sae, evaluator.activations());
            if (!evaluator.crossing().isEmpty()) {
                console.notice("other tensors cross the cut and are carried along: "
                        + String.join(", ", evaluator.crossing()));
            }
            return evaluate(modes, evaluator.activations(), byGradients, evaluator.evaluate(modes, this::splice));
        }
    }

    private SaeSplice splice(Autoencoder mode) {
        if (ablated.isEmpty() && !errorTerm) {
            return SaeSplice.reconstruction(mode);
        }
        if (mode.normalization() != RowNormalization.NONE) {
            throw new UsageException("the SAE in " + sae + " normalises each activation vector ("
                    + mode.normalization().id()
                    + "), so that changed codes alone don't say how large it was; leave out --ablate and --error-term");
        }
        return UsageException.check(() -> SaeSplice.without(mode, ablated, errorTerm));
    }

    private Map<String, Object> evaluate(
            Map<String, Autoencoder> modes,
            ActivationSource source,
            boolean byGradients,
            Map<String, DownstreamEvaluation> spliced) {
        try (@Nullable ActivationSource slopes = byGradients ? gradients.open(data, source) : null) {
            return evaluate(modes, source, slopes, spliced);
        }
    }

    private static Map<String, Object> evaluate(
            Map<String, Autoencoder> modes,
            ActivationSource source,
            @Nullable ActivationSource slopes,
            Map<String, DownstreamEvaluation> spliced) {
        Map<String, Object> result = new LinkedHashMap<>();
        Map<String, Object> others = new LinkedHashMap<>();
        modes.forEach((name, mode) -> {
            Map<String, Object> numbers = Evaluator.evaluate(
                            mode, source, name.equals(SaeModes.GRADIENT) ? slopes : null)
                    .asMap();
            DownstreamEvaluation inModel = spliced.get(name);
            if (inModel != null) {
                numbers.putAll(inModel.asMap());
            }
            if (result.isEmpty()) {
                result.putAll(numbers);
                result.put("mode", name);
            } else {
                others.put(name, numbers);
            }
        });
        if (!others.isEmpty()) {
            result.put("modes", others);
        }
        return result;
    }
}
