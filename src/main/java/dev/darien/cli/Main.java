// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.HelpCommand;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** The {@code darien} program. */
@Command(
        name = "darien",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        subcommands = HelpCommand.class,
        synopsisSubcommandLabel = "COMMAND",
        description = "Trains, runs and evaluates sparse autoencoders on the JVM.",
        footer = {
            "",
            "Start with @|bold darien demo|@, which needs no data. Each command explains itself with --help.",
            "Exit status: 0 done, 1 failed, 2 wrong usage or bad input, 3 device not available, 130 interrupted."
        })
public final class Main implements Callable<Integer> {
    private final Console console;

    @Spec
    private CommandSpec specification = CommandSpec.create();

    private Main(Console console) {
        this.console = console;
    }

    /** Runs one command and ends the JVM with its exit status. */
    public static void main(String[] args) {
        VectorModule.load();
        if (System.getProperty("java.util.logging.SimpleFormatter.format") == null) {
            // The library's warnings in the same form as our own notices.
            System.setProperty("java.util.logging.SimpleFormatter.format", "darien: %5$s%n");
        }
        if (System.getProperty("slf4j.internal.verbosity") == null) {
            // DJL's tokenizers bring SLF4J, which would complain that nobody logs with it.
            System.setProperty("slf4j.internal.verbosity", "ERROR");
        }
        Interruption interruption = Interruption.ofThisProcess();
        interruption.exit(run(Console.system(), interruption, args));
    }

    /** Runs one command and returns its exit status. */
    static int run(Console console, Interruption interruption, String... args) {
        try {
            return commandLine(console, interruption).execute(args);
        } catch (RuntimeException | Error e) {
            return Failures.report(console, e);
        }
    }

    private static CommandLine commandLine(Console console, Interruption interruption) {
        return new CommandLine(new Main(console))
                .addSubcommand("demo", new DemoCommand(console, interruption))
                .addSubcommand("devices", new DevicesCommand(console))
                .addSubcommand("train", new TrainCommand(console, interruption))
                .addSubcommand("evaluate", new EvaluateCommand(console))
                .addSubcommand("encode", new EncodeCommand(console, interruption))
                .addSubcommand("decode", new DecodeCommand(console, interruption))
                .addSubcommand("collect", new CollectCommand(console, interruption))
                .addSubcommand("convert", new ConvertCommand(console, interruption))
                .addSubcommand("report", new ReportCommand(console))
                .addSubcommand("compare", new CompareCommand(console))
                .addSubcommand("probe", new ProbeCommand(console))
                .addSubcommand("scr", new ScrCommand(console))
                .addSubcommand("steer", new SteerCommand(console))
                .addSubcommand("inspect", new InspectCommand(console))
                .addSubcommand("prune", new PruneCommand(console))
                .addSubcommand("reproduce", new ReproduceCommand(console))
                .addSubcommand("bench", new BenchCommand(console))
                .setOut(console.out())
                .setErr(console.err())
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setUsageHelpWidth(100)
                .setUsageHelpLongOptionsMaxWidth(32)
                .setParameterExceptionHandler((failure, args) -> Failures.reportUsage(console, failure))
                .setExecutionExceptionHandler((failure, command, parsed) -> Failures.report(console, failure));
    }

    @Override
    public Integer call() {
        specification.commandLine().usage(console.err());
        return Failures.USAGE;
    }
}
