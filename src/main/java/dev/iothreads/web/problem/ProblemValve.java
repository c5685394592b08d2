package dev.iothreads.web.problem;

import java.io.IOException;

import jakarta.servlet.ServletException;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.valves.ErrorReportValve;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;

import org.springframework.context.ApplicationEventPublisher;
import org.springframework.http.CacheControl;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatus;
import org.springframework.http.MediaType;
import org.springframework.http.ProblemDetail;

/**
 * Writes a problem for requests that Tomcat refuses itself, and for errors without a
 * body, such as Actuator's. Tomcat's own valves write HTML, or JSON that is no problem.
 */
final class ProblemValve extends ErrorReportValve {

	private final JsonMapper json;

	private final ApplicationEventPublisher events;

	ProblemValve(JsonMapper json, ApplicationEventPublisher events) {
		this.json = json;
		this.events = events;
	}

	@Override
	public void invoke(Request request, Response response) throws IOException, ServletException {
		super.invoke(request, response);
		if (isUnanswered(response) && response.getContentType() == null && !request.isAsync()) {
			answer(request, response);
		}
	}

	@Override
	protected void report(Request request, Response response, @Nullable Throwable failure) {
		if (isUnanswered(response) && response.setErrorReported()) {
			try {
				answer(request, response);
			}
			catch (IOException ex) {
				// The client has closed the connection.
			}
		}
	}

	private static boolean isUnanswered(Response response) {
		return response.getStatus() >= HttpStatus.BAD_REQUEST.value() && response.getContentWritten() == 0
				&& !response.isCommitted();
	}

	private void answer(Request request, Response response) throws IOException {
		// A filter may have taken the writer and written nothing.
		response.resetBuffer(true);
		response.setHeader(HttpHeaders.CACHE_CONTROL, CacheControl.noStore().getHeaderValue());
		response.setContentType(MediaType.APPLICATION_PROBLEM_JSON_VALUE);
		ProblemDetail problem = Problem.unexplained(response.getStatus(), request.getRequestURI());
		ProblemAdvice.identify(problem, RequestId.of(request));
		this.events.publishEvent(ChangeEvent.refused(request, problem));
		response.getOutputStream().write(this.json.writeValueAsBytes(problem));
		response.finishResponse();
	}

}
