package dev.iothreads.web.problem;

import org.jspecify.annotations.Nullable;

import org.springframework.context.ApplicationEventPublisher;
import org.springframework.core.MethodParameter;
import org.springframework.http.MediaType;
import org.springframework.http.ProblemDetail;
import org.springframework.http.converter.HttpMessageConverter;
import org.springframework.http.server.ServerHttpRequest;
import org.springframework.http.server.ServerHttpResponse;
import org.springframework.http.server.ServletServerHttpRequest;
import org.springframework.web.bind.annotation.RestControllerAdvice;
import org.springframework.web.servlet.mvc.method.annotation.ResponseBodyAdvice;

/**
 * Puts the request's id into each problem, and publishes why a change was not made.
 */
@RestControllerAdvice
class ProblemAdvice implements ResponseBodyAdvice<Object> {

	private final ApplicationEventPublisher events;

	ProblemAdvice(ApplicationEventPublisher events) {
		this.events = events;
	}

	@Override
	public boolean supports(MethodParameter returned, Class<? extends HttpMessageConverter<?>> converter) {
		return true;
	}

	@Override
	public @Nullable Object beforeBodyWrite(@Nullable Object body, MethodParameter returned, MediaType type,
			Class<? extends HttpMessageConverter<?>> converter, ServerHttpRequest request,
			ServerHttpResponse response) {
		if (body instanceof ProblemDetail problem && request instanceof ServletServerHttpRequest servlet) {
			identify(problem, RequestId.of(servlet.getServletRequest()));
			this.events.publishEvent(ChangeEvent.refused(servlet.getServletRequest(), problem));
		}
		return body;
	}

	static void identify(ProblemDetail problem, @Nullable String id) {
		if (id != null) {
			problem.setProperty(RequestId.NAME, id);
		}
	}

}
