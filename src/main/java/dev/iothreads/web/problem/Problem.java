package dev.iothreads.web.problem;

import java.net.URI;
import java.net.URISyntaxException;
import java.time.Duration;
import java.util.Locale;

import org.jspecify.annotations.Nullable;

import org.springframework.http.CacheControl;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatus;
import org.springframework.http.MediaType;
import org.springframework.http.ProblemDetail;
import org.springframework.http.ResponseEntity;

/**
 * The kinds of problem (RFC 9457) that the service answers with.
 */
public enum Problem {

	MACHINE_NOT_FOUND(HttpStatus.NOT_FOUND, "No such machine"),

	IOTHREAD_NOT_FOUND(HttpStatus.NOT_FOUND, "No such IOThread"),

	DEVICE_NOT_FOUND(HttpStatus.NOT_FOUND, "No such device"),

	NOT_FOUND(HttpStatus.NOT_FOUND, "Nothing here"),

	METHOD_NOT_ALLOWED(HttpStatus.METHOD_NOT_ALLOWED, "Method not allowed"),

	NOT_ACCEPTABLE(HttpStatus.NOT_ACCEPTABLE, "No such representation"),

	UNSUPPORTED_MEDIA_TYPE(HttpStatus.UNSUPPORTED_MEDIA_TYPE, "Unsupported media type"),

	REQUEST_TOO_LARGE(HttpStatus.CONTENT_TOO_LARGE, "Request too large"),

	INVALID_REQUEST(HttpStatus.UNPROCESSABLE_CONTENT, "Invalid request"),

	NOT_SUPPORTED(HttpStatus.UNPROCESSABLE_CONTENT, "Not supported by this QEMU"),

	UNAUTHORIZED(HttpStatus.UNAUTHORIZED, "Not signed in"),

	FORBIDDEN(HttpStatus.FORBIDDEN, "Not allowed"),

	CROSS_SITE(HttpStatus.FORBIDDEN, "Asked for by another site"),

	MISDIRECTED(HttpStatus.MISDIRECTED_REQUEST, "Not the name of this service"),

	READ_ONLY(HttpStatus.FORBIDDEN, "Machine is read-only"),

	MANAGED_BY_LIBVIRT(HttpStatus.CONFLICT, "Machine is managed by libvirt"),

	/** Proxmox VE runs the machine, and does not notice what others change. */
	MANAGED_BY_PROXMOX(HttpStatus.CONFLICT, "Machine is managed by Proxmox VE"),

	IOTHREAD_EXISTS(HttpStatus.CONFLICT, "IOThread exists already"),

	IOTHREAD_IN_USE(HttpStatus.CONFLICT, "IOThread is in use"),

	DEVICE_EXISTS(HttpStatus.CONFLICT, "Device exists already"),

	DEVICE_DETACHING(HttpStatus.CONFLICT, "Device is being detached"),

	NODE_IN_USE(HttpStatus.CONFLICT, "Block node is in use"),

	/** libvirt chooses the port. Where the client can name one it is INVALID_REQUEST. */
	NO_FREE_PORT(HttpStatus.CONFLICT, "No port is free"),

	DEVICE_GONE(HttpStatus.CONFLICT, "Device went again"),

	MACHINE_MIGRATING(HttpStatus.CONFLICT, "Machine is being migrated"),

	UNPLUG_REFUSED(HttpStatus.CONFLICT, "Device cannot be unplugged now"),

	TOO_MANY_CHANGES(HttpStatus.TOO_MANY_REQUESTS, "Too many changes at once"),

	PRECONDITION_FAILED(HttpStatus.PRECONDITION_FAILED, "Changed meanwhile"),

	MACHINE_UNAVAILABLE(HttpStatus.SERVICE_UNAVAILABLE, "Machine unavailable"),

	TOO_MANY_READERS(HttpStatus.SERVICE_UNAVAILABLE, "Too many readers of events"),

	TOO_BUSY(HttpStatus.SERVICE_UNAVAILABLE, "Too many requests at once"),

	CREDENTIALS_UNCHECKED(HttpStatus.SERVICE_UNAVAILABLE, "Credentials cannot be checked"),

	MACHINE_TIMEOUT(HttpStatus.GATEWAY_TIMEOUT, "Machine did not answer in time"),

	QEMU_ERROR(HttpStatus.BAD_GATEWAY, "QEMU refused"),

	INTERNAL_ERROR(HttpStatus.INTERNAL_SERVER_ERROR, "Internal error");

	private static final Duration SOON = Duration.ofSeconds(1);

	private static final Duration CLOSED_STREAMS_FOUND = Duration.ofSeconds(15);

	private static final String PREFIX = "urn:iothreads:problem:";

	private final HttpStatus status;

	private final String title;

	Problem(HttpStatus status, String title) {
		this.status = status;
		this.title = title;
	}

