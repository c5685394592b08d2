package dev.iothreads.web.problem;

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
import dev.iothreads.machine.ImageProperty;
import dev.iothreads.machine.MachineException;
import dev.iothreads.machine.PoolChange;
import jakarta.servlet.RequestDispatcher;
import jakarta.servlet.http.HttpServletRequest;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.MDC;
import org.slf4j.spi.LoggingEventBuilder;
import tools.jackson.databind.JsonNode;

import org.springframework.context.event.EventListener;
import org.springframework.core.MethodParameter;
import org.springframework.core.env.Environment;
import org.springframework.http.HttpInputMessage;
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
import org.springframework.web.servlet.mvc.method.annotation.RequestBodyAdviceAdapter;
import org.springframework.web.util.UriUtils;

/**
 * Writes a line for each change that was asked for, made or not: who asked, from where,
 * for what, and the outcome; and another when it ends later than its answer. Of a body
 * only members that the API knows are written, of credentials only the name of the user.
 */
@RestControllerAdvice
class Audit extends RequestBodyAdviceAdapter {

	private static final Logger logger = LoggerFactory.getLogger("dev.iothreads.audit");

	private static final Set<String> READING = Set.of("GET", "HEAD", "OPTIONS", "TRACE");

	private static final String SIGNED_IN = RequestAttributeSecurityContextRepository.DEFAULT_REQUEST_ATTR_NAME;

	private static final String BODY = Audit.class.getName() + ".body";

	private static final String MACHINES = "/api/v1/machines/";

	// Of one device. A guest may never release it, and clients ask again and again.
	static final int MOST_FOLLOWED = 50;

	private static final Set<String> MEMBERS = Stream
		.concat(Stream.of("id", "driver", "drive", "bus", "iothreads", "properties", "image", "file", "read-only"),
				Stream
					.of(Stream.of(IOThreadProperty.values()).map(IOThreadProperty::qemuName),
							Stream.of(DeviceProperty.values()).map(DeviceProperty::qemuName),
							Stream.of(ImageProperty.values()).map(ImageProperty::qemuName))
					.flatMap((names) -> names))
		.collect(Collectors.toUnmodifiableSet());

	private static final int LONGEST = 500;

	private final boolean structured;

	Audit(Environment environment) {
		this.structured = environment.containsProperty("logging.structured.format.console")
				&& (!environment.containsProperty("logging.file.name")
						|| environment.containsProperty("logging.structured.format.file"));
	}

	@Override
	public boolean supports(MethodParameter parameter, Type target,
			Class<? extends HttpMessageConverter<?>> converter) {
		return true;
	}

	@Override
	public Object afterBodyRead(Object body, HttpInputMessage input, MethodParameter parameter, Type target,
			Class<? extends HttpMessageConverter<?>> converter) {
		RequestContextHolder.currentRequestAttributes().setAttribute(BODY, body, RequestAttributes.SCOPE_REQUEST);
		return body;
	}

	@EventListener
	void write(ChangeEvent event) {
		HttpServletRequest request = event.request();
		String method = asked(request, RequestDispatcher.ERROR_METHOD, request.getMethod());
		// Tomcat could not read a request whose method is something else.
		if (method == null || READING.contains(method) || !method.matches("[A-Z]{1,20}")) {
			return;
		}
		int status = event.status();
		Map<String, Object> change = change(request, method);
		Map<String, Object> facts = new LinkedHashMap<>(change);
		if (request.getAttribute(BODY) instanceof JsonNode body) {
			put(facts, "asked", asked(body));
		}
		facts.put("outcome",
				(status == 202) ? "pending" : (status < 400) ? "done" : (status < 500) ? "refused" : "failed");
		facts.put("status", status);
		ProblemDetail problem = event.problem();
		if (problem != null) {
			put(facts, "problem", String.valueOf(problem.getType()).replaceFirst("^.*:", ""));
			put(facts, "answer", problem.getDetail());
			put(facts, "qemu-class", Objects.requireNonNullElse(problem.getProperties(), Map.of()).get("qemu-class"));
		}
		put(facts, "created", event.created());
		long begun = RequestId.begun(request);
		facts.put("took-ms", millisSince(begun));
		String id = RequestId.of(request);
		write(facts, id);
		CompletableFuture<?> departure = event.departure();
		if (departure != null && departure.getNumberOfDependents() < MOST_FOLLOWED) {
			departure.whenComplete((released, failure) -> writeEnd(change, failure, begun, id));
		}
	}

