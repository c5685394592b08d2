package dev.iothreads.web.problem;

import java.io.IOException;
import java.lang.reflect.Type;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import dev.iothreads.machine.ChangeRefusedException;
import dev.iothreads.machine.DeviceProperty;
import dev.iothreads.machine.IOThreadProperty;
import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.ServletRequest;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.MDC;
import org.slf4j.spi.LoggingEventBuilder;
import tools.jackson.databind.JsonNode;

import org.springframework.core.MethodParameter;
import org.springframework.http.HttpInputMessage;
import org.springframework.http.HttpStatus;
import org.springframework.http.ProblemDetail;
import org.springframework.http.converter.HttpMessageConverter;
import org.springframework.security.authentication.AnonymousAuthenticationToken;
import org.springframework.security.authentication.UsernamePasswordAuthenticationToken;
import org.springframework.security.core.Authentication;
import org.springframework.security.core.context.SecurityContext;
import org.springframework.security.web.context.RequestAttributeSecurityContextRepository;
import org.springframework.web.bind.annotation.RestControllerAdvice;
import org.springframework.web.context.request.RequestAttributes;
import org.springframework.web.context.request.RequestContextHolder;
import org.springframework.web.filter.OncePerRequestFilter;
import org.springframework.web.servlet.mvc.method.annotation.RequestBodyAdviceAdapter;
import org.springframework.web.util.UriUtils;

/**
 * Writes a line for each change that is asked for, whatever becomes of it: who, from
 * where, what, and how it ended; and another when it ends later than its answer. Of what
 * is sent only members that the API knows are written, and of credentials no more than
 * the name of whoever they are found to be.
 */
public final class Audit extends OncePerRequestFilter {

	private static final Logger logger = LoggerFactory.getLogger("dev.iothreads.audit");

	private static final String MACHINES = "/api/v1/machines/";

	private static final Set<String> READING = Set.of("GET", "HEAD", "OPTIONS", "TRACE");

	private static final String SIGNED_IN = RequestAttributeSecurityContextRepository.DEFAULT_REQUEST_ATTR_NAME;

	private static final String BODY = Audit.class.getName() + ".body";

	private static final String WRITTEN = Audit.class.getName() + ".written";

	private static final String PROBLEM = Audit.class.getName() + ".problem";

	private static final String DEPARTURE = Audit.class.getName() + ".departure";

	// Of one device, whose guest may never let go: somebody may ask for it for ever.
	static final int MOST_FOLLOWED = 50;

	private static final Set<String> MEMBERS = Stream
		.concat(Stream.of("id", "driver", "drive", "bus", "iothreads", "properties"),
				Stream.concat(Stream.of(IOThreadProperty.values()).map(IOThreadProperty::qemuName),
						Stream.of(DeviceProperty.values()).map(DeviceProperty::qemuName)))
		.collect(Collectors.toUnmodifiableSet());

	private static final int LONGEST = 500;

	@Override
	protected boolean shouldNotFilter(HttpServletRequest request) {
		return READING.contains(request.getMethod());
	}

	@Override
	protected void doFilterInternal(HttpServletRequest request, HttpServletResponse response, FilterChain chain)
			throws ServletException, IOException {
		long begun = System.nanoTime();
		int status = HttpStatus.INTERNAL_SERVER_ERROR.value();
		try {
			chain.doFilter(request, response);
			status = response.getStatus();
		}
		finally {
			write(request, response, status, Duration.ofNanos(System.nanoTime() - begun));
		}
	}

	/**
	 * Remembers why a change was not made.
	 * @param request the request
	 * @param problem what is answered
	 */
	static void answered(ServletRequest request, ProblemDetail problem) {
		request.setAttribute(PROBLEM, problem);
	}

	/**
	 * Remembers that the change being made ends later than its answer.
	 * @param departure how it ends
	 */
	public static void pending(CompletableFuture<?> departure) {
		RequestContextHolder.currentRequestAttributes()
			.setAttribute(DEPARTURE, departure, RequestAttributes.SCOPE_REQUEST);
	}

	/**
	 * Writes a line for a change that has not come so far that a filter would.
	 * @param request the request
	 * @param response its answer
	 * @param took how long that took
	 */
	static void refused(HttpServletRequest request, HttpServletResponse response, Duration took) {
		String method = request.getMethod();
		if (method != null && !READING.contains(method) && method.matches("[A-Z]{1,20}")
				&& request.getAttribute(WRITTEN) == null) {
			write(request, response, response.getStatus(), took);
		}
	}

	private static void write(HttpServletRequest request, HttpServletResponse response, int status, Duration took) {
		request.setAttribute(WRITTEN, true);
		String outcome = (status < 400) ? ((status == 202) ? "pending" : "done")
				: (status < 500) ? "refused" : "failed";
		Map<String, Object> change = change(request);
		Map<String, Object> facts = new LinkedHashMap<>(change);
		if (request.getAttribute(BODY) instanceof JsonNode body) {
			put(facts, "asked", asked(body));
		}
		facts.put("outcome", outcome);
		facts.put("status", status);
		if (request.getAttribute(PROBLEM) instanceof ProblemDetail problem) {
			put(facts, "problem", String.valueOf(problem.getType()).replaceFirst("^.*:", ""));
			put(facts, "answer", problem.getDetail());
			if (problem.getProperties() != null) {
				put(facts, "qemu-class", problem.getProperties().get("qemu-class"));
			}
		}
		else if (status >= 400) {
			// It is given its words later, by whoever gives them to all such.
			put(facts, "problem", Problem.of(status).wireName());
			put(facts, "answer", Problem.advice(status));
		}
		put(facts, "created", response.getHeader("Location"));
		facts.put("took-ms", took.toMillis());
		String id = RequestId.of(request);
		write(facts, id);
		if (status == HttpStatus.ACCEPTED.value()
				&& request.getAttribute(DEPARTURE) instanceof CompletableFuture<?> departure
				&& departure.getNumberOfDependents() < MOST_FOLLOWED) {
			long begun = System.nanoTime() - took.toNanos();
			departure.whenComplete((gone, failure) -> ended(change, failure, begun, id));
		}
	}

