package dev.iothreads.security;

import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;

import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import org.springframework.core.NestedExceptionUtils;
import org.springframework.http.HttpHeaders;
import org.springframework.security.access.AccessDeniedException;
import org.springframework.security.authentication.AuthenticationServiceException;
import org.springframework.security.authentication.BadCredentialsException;
import org.springframework.security.authentication.InsufficientAuthenticationException;
import org.springframework.security.core.AuthenticationException;
import org.springframework.security.web.AuthenticationEntryPoint;
import org.springframework.security.web.access.AccessDeniedHandler;
import org.springframework.web.servlet.HandlerExceptionResolver;

/**
 * Answers a request that is refused, in words that say what to do. The answer has the
 * form of all problems.
 */
final class SecurityProblemHandler implements AuthenticationEntryPoint, AccessDeniedHandler {

	private static final Logger logger = LoggerFactory.getLogger(SecurityProblemHandler.class);

	private static final String REALM = " realm=\"iothread-inventory\"";

	private static final Duration WARNING_INTERVAL = Duration.ofMinutes(1);

	private final AtomicLong warned = new AtomicLong();

	private final HandlerExceptionResolver resolver;

	private final boolean onLoopback;

	private final BooleanSupplier hasUsers;

	private final boolean takesTokens;

	SecurityProblemHandler(HandlerExceptionResolver resolver, boolean onLoopback, BooleanSupplier hasUsers,
			boolean takesTokens) {
		this.resolver = resolver;
		this.onLoopback = onLoopback;
		this.hasUsers = hasUsers;
		this.takesTokens = takesTokens;
	}

	/**
	 * Answers with a problem.
	 * @throws ServletException when no handler turns the exception into one
	 */
	void answer(HttpServletRequest request, HttpServletResponse response, Exception refusal) throws ServletException {
		if (this.resolver.resolveException(request, response, null, refusal) == null) {
			throw new ServletException(refusal);
		}
	}

	/**
	 * Answers a client that has no credentials, has wrong ones, or has some that cannot
	 * be checked.
	 */
	@Override
	public void commence(HttpServletRequest request, HttpServletResponse response, AuthenticationException ex)
			throws IOException, ServletException {
		if (ex instanceof InsufficientAuthenticationException) {
			challenge(request, response, "");
			answer(request, response, new InsufficientAuthenticationException(
					"Sign in to do this: it needs the role %s. %s".formatted(needed(request), howToSignIn(request))));
		}
		else if (ex instanceof AuthenticationServiceException) {
			warn(NestedExceptionUtils.getMostSpecificCause(ex));
			answer(request, response, new AuthenticationServiceException(
					"Your credentials cannot be checked now. Try again in a moment; the log of the service says more."));
		}
		else {
			challenge(request, response, ", error=\"invalid_token\"");
			answer(request, response, new BadCredentialsException(refused(request) + " " + howToSignIn(request)));
		}
	}

	// Any client can cause it, as often as it likes.
	private void warn(Throwable cause) {
		long now = System.nanoTime();
		long last = this.warned.get();
		if ((last == 0 || now - last >= WARNING_INTERVAL.toNanos()) && this.warned.compareAndSet(last, now)) {
			logger.warn("Credentials cannot be checked: {} (logged once a minute)", cause.toString());
		}
	}

	@Override
	public void handle(HttpServletRequest request, HttpServletResponse response, AccessDeniedException ex)
			throws IOException, ServletException {
		answer(request, response,
				new AccessDeniedException(
						"You may not do this: it needs the role %s. Ask the operator of this service for it."
							.formatted(needed(request))));
	}

	private String refused(HttpServletRequest request) {
		String scheme = String.valueOf(request.getHeader(HttpHeaders.AUTHORIZATION));
		if (!scheme.regionMatches(true, 0, "Bearer", 0, "Bearer".length())) {
			return "The name or the password is wrong.";
		}
		return this.takesTokens
				? "The token is not accepted: it is none, has expired, is for another audience, or has another signer."
				: "No tokens are accepted here.";
	}

	private String howToSignIn(HttpServletRequest request) {
		if (this.hasUsers.getAsBoolean()) {
			return this.takesTokens ? "Send a bearer token, or a name and a password, in Authorization."
					: "Send a name and a password in Authorization.";
		}
		if (this.takesTokens) {
			return "Send a bearer token in Authorization.";
		}
		String users = "There is no way to sign in yet: set iothreads.security.users, users-file or jwt";
		return users + ((this.onLoopback && !BrowserGuard.isSafe(request))
				? ", or iothreads.security.anonymous=operator, by which every process on this host may change machines."
				: ".");
	}

	private static String needed(HttpServletRequest request) {
		return (BrowserGuard.isSafe(request) ? Role.VIEWER : Role.OPERATOR).wireName();
	}

	// For Basic a browser opens a window of its own, over the page whose script asks for
	// a password itself.
	private void challenge(HttpServletRequest request, HttpServletResponse response, String error) {
		boolean script = "empty".equals(request.getHeader("Sec-Fetch-Dest"));
		if (this.takesTokens || script) {
			response.addHeader(HttpHeaders.WWW_AUTHENTICATE, "Bearer" + REALM + error);
		}
		if (!script && (this.hasUsers.getAsBoolean() || !this.takesTokens)) {
			response.addHeader(HttpHeaders.WWW_AUTHENTICATE, "Basic" + REALM + ", charset=\"UTF-8\"");
		}
	}

}