	@EventListener
	void write(PoolChange change) {
		MachineException failure = change.failure();
		Map<String, Object> facts = new LinkedHashMap<>();
		facts.put("who", "pool");
		facts.put("by", "configuration");
		facts.put("machine", plain(change.machine()));
		facts.put("what",
				plain(change.isNew() ? "add IOThread " + change.iothread() : "tune IOThread " + change.iothread()));
		put(facts, "asked",
				change.settings()
					.values()
					.entrySet()
					.stream()
					.map((setting) -> setting.getKey().qemuName() + ": " + setting.getValue())
					.collect(Collectors.joining(", ")));
		facts.put("outcome", (failure == null) ? "done" : "failed");
		put(facts, "answer", (failure != null) ? failure.getMessage() : null);
		facts.put("took-ms", change.tookMillis());
		write(facts, null);
	}

	// The container may use the request's object for another request by then.
	private void writeEnd(Map<String, Object> change, @Nullable Throwable failure, long begun, @Nullable String id) {
		Map<String, Object> facts = new LinkedHashMap<>(change);
		boolean refused = failure instanceof ChangeRefusedException;
		facts.put("outcome", (failure == null) ? "done" : refused ? "refused" : "unknown");
		if (failure != null) {
			put(facts, "problem", refused ? Problem.UNPLUG_REFUSED.wireName() : null);
			put(facts, "answer", failure.getMessage());
		}
		facts.put("took-ms", millisSince(begun));
		// The thread may be answering another request.
		String other = MDC.get(RequestId.NAME);
		MDC.put(RequestId.NAME, id);
		write(facts, id);
		if (other != null) {
			MDC.put(RequestId.NAME, other);
		}
		else {
			MDC.remove(RequestId.NAME);
		}
	}

	// A structured format adds the facts, and the id from the context, as members.
	private void write(Map<String, Object> facts, @Nullable String id) {
		StringBuilder text = new StringBuilder("Change ").append(facts.get("outcome"));
		if (!this.structured) {
			text.append(':');
			facts.forEach((name, value) -> text.append(' ').append(name).append('=').append(quoted(value)));
			text.append((id != null) ? " " + RequestId.NAME + "=" + id : "");
		}
		LoggingEventBuilder line = logger.atInfo();
		facts.forEach(line::addKeyValue);
		line.log(text.toString());
	}

	private static long millisSince(long begun) {
		return Duration.ofNanos(System.nanoTime() - begun).toMillis();
	}

	private static void put(Map<String, Object> facts, String name, @Nullable Object value) {
		if (value != null) {
			facts.put(name, plain(value.toString()));
		}
	}

	private static Map<String, Object> change(HttpServletRequest request, String method) {
		Authentication user = (request.getAttribute(SIGNED_IN) instanceof SecurityContext context)
				? context.getAuthentication() : null;
		Map<String, Object> facts = new LinkedHashMap<>();
		facts.put("who", (user != null) ? plain(user.getName()) : "anonymous");
		// A user may have the name anonymous.
		facts.put("by", (user == null || user instanceof AnonymousAuthenticationToken) ? "none"
				: (user instanceof UsernamePasswordAuthenticationToken) ? "password" : "token");
		facts.put("from", request.getRemoteAddr());
		// A request that Tomcat cannot read has no path.
		String path = asked(request, RequestDispatcher.ERROR_REQUEST_URI, request.getRequestURI());
		put(facts, "machine", (path != null) ? machine(path) : null);
		facts.put("what", plain(method + " " + Objects.requireNonNullElse(path, "?")));
		return facts;
	}

	// Tomcat sends a request that failed to /error, as a GET.
	private static @Nullable String asked(HttpServletRequest request, String attribute, @Nullable String otherwise) {
		return (request.getAttribute(attribute) instanceof String original) ? original : otherwise;
	}

	private static @Nullable String machine(String path) {
		int at = path.indexOf(MACHINES);
		if (at < 0) {
			return null;
		}
		String name = path.substring(at + MACHINES.length()).replaceFirst("/.*", "");
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

}
