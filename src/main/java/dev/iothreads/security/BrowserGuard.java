package dev.iothreads.security;

import java.io.IOException;
import java.net.URI;
import java.util.List;
import java.util.Locale;
import java.util.Set;

import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import org.jspecify.annotations.Nullable;

import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatus;
import org.springframework.security.web.csrf.CsrfException;
import org.springframework.security.web.util.matcher.RequestMatcher;
import org.springframework.web.filter.OncePerRequestFilter;
import org.springframework.web.server.ResponseStatusException;

/**
 * Refuses what a page of another site makes a browser send. A browser sends where a
 * request comes from (Fetch Metadata, {@code Sec-Fetch-Site}; older ones,
 * {@code Origin}), and the host that it means: a name that an attacker's name server maps
 * to this address is not one of the service.
 * <p>
 * The hosts are checked here, because {@code StrictHttpFirewall.setAllowedHostnames} does
 * not know the path, and probes ask for the health by any name.
 */
final class BrowserGuard extends OncePerRequestFilter {

	private static final Set<String> SAFE = Set.of("GET", "HEAD", "OPTIONS", "TRACE");

	private static final Set<String> OWN = Set.of("same-origin", "none");

	private final boolean onLoopback;

	private final Set<String> hosts;

	private final Set<String> origins;

	private final RequestMatcher open;

	private final SecurityProblemHandler problems;

	/**
	 * Creates the filter.
	 * @param onLoopback whether the server listens on loopback
	 * @param hosts the names of the service
	 * @param origins the origins whose pages may use the service
	 * @param open what may be read by every name
	 * @param problems answers what is refused
	 */
	BrowserGuard(boolean onLoopback, List<String> hosts, List<String> origins, RequestMatcher open,
			SecurityProblemHandler problems) {
		this.onLoopback = onLoopback;
		this.hosts = Set
			.copyOf(hosts.stream().map((host) -> new HostName(host.toLowerCase(Locale.ROOT)).text()).toList());
		this.origins = Set.copyOf(origins);
		this.open = open;
		this.problems = problems;
	}

	static boolean isSafe(HttpServletRequest request) {
		return SAFE.contains(request.getMethod());
	}

	@Override
	protected void doFilterInternal(HttpServletRequest request, HttpServletResponse response, FilterChain chain)
			throws ServletException, IOException {
		HostName host = HostName.of(request.getHeader(HttpHeaders.HOST));
		if (host != null && !isOurs(host) && !this.open.matches(request)) {
			this.problems.answer(request, response, new ResponseStatusException(HttpStatus.MISDIRECTED_REQUEST,
					"This service is not known as '%s'. Use localhost or a name in iothreads.security.allowed-hosts."
						.formatted(host.text())));
		}
		else if (!isSafe(request) && isForeign(request, host)) {
			this.problems.answer(request, response, new CsrfException(
					"A page of another site may not change anything here. List its origin in iothreads.security.allowed-origins if it should."));
		}
		else {
			chain.doFilter(request, response);
		}
	}

	private boolean isOurs(HostName host) {
		if (this.hosts.contains(host.text()) || host.isLoopback()) {
			return true;
		}
		return !this.onLoopback && (this.hosts.isEmpty() || host.isAddress());
	}

	private boolean isForeign(HttpServletRequest request, @Nullable HostName host) {
		String origin = request.getHeader(HttpHeaders.ORIGIN);
		if (origin != null && this.origins.contains(origin)) {
			return false;
		}
		String site = request.getHeader("Sec-Fetch-Site");
		if (site != null) {
			return !OWN.contains(site);
		}
		return origin != null && !isSameHost(origin, request, host);
	}

	// Behind a trusted proxy, the server's name is that of the proxy.
	private static boolean isSameHost(String origin, HttpServletRequest request, @Nullable HostName host) {
		try {
			HostName sender = HostName.of(URI.create(origin).getRawAuthority());
			return sender != null && (sender.equals(host) || sender.equals(HostName.of(request.getServerName())));
		}
		catch (IllegalArgumentException ex) {
			return false;
		}
	}

}
