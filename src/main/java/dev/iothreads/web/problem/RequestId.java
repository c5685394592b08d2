package dev.iothreads.web.problem;

import java.io.IOException;
import java.util.UUID;
import java.util.regex.Pattern;

import jakarta.servlet.ServletException;
import jakarta.servlet.ServletRequest;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.valves.ValveBase;
import org.jspecify.annotations.Nullable;
import org.slf4j.MDC;

/**
 * Gives each request an id, or takes over the one that the client sends. It is in the
 * answer, in problems and in each line of the log. A valve, so that requests that Tomcat
 * refuses itself have an id and the security headers, too.
 */
public final class RequestId extends ValveBase {

	public static final String HEADER = "X-Request-Id";

	/** Its name in problems and in the log. */
	public static final String NAME = "request-id";

	private static final String ATTRIBUTE = RequestId.class.getName();

	private static final String BEGUN = RequestId.class.getName() + ".begun";

	// An id is written into a header and into logs.
	private static final Pattern SANE = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._:=+/@-]{0,63}");

	public RequestId() {
		super(true);
	}

	@Override
	public void invoke(Request request, Response response) throws IOException, ServletException {
		String sent = request.getHeader(HEADER);
		String id = (sent != null && SANE.matcher(sent).matches()) ? sent : UUID.randomUUID().toString();
		request.setAttribute(ATTRIBUTE, id);
		response.setHeader(HEADER, id);
		// Spring Security sets these too late for what Tomcat refuses.
		response.setHeader("X-Content-Type-Options", "nosniff");
		response.setHeader("X-Frame-Options", "DENY");
		MDC.put(NAME, id);
		request.setAttribute(BEGUN, System.nanoTime());
		try {
			getNext().invoke(request, response);
		}
		finally {
			MDC.remove(NAME);
		}
	}

	/**
	 * Returns when the request came, by {@link System#nanoTime()}.
	 * @param request the request
	 * @return the time
	 */
	static long begun(ServletRequest request) {
		return (request.getAttribute(BEGUN) instanceof Long begun) ? begun : System.nanoTime();
	}

	static @Nullable String of(ServletRequest request) {
		return (request.getAttribute(ATTRIBUTE) instanceof String id) ? id : null;
	}

}
