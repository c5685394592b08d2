package dev.iothreads.security;

import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.UUID;

import jakarta.servlet.ServletRequest;
import jakarta.servlet.ServletRequestWrapper;
import jakarta.servlet.http.HttpServletRequest;
import org.apache.catalina.Globals;
import org.jspecify.annotations.Nullable;

import org.springframework.security.authentication.AnonymousAuthenticationToken;
import org.springframework.security.core.Authentication;
import org.springframework.security.core.GrantedAuthority;
import org.springframework.security.core.authority.AuthorityUtils;
import org.springframework.security.web.authentication.AnonymousAuthenticationFilter;

/**
 * Those without credentials. An operator is only who comes from this machine itself: a
 * proxy passes on the requests of everybody, and most say so. What counts is what has
 * come over the wire: whoever interprets the words of proxies hides them, and tells of an
 * address that anybody may have made up.
 */
final class Visitors extends AnonymousAuthenticationFilter {

	private static final List<String> FAMILIES = List.of("x-forwarded", "x-original-", "x-envoy-", "x-proxy");

	private static final Set<String> PROXY = Set.of("forwarded", "via", "x-real-ip", "x-real-port", "x-client-ip",
			"x-cluster-client-ip", "client-ip", "true-client-ip", "cf-connecting-ip", "fastly-client-ip",
			"x-appengine-user-ip", "x-azure-clientip", "front-end-https", "x-url-scheme", "x-scheme", "x-script-name");

	private static final List<GrantedAuthority> NONE = AuthorityUtils.createAuthorityList("ROLE_ANONYMOUS");

	private final String key;

	private final @Nullable Role role;

	Visitors(@Nullable Role role) {
		this(UUID.randomUUID().toString(), role);
	}

	private Visitors(String key, @Nullable Role role) {
		super(key);
		this.key = key;
		this.role = role;
	}

	@Override
	protected Authentication createAuthentication(HttpServletRequest request) {
		Role here = (this.role == Role.OPERATOR && !isFromHere(request)) ? Role.VIEWER : this.role;
		return new AnonymousAuthenticationToken(this.key, "anonymous", (here != null) ? here.authorities() : NONE);
	}

	private static boolean isFromHere(HttpServletRequest request) {
		HttpServletRequest received = received(request);
		return HostName.isLoopbackAddress(received.getRemoteAddr())
				// Tomcat's own valve for proxies has changed the very request.
				&& received.getAttribute(Globals.REQUEST_FORWARDED_ATTRIBUTE) == null
				&& Collections.list(received.getHeaderNames()).stream().noneMatch(Visitors::isOfProxy);
	}

	private static HttpServletRequest received(HttpServletRequest request) {
		ServletRequest inner = request;
		while (inner instanceof ServletRequestWrapper wrapper) {
			inner = wrapper.getRequest();
		}
		return (inner instanceof HttpServletRequest received) ? received : request;
	}

	private static boolean isOfProxy(String header) {
		String name = header.toLowerCase(Locale.ROOT);
		return PROXY.contains(name) || FAMILIES.stream().anyMatch(name::startsWith);
	}

}