	// The request may be another's by then.
	private static void ended(Map<String, Object> change, @Nullable Throwable failure, long begun,
			@Nullable String id) {
		Map<String, Object> facts = new LinkedHashMap<>(change);
		facts.put("outcome",
				(failure == null) ? "done" : (failure instanceof ChangeRefusedException) ? "refused" : "unknown");
		if (failure instanceof ChangeRefusedException) {
			put(facts, "problem", Problem.UNPLUG_REFUSED.wireName());
		}
		if (failure != null) {
			put(facts, "answer", failure.getMessage());
		}
		facts.put("took-ms", Duration.ofNanos(System.nanoTime() - begun).toMillis());
		// Whoever tells of it may be answering a request of its own.
		String other = MDC.get(RequestId.NAME);
		if (id != null) {
			MDC.put(RequestId.NAME, id);
		}
		try {
			write(facts, id);
		}
		finally {
			if (other != null) {
				MDC.put(RequestId.NAME, other);
			}
			else {
				MDC.remove(RequestId.NAME);
			}
		}
	}

	private static Map<String, Object> change(HttpServletRequest request) {
		Map<String, Object> facts = new LinkedHashMap<>();
		facts.put("who", who(request));
		facts.put("by", by(request));
		facts.put("from", request.getRemoteAddr());
		// What Tomcat could not read has no path.
		String path = request.getRequestURI();
		if (path != null) {
			put(facts, "machine", machine(path));
		}
		facts.put("what", plain(request.getMethod() + " " + Objects.requireNonNullElse(path, "?")));
		return facts;
	}

	// Boot's structured formats take the id from the context; it is there already.
	private static void write(Map<String, Object> facts, @Nullable String id) {
		StringBuilder text = new StringBuilder("Change ").append(facts.get("outcome")).append(':');
		facts.forEach((name, value) -> text.append(' ').append(name).append('=').append(quoted(value)));
		if (id != null) {
			text.append(' ').append(RequestId.NAME).append('=').append(id);
		}
		LoggingEventBuilder line = logger.atInfo();
		for (Map.Entry<String, Object> fact : facts.entrySet()) {
			line = line.addKeyValue(fact.getKey(), fact.getValue());
		}
		line.log(text.toString());
	}

	private static void put(Map<String, Object> facts, String name, @Nullable Object value) {
		if (value != null) {
			facts.put(name, plain(value.toString()));
		}
	}

	private static String who(HttpServletRequest request) {
		Authentication signedIn = signedIn(request);
		return (signedIn != null) ? plain(signedIn.getName()) : "anonymous";
	}

	// An anonymous visitor and a user of that name are not the same.
	private static String by(HttpServletRequest request) {
		Authentication signedIn = signedIn(request);
		if (signedIn == null || signedIn instanceof AnonymousAuthenticationToken) {
			return "nobody";
		}
		return (signedIn instanceof UsernamePasswordAuthenticationToken) ? "password" : "token";
	}

	private static @Nullable Authentication signedIn(HttpServletRequest request) {
		return (request.getAttribute(SIGNED_IN) instanceof SecurityContext context) ? context.getAuthentication()
				: null;
	}

	private static @Nullable String machine(String path) {
		int at = path.indexOf(MACHINES);
		if (at < 0) {
			return null;
		}
		String rest = path.substring(at + MACHINES.length());
		int end = rest.indexOf('/');
		String name = (end < 0) ? rest : rest.substring(0, end);
		try {
			return UriUtils.decode(name, StandardCharsets.UTF_8);
		}
		catch (IllegalArgumentException ex) {
			return name;
		}
	}

	private static String asked(JsonNode body) {
		return body.propertyStream()
			.filter((member) -> MEMBERS.contains(member.getKey()))
			.map((member) -> member.getKey() + ": " + value(member.getValue()))
			.collect(Collectors.joining(", "));
	}

	private static String value(JsonNode value) {
		if (value.isArray()) {
			return value.valueStream().map(Audit::value).collect(Collectors.joining(", ", "[", "]"));
		}
		return value.isObject() ? "{" + asked(value) + "}" : value.toString();
	}

	// One line is one change, and no request can make it look like two.
	private static String plain(String text) {
		String line = text.replaceAll("[\\p{Cntrl}\\u2028\\u2029\\p{Cf}\\p{Cs}]", "?");
		return (line.length() > LONGEST) ? line.substring(0, LONGEST) + "…" : line;
	}

	private static String quoted(Object value) {
		String text = value.toString();
		return text.matches("[A-Za-z0-9._:/%+-]+") ? text
				: '"' + text.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
	}

	/**
	 * Remembers what a change was asked for with.
	 */
	@RestControllerAdvice
	static class Listener extends RequestBodyAdviceAdapter {

		@Override
		public boolean supports(MethodParameter parameter, Type target,
				Class<? extends HttpMessageConverter<?>> converter) {
			return true;
		}

		@Override
		public Object afterBodyRead(Object body, HttpInputMessage input, MethodParameter parameter, Type target,
				Class<? extends HttpMessageConverter<?>> converter) {
			RequestAttributes request = RequestContextHolder.currentRequestAttributes();
			request.setAttribute(BODY, body, RequestAttributes.SCOPE_REQUEST);
			return body;
		}

	}

}
