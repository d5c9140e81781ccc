// SPDX-License-Identifier: Apache-2.0
package dev.darien;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideOutsideOfPackages;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.codeUnits;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaCodeUnit;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ArchRule;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** What may use what. Reads only the compiled main classes: importing the class path would take most of a minute. */
class ArchitectureTest {
    /** Lowest first: a class may use its own package and those before it. Not all of them need exist yet. */
    private static final List<String> LAYERS = List.of(
            "dev.darien.bindings",
            "dev.darien.bindings.cuda",
            "dev.darien.bindings.cublas",
            "dev.darien.bindings.nvrtc",
            "dev.darien.memory",
            "dev.darien.device",
            "dev.darien.device.cpu",
            "dev.darien.device.cuda",
            "dev.darien.data",
            "dev.darien.sae",
            "dev.darien.train",
            "dev.darien.ensemble",
            "dev.darien.prune",
            "dev.darien.eval",
            "dev.darien.interop",
            "dev.darien.model",
            "dev.darien.report",
            "dev.darien.reproduce",
            "dev.darien.cli");

    private static final String CPU = "dev.darien.device.cpu";
    private static final String CUDA = "dev.darien.device.cuda";
    private static final String BINDINGS = "dev.darien.bindings";
    /** Not of BINDINGS itself, which is written by hand. */
    private static final String GENERATED = "dev.darien.bindings.*..";

    private static final String CLI = "dev.darien.cli";

    private static JavaClasses main;

    @BeforeAll
    static void importMainClasses() {
        main = new ClassFileImporter().importPath(Path.of("target", "classes"));
    }

    @Test
    void thereAreClassesToCheckAndEachIsInAKnownPackage() {
        assertThat(main).as("main classes in target/classes").isNotEmpty();
        check(classes()
                .should()
                .resideInAnyPackage(LAYERS.toArray(String[]::new))
                .orShould()
                .resideInAPackage(CUDA + ".."));
    }

    /** Darien downloads nothing and tells nobody anything. */
    @Test
    void nothingUsesTheNetwork() {
        check(noClasses()
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("java.net..", "javax.net..", "java.rmi..", "com.sun.net..")
                .orShould()
                .dependOnClassesThat()
                .haveNameMatching("java\\.nio\\.channels\\..*(Socket|Datagram).*"));
    }

    @TestFactory
    Stream<DynamicTest> noPackageUsesOneAboveIt() {
        return LAYERS.stream()
                .map(layer -> DynamicTest.dynamicTest(layer, () -> {
                    String[] above = LAYERS.subList(LAYERS.indexOf(layer) + 1, LAYERS.size())
                            .toArray(String[]::new);
                    check(noClasses()
                            .that()
                            .resideInAPackage(layer)
                            .should()
                            .dependOnClassesThat(resideInAnyPackage(above)));
                }));
    }

    @Test
    void kernelsAreReachedOnlyThroughTheServiceLoader() {
        check(noClasses().that().resideOutsideOfPackage(CPU).should().dependOnClassesThat(resideInAPackage(CPU)));
        check(noClasses().that().resideOutsideOfPackage(CUDA).should().dependOnClassesThat(resideInAPackage(CUDA)));
    }

    @Test
    void theVectorApiStaysInTheCpuKernels() {
        check(noClasses()
                .that()
                .resideOutsideOfPackage(CPU)
                .should()
                .dependOnClassesThat(resideInAPackage("jdk.incubator.vector..")));
    }

    @Test
    void nativeCallsStayInTheCudaDeviceAndTheBindings() {
        check(noClasses()
                .that()
                .resideOutsideOfPackages(CUDA + "..", BINDINGS + "..")
                .should()
                .dependOnClassesThat()
                .haveFullyQualifiedName("java.lang.foreign.Linker"));
    }

    @Test
    void onlyTheCudaDeviceUsesTheGeneratedBindings() {
        check(noClasses()
                .that()
                .resideOutsideOfPackages(CUDA + "..", GENERATED)
                .should()
                .dependOnClassesThat(resideInAPackage(GENERATED)));
    }

    @Test
    void nobodyUsesUnsupportedInternals() {
        check(noClasses().should().dependOnClassesThat(resideInAnyPackage("sun..", "jdk.internal..")));
    }

    @Test
    void onlyTheCommandLinePrints() {
        // The generated classes can trace their calls; that is off unless a property of jextract's own is set.
        check(noClasses()
                .that(resideOutsideOfPackages(CLI, GENERATED))
                .should()
                .accessField(System.class, "out")
                .orShould()
                .accessField(System.class, "err"));
    }

    @Test
    void onlyTheCommandLineUsesPicocli() {
        check(noClasses()
                .that()
                .resideOutsideOfPackage(CLI)
                .should()
                .dependOnClassesThat(resideInAPackage("picocli..")));
    }

    @Test
    void onlyTheModelPackageUsesOnnxRuntimeAndTokenizers() {
        check(noClasses()
                .that()
                .resideOutsideOfPackage("dev.darien.model")
                .should()
                .dependOnClassesThat(resideInAnyPackage("ai..")));
    }

    @Test
    void thePublicApiShowsNoTypeOfAnotherLibrary() {
        check(codeUnits()
                .that(arePublicOrProtected())
                .and()
                .areDeclaredInClassesThat()
                .arePublic()
                .and()
                .areDeclaredInClassesThat()
                .resideOutsideOfPackages(CPU, CUDA + "..", CLI)
                .should(onlyMentionTypesOf("java.", "dev.darien.")));
    }

    private static DescribedPredicate<JavaCodeUnit> arePublicOrProtected() {
        return DescribedPredicate.describe(
                "are public or protected",
                unit -> unit.getModifiers().contains(JavaModifier.PUBLIC)
                        || unit.getModifiers().contains(JavaModifier.PROTECTED));
    }

    private static ArchCondition<JavaCodeUnit> onlyMentionTypesOf(String... prefixes) {
        return ArchCondition.from(DescribedPredicate.describe(
                "only mention types of " + String.join(", ", prefixes) + " in its signature",
                unit -> Stream.concat(unit.getAllInvolvedRawTypes().stream(), unit.getExceptionTypes().stream())
                        .map(type -> type.getBaseComponentType())
                        .allMatch(type ->
                                type.isPrimitive() || Stream.of(prefixes).anyMatch(type.getName()::startsWith))));
    }

    private static void check(ArchRule rule) {
        // A rule about a package that does not exist yet holds; thereAreClassesToCheck… guards against an empty import.
        rule.allowEmptyShould(true).check(main);
    }
}
