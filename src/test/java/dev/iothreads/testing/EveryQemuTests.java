package dev.iothreads.testing;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.ClassTemplate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestTemplate;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.platform.testkit.engine.EngineExecutionResults;
import org.junit.platform.testkit.engine.EngineTestKit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

class EveryQemuTests {

	private static final QemuBinary OLD = new QemuBinary(Path.of("old"), "7.2.22");

	private static final QemuBinary NEW = new QemuBinary(Path.of("new"), "11.1.3");

	@Test
	void aMethodRunsOnceWithEachBinaryAndIsNamedAfterIt() {
		EngineExecutionResults results = run(MethodWithTwo.class);
		assertThat(results.testEvents().succeeded().map((event) -> event.getTestDescriptor().getDisplayName()))
			.containsExactly("QEMU 7.2.22", "QEMU 11.1.3");
	}

	@Test
	void aClassRunsOnceWithEachBinary() {
		EngineExecutionResults results = run(ClassWithTwo.class);
		assertThat(results.testEvents().succeeded().count()).isEqualTo(2);
		assertThat(results.containerEvents().started().map((event) -> event.getTestDescriptor().getDisplayName()))
			.contains("QEMU 7.2.22", "QEMU 11.1.3");
	}

	@Test
	void withoutAnyQemuOneTestIsSkippedAndSaysWhatToInstall() {
		EngineExecutionResults results = run(MethodWithNone.class);
		assertThat(results.testEvents().aborted().map((event) -> event.getPayload().orElseThrow().toString()))
			.singleElement()
			.asString()
			.contains("no QEMU found: apt-get install qemu-system-x86 (or name binaries in QEMU_BINARIES)");
		assertThat(results.allEvents().failed().count()).isZero();
	}

	@Test
	void withoutAnyQemuAClassIsSkippedThoughItsConstructorWantsOne() {
		EngineExecutionResults results = run(ClassWithNone.class);
		assertThat(results.testEvents().aborted().count()).isEqualTo(1);
		assertThat(results.allEvents().failed().count()).isZero();
	}

	@Test
	void withoutAnyQemuTheTestFailsInContinuousIntegration() {
		EngineExecutionResults results = run(MethodWithNoneInContinuousIntegration.class);
		assertThat(results.testEvents().failed().map((event) -> event.getPayload().orElseThrow().toString()))
			.singleElement()
			.asString()
			.contains("no QEMU found: apt-get install qemu-system-x86");
	}

	@Test
	void theAnnotationBringsTheBinariesOfThisMachine() {
		assertThat(EveryQemu.class.getAnnotation(ExtendWith.class).value()).containsExactly(QemuInvocations.class);
		assertThat(new QemuInvocations().binaries()).isEqualTo(QemuBinary.all());
	}

	private static EngineExecutionResults run(Class<?> testClass) {
		return EngineTestKit.engine("junit-jupiter").selectors(selectClass(testClass)).execute();
	}

	static class MethodWithTwo {

		private QemuBinary beforeEach = new QemuBinary(Path.of("none"), "0.0.0");

		@BeforeEach
		void remember(QemuBinary binary) {
			this.beforeEach = binary;
		}

		@TestTemplate
		@ExtendWith(Two.class)
		void getsTheBinary(QemuBinary binary) {
			assertThat(binary).isIn(OLD, NEW).isEqualTo(this.beforeEach);
		}

	}

	@ClassTemplate
	@ExtendWith(Two.class)
	static class ClassWithTwo {

		private final QemuBinary binary;

		ClassWithTwo(QemuBinary binary) {
			this.binary = binary;
		}

		@Test
		void getsTheBinary() {
			assertThat(this.binary).isIn(OLD, NEW);
		}

	}

	static class MethodWithNone {

		@TestTemplate
		@ExtendWith(None.class)
		void getsTheBinary(QemuBinary binary) {
		}

	}

	@ClassTemplate
	@ExtendWith(None.class)
	static class ClassWithNone extends ClassWithTwo {

		ClassWithNone(QemuBinary binary) {
			super(binary);
		}

	}

	static class MethodWithNoneInContinuousIntegration {

		@TestTemplate
		@ExtendWith(NoneInContinuousIntegration.class)
		void getsTheBinary(QemuBinary binary) {
		}

	}

	static class Given extends QemuInvocations {

		private final List<QemuBinary> binaries;

		Given(Map<String, String> variables, QemuBinary... binaries) {
			super(new Environment(variables));
			this.binaries = List.of(binaries);
		}

		@Override
		List<QemuBinary> binaries() {
			return this.binaries;
		}

		@Override
		public boolean supportsTestTemplate(ExtensionContext context) {
			return true;
		}

		@Override
		public boolean supportsClassTemplate(ExtensionContext context) {
			return true;
		}

	}

	static class Two extends Given {

		Two() {
			super(Map.of(), OLD, NEW);
		}

	}

	static class None extends Given {

		None() {
			super(Map.of());
		}

	}

	static class NoneInContinuousIntegration extends Given {

		NoneInContinuousIntegration() {
			super(Map.of("CI", "true"));
		}

	}

}
