package dev.iothreads.web;

import java.util.List;
import java.util.function.Predicate;
import java.util.stream.Stream;

import dev.iothreads.web.api.Paths;
import dev.iothreads.web.problem.Problem;
import io.swagger.v3.oas.models.Operation;
import io.swagger.v3.oas.models.PathItem.HttpMethod;

/**
 * Which problems an operation can answer with, told by its method and path. That there is
 * nothing at an address, or that a method is not possible there, is no operation's.
 */
final class ApiDocumentationProblems {

	private static final String IOTHREAD = Paths.IOTHREADS + "/{id}";

	private static final List<Possible> ALL = List.of(
			// What can befall every request
			new Possible(Problem.INVALID_REQUEST, 400, (endpoint) -> true),
			new Possible(Problem.INVALID_REQUEST, 417, (endpoint) -> true),
			new Possible(Problem.INVALID_REQUEST, 501, (endpoint) -> true),
			new Possible(Problem.INVALID_REQUEST, 505, (endpoint) -> true),
			new Possible(Problem.UNAUTHORIZED, (endpoint) -> true), new Possible(Problem.FORBIDDEN, (endpoint) -> true),
			new Possible(Problem.MISDIRECTED, (endpoint) -> true),
			new Possible(Problem.CREDENTIALS_UNCHECKED, (endpoint) -> true),
			new Possible(Problem.TOO_MANY_PASSWORDS, (endpoint) -> true),
			new Possible(Problem.NOT_ACCEPTABLE, Endpoint::hasContent),
			new Possible(Problem.INTERNAL_ERROR, (endpoint) -> true),
			// What is named may not be there
			new Possible(Problem.MACHINE_NOT_FOUND, (endpoint) -> endpoint.names("machine")),
			new Possible(Problem.IOTHREAD_NOT_FOUND,
					(endpoint) -> endpoint.names("id") || endpoint.is(HttpMethod.POST, Paths.DEVICES)),
			new Possible(Problem.DEVICE_NOT_FOUND, (endpoint) -> endpoint.names("device")),
			// The machine is asked
			new Possible(Problem.MACHINE_UNAVAILABLE, Endpoint::asksMachine),
			new Possible(Problem.MACHINE_TIMEOUT, Endpoint::asksMachine),
			new Possible(Problem.QEMU_ERROR, Endpoint::asksMachine),
			// Too many ask
			new Possible(Problem.TOO_BUSY, Endpoint::isOfAllMachines),
			new Possible(Problem.TOO_MANY_READERS, (endpoint) -> endpoint.is(HttpMethod.GET, Paths.EVENTS)),
			// It is changed
			new Possible(Problem.CROSS_SITE, Endpoint::changes), new Possible(Problem.READ_ONLY, Endpoint::changes),
			new Possible(Problem.MANAGED_BY_LIBVIRT, Endpoint::changes),
			new Possible(Problem.TOO_MANY_CHANGES, Endpoint::changes),
			new Possible(Problem.REQUEST_TOO_LARGE, Endpoint::changes),
			new Possible(Problem.UNSUPPORTED_MEDIA_TYPE, Endpoint::changes),
			new Possible(Problem.INVALID_REQUEST, 408, Endpoint::changes),
			new Possible(Problem.INVALID_REQUEST, (endpoint) -> endpoint.hasBody() || endpoint.detaches()),
			new Possible(Problem.NOT_SUPPORTED, Endpoint::hasBody),
			new Possible(Problem.IOTHREAD_EXISTS, (endpoint) -> endpoint.is(HttpMethod.POST, Paths.IOTHREADS)),
			new Possible(Problem.IOTHREAD_IN_USE, (endpoint) -> endpoint.is(HttpMethod.DELETE, IOTHREAD)),
			new Possible(Problem.PRECONDITION_FAILED,
					(endpoint) -> endpoint.is(HttpMethod.PATCH, IOTHREAD) || endpoint.is(HttpMethod.DELETE, IOTHREAD)),
			new Possible(Problem.DEVICE_EXISTS, Endpoint::attaches),
			new Possible(Problem.NODE_IN_USE, Endpoint::attaches),
			new Possible(Problem.DEVICE_DETACHING, Endpoint::attaches),
			new Possible(Problem.UNPLUG_REFUSED, Endpoint::detaches));

	private ApiDocumentationProblems() {
	}

	/**
	 * Lists the statuses that a problem is answered with, somewhere.
	 * @param problem its kind
	 * @return the statuses, in their order
	 */
	static List<Integer> statuses(Problem problem) {
		return Stream
			.concat(Stream.of(problem.status().value()),
					ALL.stream().filter((possible) -> possible.problem() == problem).map(Possible::status))
			.distinct()
			.sorted()
			.toList();
	}

	static List<Possible> of(Endpoint endpoint) {
		return ALL.stream().filter((possible) -> possible.where().test(endpoint)).toList();
	}

	/**
	 * A problem that some operations can answer with.
	 *
	 * @param problem the kind
	 * @param status its status there
	 * @param where which operations
	 */
	record Possible(Problem problem, int status, Predicate<Endpoint> where) {

		Possible(Problem problem, Predicate<Endpoint> where) {
			this(problem, problem.status().value(), where);
		}

	}

	/**
	 * An operation and its place.
	 *
	 * @param method the method
	 * @param path the path, with its variables in braces
	 * @param operation what is documented of it
	 */
	record Endpoint(HttpMethod method, String path, Operation operation) {

		boolean is(HttpMethod otherMethod, String otherPath) {
			return this.method == otherMethod && this.path.equals(otherPath);
		}

		boolean names(String parameter) {
			return this.operation.getParameters() != null && this.operation.getParameters()
				.stream()
				.anyMatch((candidate) -> parameter.equals(candidate.getName()));
		}

		boolean isOfAllMachines() {
			return this.method == HttpMethod.GET && ApiDocumentationAnswers.OF_ALL.contains(this.path)
					|| is(HttpMethod.GET, Paths.MACHINES);
		}

		boolean asksMachine() {
			return this.path.startsWith(Paths.MACHINE + "/");
		}

		boolean changes() {
			return this.method != HttpMethod.GET;
		}

		boolean attaches() {
			return this.method == HttpMethod.POST && this.path.endsWith("/devices");
		}

		boolean detaches() {
			return this.method == HttpMethod.DELETE && names("device");
		}

		boolean hasBody() {
			return this.operation.getRequestBody() != null;
		}

		boolean hasContent() {
			return this.operation.getResponses().values().stream().anyMatch((answer) -> answer.getContent() != null);
		}

	}

}
