package dev.iothreads.testing;

import java.util.List;
import java.util.stream.Stream;

import org.junit.jupiter.api.extension.ClassTemplateInvocationContext;
import org.junit.jupiter.api.extension.ClassTemplateInvocationContextProvider;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.Extension;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;
import org.junit.jupiter.api.extension.TestInstanceFactoryContext;
import org.junit.jupiter.api.extension.TestInstancePreConstructCallback;
import org.junit.jupiter.api.extension.TestTemplateInvocationContext;
import org.junit.jupiter.api.extension.TestTemplateInvocationContextProvider;
import org.junit.platform.commons.support.AnnotationSupport;
import org.opentest4j.TestAbortedException;

/**
 * One invocation for each QEMU. JUnit wants at least one, and a container that is skipped
 * is not counted: without any QEMU there is one invocation that skips itself, or fails.
 */
class QemuInvocations implements TestTemplateInvocationContextProvider, ClassTemplateInvocationContextProvider {

	static final String MISSING = "no QEMU found: apt-get install qemu-system-x86 (or name binaries in QEMU_BINARIES)";

	private final Environment environment;

	QemuInvocations() {
		this(Environment.ofThisProcess());
	}

	QemuInvocations(Environment environment) {
		this.environment = environment;
	}

	@Override
	public boolean supportsTestTemplate(ExtensionContext context) {
		return AnnotationSupport.isAnnotated(context.getTestMethod(), EveryQemu.class);
	}

	@Override
	public Stream<TestTemplateInvocationContext> provideTestTemplateInvocationContexts(ExtensionContext context) {
		return invocations().map(TestTemplateInvocationContext.class::cast);
	}

	@Override
	public boolean supportsClassTemplate(ExtensionContext context) {
		return AnnotationSupport.isAnnotated(context.getTestClass(), EveryQemu.class);
	}

	@Override
	public Stream<ClassTemplateInvocationContext> provideClassTemplateInvocationContexts(ExtensionContext context) {
		return invocations().map(ClassTemplateInvocationContext.class::cast);
	}

	private Stream<Invocation> invocations() {
		List<QemuBinary> binaries = binaries();
		if (binaries.isEmpty()) {
			return Stream.of(new Invocation("no QEMU", new NoQemu(this.environment)));
		}
		return binaries.stream().map((binary) -> new Invocation(binary.toString(), new Parameter(binary)));
	}

	List<QemuBinary> binaries() {
		return QemuBinary.all();
	}

	private record Invocation(String displayName,
			Extension extension) implements TestTemplateInvocationContext, ClassTemplateInvocationContext {

		@Override
		public String getDisplayName(int invocationIndex) {
			return this.displayName;
		}

		@Override
		public List<Extension> getAdditionalExtensions() {
			return List.of(this.extension);
		}

		@Override
		public void prepareInvocation(ExtensionContext context) {
			// Both interfaces have a default that does nothing.
		}

	}

	private record Parameter(QemuBinary binary) implements ParameterResolver {

		@Override
		public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
			return parameter.getParameter().getType() == QemuBinary.class;
		}

		@Override
		public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
			return this.binary;
		}

	}

	// A condition is asked when there is an instance already, and a constructor may want
	// the binary.
	private record NoQemu(Environment environment) implements ExecutionCondition, TestInstancePreConstructCallback {

		@Override
		public void preConstructTestInstance(TestInstanceFactoryContext factory, ExtensionContext context) {
			Needs.failWhereNothingMayBeMissing(MISSING, this.environment);
			throw new TestAbortedException(MISSING);
		}

		@Override
		public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
			Needs.failWhereNothingMayBeMissing(MISSING, this.environment);
			return ConditionEvaluationResult.disabled(MISSING);
		}

	}

}
