package dev.iothreads.web;

import java.util.stream.Collectors;

import dev.iothreads.inventory.NotFoundException;
import dev.iothreads.machine.MachineRefusedException;
import dev.iothreads.machine.MachineTimeoutException;
import dev.iothreads.machine.MachineUnavailableException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpMethod;
import org.springframework.http.HttpStatusCode;
import org.springframework.http.MediaType;
import org.springframework.http.ProblemDetail;
import org.springframework.http.ResponseEntity;
import org.springframework.web.ErrorResponse;
import org.springframework.web.HttpMediaTypeNotAcceptableException;
import org.springframework.web.HttpRequestMethodNotSupportedException;
import org.springframework.web.bind.annotation.ExceptionHandler;
import org.springframework.web.bind.annotation.RestControllerAdvice;
import org.springframework.web.context.request.WebRequest;
import org.springframework.web.servlet.mvc.method.annotation.ResponseEntityExceptionHandler;
import org.springframework.web.servlet.resource.NoResourceFoundException;

/**
 * Turns whatever goes wrong into a problem (RFC 9457) whose detail says what to do.
 */
@RestControllerAdvice
class ProblemHandler extends ResponseEntityExceptionHandler {

	private static final Logger log = LoggerFactory.getLogger(ProblemHandler.class);

	private static final String RETRY_AFTER_SECONDS = "1";

	@ExceptionHandler
	ResponseEntity<ProblemDetail> notFound(NotFoundException ex) {
		Problem problem = switch (ex.kind()) {
			case MACHINE -> Problem.MACHINE_NOT_FOUND;
			case IOTHREAD -> Problem.IOTHREAD_NOT_FOUND;
			case DEVICE -> Problem.DEVICE_NOT_FOUND;
		};
		return answer(problem.detail(String.valueOf(ex.getMessage())));
	}

	@ExceptionHandler
	ResponseEntity<ProblemDetail> unavailable(MachineUnavailableException ex) {
		ProblemDetail problem = Problem.MACHINE_UNAVAILABLE.detail(String.valueOf(ex.getMessage()));
		problem.setProperty("machine-state", MachineInfo.wire(ex.state()));
		return ResponseEntity.status(problem.getStatus())
			.header(HttpHeaders.RETRY_AFTER, RETRY_AFTER_SECONDS)
			.contentType(MediaType.APPLICATION_PROBLEM_JSON)
			.body(problem);
	}

	@ExceptionHandler
	ResponseEntity<ProblemDetail> timeout(MachineTimeoutException ex) {
		return answer(Problem.MACHINE_TIMEOUT.detail(String.valueOf(ex.getMessage())));
	}

	@ExceptionHandler
	ResponseEntity<ProblemDetail> refused(MachineRefusedException ex) {
		ProblemDetail problem = Problem.QEMU_ERROR.detail(String.valueOf(ex.getMessage()));
		problem.setProperty("qemu-class", ex.qemuClass());
		return answer(problem);
	}

	@ExceptionHandler
	ResponseEntity<ProblemDetail> unexpected(Exception ex) {
		log.error("Unexpected failure", ex);
		return answer(Problem.INTERNAL_ERROR
			.detail("The service failed; its log says more. Trying again may help, reporting it will."));
	}

	@Override
	protected @Nullable ResponseEntity<Object> handleExceptionInternal(Exception ex, @Nullable Object body,
			HttpHeaders headers, HttpStatusCode status, WebRequest request) {
		ProblemDetail problem = Problem.of(status.value()).detail(status.value(), advice(ex, status));
		return super.handleExceptionInternal(ex, problem, headers, status, request);
	}

	private static String advice(Exception ex, HttpStatusCode status) {
		if (ex instanceof NoResourceFoundException) {
			return "There is nothing at this address. The API is described at /v3/api-docs and can be tried at /swagger-ui.html.";
		}
		if (ex instanceof HttpRequestMethodNotSupportedException method && method.getSupportedHttpMethods() != null) {
			return "%s is not possible here. These are: %s.".formatted(method.getMethod(),
					method.getSupportedHttpMethods()
						.stream()
						.map(HttpMethod::name)
						.sorted()
						.collect(Collectors.joining(", ")));
		}
		if (ex instanceof HttpMediaTypeNotAcceptableException media) {
			return "It can be had as %s only. Ask for one of these in Accept."
				.formatted(MediaType.toString(media.getSupportedMediaTypes()));
		}
		String detail = (ex instanceof ErrorResponse response) ? response.getBody().getDetail() : null;
		return (detail != null) ? detail : "The request cannot be read (status %d).".formatted(status.value());
	}

	private static ResponseEntity<ProblemDetail> answer(ProblemDetail problem) {
		return ResponseEntity.status(problem.getStatus()).contentType(MediaType.APPLICATION_PROBLEM_JSON).body(problem);
	}

}
