package dev.iothreads.security;

import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;

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
import org.springframework.security.authentication.LockedException;
import org.springframework.security.core.AuthenticationException;
import org.springframework.security.web.AuthenticationEntryPoint;
import org.springframework.security.web.access.AccessDeniedHandler;
import org.springframework.security.web.authentication.AuthenticationFailureHandler;
import org.springframework.web.servlet.HandlerExceptionResolver;

/**
 * Answers those who are refused, in words that say what to do. The answers are given the
 * form that all errors have.
 */
final class Refusals implements AuthenticationEntryPoint, AccessDeniedHandler, AuthenticationFailureHandler {

	private static final Logger logger = LoggerFactory.getLogger(Refusals.class);

	private static final String REALM = " realm=\"iothread-inventory\"";

	private static final Duration SILENCE = Duration.ofMinutes(1);

	private final AtomicLong warned = new AtomicLong();

	private final HandlerExceptionResolver resolver;

	private final boolean hasUsers;

	private final boolean takesTokens;

	Refusals(HandlerExceptionResolver resolver, boolean hasUsers, boolean takesTokens) {
		this.resolver = resolver;
		this.hasUsers = hasUsers;
		this.takesTokens = takesTokens;
	}

	/**
	 * Answers with a problem.
	 * @throws ServletException when nobody turns the exception into one
	 */
	void answer(HttpServletRequest request, HttpServletResponse response, Exception refusal) throws ServletException {
		if (this.resolver.resolveException(request, response, null, refusal) == null) {
			throw new ServletException(refusal);
		}
	}

	// Nobody has signed in, and somebody has to.
	@Override
	public void commence(HttpServletRequest request, HttpServletResponse response, AuthenticationException ex)
			throws IOException, ServletException {
		if (!(ex instanceof InsufficientAuthenticationException)) {
			onAuthenticationFailure(request, response, ex);
			return;
		}
		challenge(request, response, "");
		answer(request, response, new InsufficientAuthenticationException(
				"Sign in to do this: it needs the role %s. %s".formatted(needed(request), howToSignIn())));
	}

	// Somebody has tried to sign in.
	@Override
	public void onAuthenticationFailure(HttpServletRequest request, HttpServletResponse response,
			AuthenticationException ex) throws IOException, ServletException {
		if (ex instanceof LockedException) {
			answer(request, response, ex);
			return;
		}
		if (ex instanceof AuthenticationServiceException) {
			warn(NestedExceptionUtils.getMostSpecificCause(ex));
			answer(request, response, new AuthenticationServiceException(
					"Your credentials cannot be checked now. Try again in a moment; the log of the service says more."));
			return;
		}
		String scheme = String.valueOf(request.getHeader(HttpHeaders.AUTHORIZATION));
		boolean token = scheme.regionMatches(true, 0, "Bearer", 0, "Bearer".length());
		challenge(request, response, ", error=\"invalid_token\"");
		answer(request, response, new BadCredentialsException(
				(token ? tokenRefused(ex) : "The name or the password is wrong.") + " " + howToSignIn()));
	}

	// Strangers can make it happen as often as they like.
	private void warn(Throwable cause) {
		long now = System.nanoTime();
		long last = this.warned.get();
		if ((last == 0 || now - last >= SILENCE.toNanos()) && this.warned.compareAndSet(last, now)) {
			logger.warn("Credentials cannot be checked: {} (said once a minute)", cause.toString());
		}
	}

	@Override
	public void handle(HttpServletRequest request, HttpServletResponse response, AccessDeniedException ex)
			throws IOException, ServletException {
		answer(request, response,
				new AccessDeniedException("You may not do this: it needs the role %s. Ask whoever runs this service."
					.formatted(needed(request))));
	}

	private String tokenRefused(AuthenticationException ex) {
		return this.takesTokens
				? "The token is not accepted: it is none, has expired, is for another audience, or is signed by somebody else."
				: "No tokens are accepted here.";
	}

	private String howToSignIn() {
		if (this.hasUsers) {
			return this.takesTokens ? "Send a bearer token, or a name and a password, in Authorization."
					: "Send a name and a password in Authorization.";
		}
		return this.takesTokens ? "Send a bearer token in Authorization."
				: "There is no way to sign in yet: iothreads.security.users and iothreads.security.jwt make one.";
	}

	private static String needed(HttpServletRequest request) {
		return (BrowserGuard.isSafe(request) ? Role.VIEWER : Role.OPERATOR).wireName();
	}

	// A browser that hears of Basic opens a window of its own, over the page whose script
	// has asked and will ask for a password itself.
	private void challenge(HttpServletRequest request, HttpServletResponse response, String error) {
		boolean script = "empty".equals(request.getHeader("Sec-Fetch-Dest"));
		if (this.takesTokens || script) {
			response.addHeader(HttpHeaders.WWW_AUTHENTICATE, "Bearer" + REALM + error);
		}
		if (!script && (this.hasUsers || !this.takesTokens)) {
			response.addHeader(HttpHeaders.WWW_AUTHENTICATE, "Basic" + REALM + ", charset=\"UTF-8\"");
		}
	}

}