	public HttpStatus status() {
		return this.status;
	}

	public String title() {
		return this.title;
	}

	/**
	 * Returns the end of the type, such as {@code machine-not-found}.
	 */
	public String wireName() {
		return name().toLowerCase(Locale.ROOT).replace('_', '-');
	}

	public URI type() {
		return URI.create(PREFIX + wireName());
	}

	ProblemDetail detail(Exception failure) {
		return detail(String.valueOf(failure.getMessage()));
	}

	public ProblemDetail detail(String detail) {
		return detail(this.status.value(), detail);
	}

	public ProblemDetail detail(int actualStatus, String detail) {
		ProblemDetail problem = ProblemDetail.forStatus(actualStatus);
		problem.setType(type());
		problem.setTitle(this.title);
		problem.setDetail(detail);
		return problem;
	}

	// For a failure of which only the status is known.
	public static Problem of(int status) {
		return switch (status) {
			case 401 -> UNAUTHORIZED;
			case 403 -> FORBIDDEN;
			case 404 -> NOT_FOUND;
			case 405 -> METHOD_NOT_ALLOWED;
			case 406 -> NOT_ACCEPTABLE;
			case 412 -> PRECONDITION_FAILED;
			case 413 -> REQUEST_TOO_LARGE;
			case 415 -> UNSUPPORTED_MEDIA_TYPE;
			case 421 -> MISDIRECTED;
			// The client asked for something that the container does not support.
			case 501, 505 -> INVALID_REQUEST;
			case 503 -> TOO_BUSY;
			default -> (status < 500) ? INVALID_REQUEST : INTERNAL_ERROR;
		};
	}

	// The message of the container or of a filter is for the log: it may name classes.
	static ProblemDetail unexplained(int status, @Nullable String address) {
		ProblemDetail problem = of(status).detail(status, advice(status));
		problem.setInstance(instance(address));
		return problem;
	}

	public static String advice(int status) {
		return switch (status) {
			case 400 ->
				"The request cannot be read. In an address, percent-encode whatever is no letter, digit or one of "
						+ "'-._~', once: device[0] is device%5B0%5D. No id has a slash or a backslash in it, and no address has "
						+ "'//', '/../' or ';' in it. All headers together may have 8 kB.";
			case 401 -> "Send a bearer token, or a name and a password, in Authorization.";
			case 403 -> "You may not do this. Ask the operator of this service.";
			case 404 -> "There is nothing at this address. An address ends without a slash. "
					+ "The API is described at /v3/api-docs and can be tried at /swagger-ui.html.";
			case 405 -> "This method is not possible here. The header Allow names those that are.";
			case 406 -> "It cannot be had as that. Ask for application/json in Accept.";
			case 412 -> "It has changed since it was read. Read it again, and decide again.";
			case 408 -> "The request did not come to its end in time. Send it again.";
			case 413 -> "The body is too large: 64 kB are the most that is read here.";
			case 415 ->
				"It is not said what the body is, or it cannot be read as that. Send it as application/json, in "
						+ "UTF-8, and without a Content-Encoding.";
			case 417 -> "The only expectation met here is 100-continue. Leave out the header Expect.";
			case 501 -> "This method or transfer coding is not known here. The API is described at /v3/api-docs.";
			case 503 -> "Too many ask for this at once. Try again in a moment.";
			case 505 -> "This version of HTTP is not spoken here. Use HTTP/1.1.";
			default -> (status < 500) ? "The request was refused. The API is described at /v3/api-docs."
					: "The service failed; its log says more. Trying again may help, reporting it will.";
		};
	}

	// Two slashes at the beginning of a path would name another host. A path that is no
	// URI, which may be the very problem, is left out.
	static @Nullable URI instance(@Nullable String address) {
		try {
			return (address != null) ? new URI(address.replaceFirst("^/+", "/")) : null;
		}
		catch (URISyntaxException ex) {
			return null;
		}
	}

	static ResponseEntity<ProblemDetail> answer(ProblemDetail problem) {
		return ResponseEntity.status(problem.getStatus()).headers(Problem::describe).headers((headers) -> {
			if (problem.getStatus() == HttpStatus.SERVICE_UNAVAILABLE.value()
					|| problem.getStatus() == HttpStatus.TOO_MANY_REQUESTS.value()) {
				headers.set(HttpHeaders.RETRY_AFTER, Long.toString(retryAfter(problem).toSeconds()));
			}
		}).body(problem);
	}

	private static Duration retryAfter(ProblemDetail problem) {
		return TOO_MANY_READERS.type().equals(problem.getType()) ? CLOSED_STREAMS_FOUND : SOON;
	}

	static void describe(HttpHeaders headers) {
		headers.setCacheControl(CacheControl.noStore());
		headers.setContentType(MediaType.APPLICATION_PROBLEM_JSON);
	}

}
