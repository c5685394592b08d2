package dev.iothreads.web.problem;

import java.util.concurrent.CompletableFuture;

import jakarta.servlet.http.HttpServletRequest;
import org.jspecify.annotations.Nullable;

import org.springframework.http.HttpHeaders;
import org.springframework.http.ProblemDetail;
import org.springframework.http.ResponseEntity;
import org.springframework.web.context.request.RequestContextHolder;
import org.springframework.web.context.request.ServletRequestAttributes;

/**
 * A request for a change has its answer. Published on the request's thread.
 *
 * @param request the request
 * @param status the status of the answer
 * @param problem why the change was not made, {@code null} when it was
 * @param created where what was added is, if something was
 * @param departure how a change ends that is not at its end yet, if it is not
 */
public record ChangeEvent(HttpServletRequest request, int status, @Nullable ProblemDetail problem,
		@Nullable String created, @Nullable CompletableFuture<?> departure) {

	public static ChangeEvent of(ResponseEntity<?> answer, @Nullable CompletableFuture<?> departure) {
		ServletRequestAttributes current = (ServletRequestAttributes) RequestContextHolder.currentRequestAttributes();
		return new ChangeEvent(current.getRequest(), answer.getStatusCode().value(), null,
				answer.getHeaders().getFirst(HttpHeaders.LOCATION), departure);
	}

	static ChangeEvent refused(HttpServletRequest request, ProblemDetail problem) {
		return new ChangeEvent(request, problem.getStatus(), problem, null, null);
	}

}
