package dev.iothreads.web.problem;

import java.io.IOException;
import java.time.Duration;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;
import java.util.regex.Pattern;

import jakarta.servlet.ServletException;
import jakarta.servlet.ServletRequest;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.valves.ValveBase;
import org.jspecify.annotations.Nullable;
import org.slf4j.MDC;

/**
 * Gives each request an id, or takes over the one that it comes with: it is in the
 * answer, in a problem, in the audit and in whatever else is logged meanwhile. A valve,
 * so that what Tomcat refuses by itself has one, too, and the headers that every answer
 * has.
 */
public final class RequestId extends ValveBase {

	public static final String HEADER = "X-Request-Id";

	/** Its name in problems and in the log. */
	public static final String NAME = "request-id";

	private static final String ATTRIBUTE = RequestId.class.getName();

	// It ends up in a header and in logs.
	private static final Pattern SANE = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._:=+/@-]{0,63}");

	public RequestId() {
		super(true);
	}

	@Override
	public void invoke(Request request, Response response) throws IOException, ServletException {
		String sent = request.getHeader(HEADER);
		String id = (sent != null && SANE.matcher(sent).matches()) ? sent : made();
		request.setAttribute(ATTRIBUTE, id);
		response.setHeader(HEADER, id);
		// What does not come as far as the doors gets no headers there.
		response.setHeader("X-Content-Type-Options", "nosniff");
		response.setHeader("X-Frame-Options", "DENY");
		MDC.put(NAME, id);
		long begun = System.nanoTime();
		try {
			getNext().invoke(request, response);
			Audit.refused(request, response, Duration.ofNanos(System.nanoTime() - begun));
		}
		finally {
			MDC.remove(NAME);
		}
	}

	// A random UUID (version 4, source: RFC 9562). It is no secret, so that it need not
	// be waited for as a secret's randomness is.
	private static String made() {
		ThreadLocalRandom random = ThreadLocalRandom.current();
		long high = random.nextLong() & ~0xF000L | 0x4000L;
		long low = random.nextLong() >>> 2 | Long.MIN_VALUE;
		return new UUID(high, low).toString();
	}

	static @Nullable String of(ServletRequest request) {
		return (request.getAttribute(ATTRIBUTE) instanceof String id) ? id : null;
	}

}
