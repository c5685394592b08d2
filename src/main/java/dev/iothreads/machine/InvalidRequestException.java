package dev.iothreads.machine;

import java.util.List;
import java.util.stream.Collectors;

/**
 * A change was asked for in a way that cannot be carried out on any machine, or not on
 * this one. Nothing was changed.
 */
public final class InvalidRequestException extends MachineException {

	private final List<Violation> violations;

	/**
	 * Creates it.
	 * @param violations all that is wrong with the request, at least one
	 */
	public InvalidRequestException(List<Violation> violations) {
		super(violations.stream()
			.map((violation) -> violation.field().isEmpty() ? violation.message()
					: violation.field() + ": " + violation.message())
			.collect(Collectors.joining(" ")));
		this.violations = List.copyOf(violations);
	}

	/**
	 * Creates it for one field.
	 * @param field the field, empty for the request as a whole
	 * @param message what is wrong with it and what to do, a sentence
	 */
	public InvalidRequestException(String field, String message) {
		this(List.of(new Violation(field, message)));
	}

	/**
	 * Says what is wrong.
	 * @return all that is wrong, at least one
	 */
	public List<Violation> violations() {
		return this.violations;
	}

	/**
	 * One thing that is wrong.
	 *
	 * @param field the field, empty for the request as a whole
	 * @param message what is wrong with it and what to do, a sentence
	 */
	public record Violation(String field, String message) {

	}

}
