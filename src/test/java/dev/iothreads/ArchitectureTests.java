package dev.iothreads;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.domain.JavaPackage;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import dev.iothreads.qmp.QmpCommand;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.platform.commons.annotation.Testable;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.methods;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

/**
 * The rooms of the house and the arrows between them. What is new needs a line here
 * first.
 */
class ArchitectureTests {

	private static final String ROOT = "dev.iothreads";

	/**
	 * Which rooms a room may name, besides itself. The root may name all and none names
	 * the root.
	 */
	private static final Map<String, Set<String>> ARROWS = Map.ofEntries(Map.entry("machine", Set.of()),
			Map.entry("history", Set.of("machine")), Map.entry("inventory", Set.of("history", "machine")),
			Map.entry("qmp", Set.of()), Map.entry("qemu", Set.of("machine", "qmp")),
			Map.entry("host", Set.of("machine")), Map.entry("embedded", Set.of("machine")),
			Map.entry("discovery", Set.of("inventory", "machine", "qemu", "qmp")),
			Map.entry("web.problem", Set.of("machine")), Map.entry("advice", Set.of("history", "machine")),
			Map.entry("web.api", Set.of("advice", "history", "inventory", "machine", "web.problem")),
			Map.entry("web.events", Set.of("inventory", "security", "web.api", "web.problem")),
			Map.entry("web.page", Set.of()), Map.entry("web.openapi", Set.of("machine", "web.api", "web.problem")),
			Map.entry("web", Set.of("inventory", "machine", "web.api", "web.problem")),
			Map.entry("metrics", Set.of("history", "inventory", "machine")), Map.entry("security", Set.of()),
			Map.entry("libvirt.rpc", Set.of()),
			Map.entry("libvirt", Set.of("machine", "inventory", "qmp", "qemu", "libvirt.rpc")));

	private static final JavaClasses PRODUCT = new ClassFileImporter()
		.withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
		.importPackages(ROOT);

	private static final JavaClasses PRODUCT_AND_TESTS = new ClassFileImporter().importPackages(ROOT);

	@ParameterizedTest
	@MethodSource("rooms")
	void aRoomNamesOnlyTheRoomsItMay(String room) {
		DescribedPredicate<JavaClass> mayBeNamed = resideInAPackage(in(room))
			.or(resideInAnyPackage(
					ARROWS.getOrDefault(room, Set.of()).stream().map(ArchitectureTests::in).toArray(String[]::new)))
			.or(DescribedPredicate.not(resideInAPackage(ROOT + "..")))
			.as("are in %s, in one of %s or in a library", room, ARROWS.get(room));
		classes().that()
			.resideInAPackage(in(room))
			.should()
			.onlyDependOnClassesThat(mayBeNamed)
			.allowEmptyShould(true)
			.check(PRODUCT);
	}

	@Test
	void theDomainNamesOnlyTheJdk() {
		classes().that()
			.resideInAPackage(in("machine"))
			.should()
			.onlyDependOnClassesThat()
			.resideInAnyPackage(in("machine"), "java..", "org.jspecify..")
			.allowEmptyShould(true)
			.check(PRODUCT);
	}

	@Test
	void theQmpClientNamesOnlyTheJdkAndJackson() {
		classes().that()
			.resideInAPackage(in("qmp"))
			.should()
			.onlyDependOnClassesThat()
			.resideInAnyPackage(in("qmp"), "java..", "jdk.net..", "tools.jackson..",
					"com.fasterxml.jackson.annotation..", "org.slf4j..", "org.jspecify..")
			.check(PRODUCT);
	}

	@Test
	void theClientOfLibvirtsRpcNamesOnlyTheJdk() {
		classes().that()
			.resideInAPackage(in("libvirt.rpc"))
			.should()
			.onlyDependOnClassesThat()
			.resideInAnyPackage(in("libvirt.rpc"), "java..", "org.jspecify..")
			.check(PRODUCT);
	}

	@Test
	void aQemuIsAskedNothingThatIsNotInTheListOfCommands() {
		noClasses().that()
			.resideOutsideOfPackage(in("qmp"))
			.and()
			.doNotHaveFullyQualifiedName(ROOT + ".qemu.Command")
			.should()
			.callMethod(QmpCommand.class, "of", String.class)
			.orShould()
			.callMethod(QmpCommand.class, "of", String.class, Map.class)
			.orShould()
			.callConstructor(QmpCommand.class, String.class, Map.class)
			.check(PRODUCT);
	}

	@Test
	void everyClassLivesInTheRootOrInAKnownRoom() {
		classes().should()
			.resideInAnyPackage(
					Stream.concat(Stream.of(ROOT), rooms().map(ArchitectureTests::in)).toArray(String[]::new))
			.check(PRODUCT);
	}

	@Test
	void noPackagesNameEachOther() {
		slices().matching(ROOT + ".(**)").should().beFreeOfCycles().check(PRODUCT);
	}

	@Test
	void everyPackageIsNullMarked() {
		List<String> unmarked = PRODUCT_AND_TESTS.stream()
			.map(JavaClass::getPackage)
			.distinct()
			.filter((javaPackage) -> !javaPackage.isAnnotatedWith(NullMarked.class))
			.map(JavaPackage::getName)
			.toList();
		assertThat(unmarked).as("packages without @NullMarked in their package-info.java").isEmpty();
	}

	@Test
	void noNameHidesWhatAClassIsFor() {
		noClasses().should()
			.haveNameMatching(".*[.$](Abstract\\w*|\\w*(Impl|Manager|Helper|Utils?))|.*\\.utils?\\..*")
			.check(PRODUCT_AND_TESTS);
	}

	@Test
	void everyTestHasANameThatTheBuildLooksFor() {
		methods().that()
			.areMetaAnnotatedWith(Testable.class)
			.and()
			.areDeclaredInClassesThat(topLevelClassesThatCanBeMade())
			.should()
			.beDeclaredInClassesThat()
			.haveSimpleNameEndingWith("Tests")
			.check(PRODUCT_AND_TESTS);
	}

	@Test
	void theClassFilesOfThisJdkCanBeRead() {
		assertThat(new ClassFileImporter().importClass(Object.class).getMethods()).isNotEmpty();
	}

	private static DescribedPredicate<JavaClass> topLevelClassesThatCanBeMade() {
		return DescribedPredicate.describe("are top level classes that can be made",
				(javaClass) -> javaClass.isTopLevelClass()
						&& !javaClass.getModifiers().contains(JavaModifier.ABSTRACT));
	}

	private static Stream<String> rooms() {
		return ARROWS.keySet().stream().sorted();
	}

	private static String in(String room) {
		// Each package of web has arrows of its own.
		return ROOT + "." + room + (room.equals("web") ? "" : "..");
	}

}
