package dev.iothreads.web.problem;

import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

import dev.iothreads.machine.ChangeRefusedException;
import dev.iothreads.machine.InvalidRequestException;
import dev.iothreads.machine.MachineRefusedException;
import dev.iothreads.machine.MachineTimeoutException;
import dev.iothreads.machine.MachineUnavailableException;
import dev.iothreads.machine.NotFoundException;
import jakarta.servlet.http.HttpServletRequest;
import org.apache.tomcat.util.http.InvalidParameterException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.core.JacksonException;
import tools.jackson.core.exc.JacksonIOException;
import tools.jackson.core.exc.StreamConstraintsException;

import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpMethod;
import org.springframework.http.HttpStatus;
import org.springframework.http.HttpStatusCode;
import org.springframework.http.MediaType;
import org.springframework.http.ProblemDetail;
import org.springframework.http.ResponseEntity;
import org.springframework.http.converter.HttpMessageNotReadableException;
import org.springframework.security.access.AccessDeniedException;
import org.springframework.security.authentication.AuthenticationServiceException;
import org.springframework.security.core.AuthenticationException;
import org.springframework.security.web.csrf.CsrfException;
import org.springframework.web.ErrorResponse;
import org.springframework.web.HttpMediaTypeException;
import org.springframework.web.HttpMediaTypeNotAcceptableException;
import org.springframework.web.HttpMediaTypeNotSupportedException;
import org.springframework.web.HttpRequestMethodNotSupportedException;
import org.springframework.web.bind.annotation.ExceptionHandler;
import org.springframework.web.bind.annotation.RestControllerAdvice;
import org.springframework.web.context.request.ServletWebRequest;
import org.springframework.web.context.request.WebRequest;
import org.springframework.web.method.annotation.MethodArgumentTypeMismatchException;
import org.springframework.web.servlet.HandlerMapping;
import org.springframework.web.servlet.mvc.method.annotation.ResponseEntityExceptionHandler;
import org.springframework.web.servlet.resource.NoResourceFoundException;

/**
 * Turns failures into problems (RFC 9457) whose detail says what to do.
 */
@RestControllerAdvice
class ProblemHandler extends ResponseEntityExceptionHandler {

	private static final Logger log = LoggerFactory.getLogger(ProblemHandler.class);

	@ExceptionHandler
	ResponseEntity<ProblemDetail> notFound(NotFoundException ex, HttpServletRequest request) {
		String machine = machine(request);
		return Problem.answer(switch (ex.kind()) {
			case MACHINE ->
				Problem.MACHINE_NOT_FOUND.detail(ex.getMessage() + " GET /api/v1/machines lists those there are.");
			case IOTHREAD -> Problem.IOTHREAD_NOT_FOUND
				.detail("%s GET /api/v1/machines/%s/iothreads lists those it has.".formatted(ex.getMessage(), machine));
			case DEVICE -> Problem.DEVICE_NOT_FOUND
				.detail("%s GET /api/v1/machines/%s/devices lists those it has.".formatted(ex.getMessage(), machine));
		});
	}

	private static String machine(HttpServletRequest request) {
		return (request.getAttribute(HandlerMapping.URI_TEMPLATE_VARIABLES_ATTRIBUTE) instanceof Map<?, ?> variables)
				? String.valueOf(variables.get("machine")) : "{machine}";
	}

	@ExceptionHandler
	ResponseEntity<ProblemDetail> unavailable(MachineUnavailableException ex) {
		ProblemDetail problem = Problem.MACHINE_UNAVAILABLE.detail(ex);
		problem.setProperty("machine-state", ex.state().name().toLowerCase(Locale.ROOT));
		return Problem.answer(problem);
	}

	@ExceptionHandler
	ResponseEntity<ProblemDetail> timeout(MachineTimeoutException ex) {
		return Problem.answer(Problem.MACHINE_TIMEOUT.detail(ex));
	}

	@ExceptionHandler
	ResponseEntity<ProblemDetail> refused(MachineRefusedException ex) {
		ProblemDetail problem = Problem.QEMU_ERROR.detail(ex);
		problem.setProperty("qemu-class", ex.qemuClass());
		return Problem.answer(problem);
	}

	@ExceptionHandler
	ResponseEntity<ProblemDetail> unreadable(InvalidParameterException ex) {
		return Problem.answer(Problem.INVALID_REQUEST.detail(ex.getErrorCode(), Problem.advice(ex.getErrorCode())));
	}

	@ExceptionHandler
	ResponseEntity<ProblemDetail> invalid(InvalidRequestException ex) {
		ProblemDetail problem = Problem.INVALID_REQUEST.detail(ex);
		problem.setProperty("errors", ex.violations());
		return Problem.answer(problem);
	}

