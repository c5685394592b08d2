package dev.iothreads.web;

import java.net.URI;
import java.util.Locale;

import org.springframework.http.HttpStatus;
import org.springframework.http.ProblemDetail;

/**
 * The kinds of problem (RFC 9457) that the service answers with.
 */
enum Problem {

	MACHINE_NOT_FOUND(HttpStatus.NOT_FOUND, "No such machine"),

	IOTHREAD_NOT_FOUND(HttpStatus.NOT_FOUND, "No such IOThread"),

	DEVICE_NOT_FOUND(HttpStatus.NOT_FOUND, "No such device"),

	NOT_FOUND(HttpStatus.NOT_FOUND, "Nothing here"),

	METHOD_NOT_ALLOWED(HttpStatus.METHOD_NOT_ALLOWED, "Method not allowed"),

	NOT_ACCEPTABLE(HttpStatus.NOT_ACCEPTABLE, "No such representation"),

	UNSUPPORTED_MEDIA_TYPE(HttpStatus.UNSUPPORTED_MEDIA_TYPE, "Unsupported media type"),

	INVALID_REQUEST(HttpStatus.UNPROCESSABLE_CONTENT, "Invalid request"),

	MACHINE_UNAVAILABLE(HttpStatus.SERVICE_UNAVAILABLE, "Machine unavailable"),

	MACHINE_TIMEOUT(HttpStatus.GATEWAY_TIMEOUT, "Machine did not answer in time"),

	QEMU_ERROR(HttpStatus.BAD_GATEWAY, "QEMU refused"),

	INTERNAL_ERROR(HttpStatus.INTERNAL_SERVER_ERROR, "Internal error");

	private static final String PREFIX = "urn:iothreads:problem:";

	private final HttpStatus status;

	private final String title;

	Problem(HttpStatus status, String title) {
		this.status = status;
		this.title = title;
	}

	HttpStatus status() {
		return this.status;
	}

	URI type() {
		return URI.create(PREFIX + name().toLowerCase(Locale.ROOT).replace('_', '-'));
	}

	ProblemDetail detail(String detail) {
		return detail(this.status.value(), detail);
	}

	ProblemDetail detail(int actualStatus, String detail) {
		ProblemDetail problem = ProblemDetail.forStatus(actualStatus);
		problem.setType(type());
		problem.setTitle(this.title);
		problem.setDetail(detail);
		return problem;
	}

	/**
	 * Finds the kind for a failure that is known by its status alone.
	 * @param status the HTTP status
	 * @return the kind
	 */
	static Problem of(int status) {
		return switch (status) {
			case 404 -> NOT_FOUND;
			case 405 -> METHOD_NOT_ALLOWED;
			case 406 -> NOT_ACCEPTABLE;
			case 415 -> UNSUPPORTED_MEDIA_TYPE;
			default -> (status < 500) ? INVALID_REQUEST : INTERNAL_ERROR;
		};
	}

}