	@ExceptionHandler
	ResponseEntity<ProblemDetail> refused(ChangeRefusedException ex) {
		Problem kind = switch (ex.reason()) {
			case IOTHREAD_EXISTS -> Problem.IOTHREAD_EXISTS;
			case DEVICE_EXISTS -> Problem.DEVICE_EXISTS;
			case IOTHREAD_IN_USE -> Problem.IOTHREAD_IN_USE;
			case DEVICE_DETACHING -> Problem.DEVICE_DETACHING;
			case UNPLUG_REFUSED -> Problem.UNPLUG_REFUSED;
			case MANAGED_BY_LIBVIRT -> Problem.MANAGED_BY_LIBVIRT;
			case MANAGED_BY_PROXMOX -> Problem.MANAGED_BY_PROXMOX;
			case READ_ONLY -> Problem.READ_ONLY;
			case NODE_IN_USE -> Problem.NODE_IN_USE;
			case NO_FREE_PORT -> Problem.NO_FREE_PORT;
			case DEVICE_GONE -> Problem.DEVICE_GONE;
			case NOT_SUPPORTED -> Problem.NOT_SUPPORTED;
			case MACHINE_MIGRATING -> Problem.MACHINE_MIGRATING;
			case CHANGED_SINCE -> Problem.PRECONDITION_FAILED;
			case TOO_MANY -> Problem.TOO_MANY_CHANGES;
		};
		String next = (kind == Problem.PRECONDITION_FAILED) ? " GET it again, and send its new ETag in If-Match." : "";
		ProblemDetail problem = kind.detail(ex.getMessage() + next);
		if (kind == Problem.IOTHREAD_IN_USE) {
			problem.setProperty("attached-devices", ex.attached().stream().map(AttachedDevice::of).toList());
		}
		if (kind == Problem.MACHINE_MIGRATING) {
			problem.setProperty("run-state", ex.runState());
		}
		return Problem.answer(problem);
	}

	@ExceptionHandler
	ResponseEntity<ProblemDetail> tooMany(TooManyReadersException ex) {
		return Problem.answer(Problem.TOO_MANY_READERS.detail(ex));
	}

	@ExceptionHandler
	ResponseEntity<ProblemDetail> notSignedIn(AuthenticationException ex) {
		Problem problem = (ex instanceof AuthenticationServiceException) ? Problem.CREDENTIALS_UNCHECKED
				: Problem.UNAUTHORIZED;
		return Problem.answer(problem.detail(ex));
	}

	@ExceptionHandler
	ResponseEntity<ProblemDetail> notAllowed(AccessDeniedException ex) {
		Problem problem = (ex instanceof CsrfException) ? Problem.CROSS_SITE : Problem.FORBIDDEN;
		return Problem.answer(problem.detail(ex));
	}

	@ExceptionHandler
	ResponseEntity<ProblemDetail> unexpected(Exception ex) {
		log.error("Unexpected failure", ex);
		return Problem.answer(Problem.INTERNAL_ERROR.detail(Problem.advice(500)));
	}

	@Override
	protected @Nullable ResponseEntity<Object> handleExceptionInternal(Exception ex, @Nullable Object body,
			HttpHeaders headers, HttpStatusCode status, WebRequest request) {
		HttpStatusCode actual = (ex instanceof HttpMessageNotReadableException) ? statusOf(ex.getCause(), status)
				: status;
		ProblemDetail problem = Problem.of(actual.value()).detail(actual.value(), advice(ex, actual));
		if (request instanceof ServletWebRequest web) {
			problem.setInstance(Problem.instance(web.getRequest().getRequestURI()));
		}
		HttpHeaders described = new HttpHeaders(headers);
		Problem.describe(described);
		return super.handleExceptionInternal(ex, problem, described, actual, request);
	}

	private static String advice(Exception ex, HttpStatusCode status) {
		if (ex instanceof NoResourceFoundException) {
			return Problem.advice(status.value());
		}
		if (ex instanceof HttpRequestMethodNotSupportedException method && method.getSupportedHttpMethods() != null) {
			return "%s is not possible here. These are: %s.".formatted(method.getMethod(),
					method.getSupportedHttpMethods()
						.stream()
						.map(HttpMethod::name)
						.sorted()
						.collect(Collectors.joining(", ")));
		}
		if (ex instanceof HttpMediaTypeNotAcceptableException media && !media.getSupportedMediaTypes().isEmpty()) {
			return "It can be had as %s only. Ask for one of these in Accept."
				.formatted(MediaType.toString(media.getSupportedMediaTypes()));
		}
		if (ex instanceof HttpMediaTypeNotSupportedException media && media.getContentType() != null) {
			return "It cannot be read as %s. Send %s.".formatted(media.getContentType(),
					MediaType.toString(media.getSupportedMediaTypes()));
		}
		if (ex instanceof HttpMessageNotReadableException unreadable && status.value() == 400) {
			return unreadable(unreadable.getCause());
		}
		if (ex instanceof MethodArgumentTypeMismatchException mismatch) {
			return "%s is '%s'. It must be %s.".formatted(mismatch.getName(), mismatch.getValue(),
					(mismatch.getRequiredType() == boolean.class) ? "true or false"
							: "a whole number, such as 1795420089");
		}
		String detail = (ex instanceof ErrorResponse response && !(ex instanceof HttpMediaTypeException))
				? response.getBody().getDetail() : null;
		return (detail != null) ? detail : Problem.advice(status.value());
	}

	private static HttpStatusCode statusOf(@Nullable Throwable cause, HttpStatusCode status) {
		if (cause instanceof StreamConstraintsException
				&& String.valueOf(cause.getMessage()).startsWith("Document length")) {
			return HttpStatus.CONTENT_TOO_LARGE;
		}
		// The body stopped in the middle.
		return (cause instanceof JacksonIOException) ? HttpStatus.REQUEST_TIMEOUT : status;
	}

	private static String unreadable(@Nullable Throwable cause) {
		if (cause instanceof StreamConstraintsException) {
			return "The body is nested too deep, or has too long a number or name in it. No request needs that.";
		}
		if (cause instanceof JacksonException json && json.getLocation() != null) {
			return "The body is no JSON, or names a member twice: look at line %d, column %d."
				.formatted(json.getLocation().getLineNr(), json.getLocation().getColumnNr());
		}
		return "The body is missing. Send a JSON object.";
	}

}
