package dev.iothreads.security;

import java.util.List;
import java.util.UUID;

import jakarta.servlet.http.HttpServletRequest;
import org.jspecify.annotations.Nullable;

import org.springframework.security.authentication.AnonymousAuthenticationToken;
import org.springframework.security.core.Authentication;
import org.springframework.security.core.GrantedAuthority;
import org.springframework.security.core.authority.AuthorityUtils;
import org.springframework.security.web.authentication.AnonymousAuthenticationFilter;

/**
 * Those without credentials. An operator is only who comes from this machine itself: a
 * proxy that listens elsewhere passes on the requests of everybody, and says so.
 */
final class Visitors extends AnonymousAuthenticationFilter {

	private static final List<String> PROXY = List.of("X-Forwarded-For", "Forwarded", "Via", "X-Real-Ip");

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
		return HostName.isLoopbackAddress(request.getRemoteAddr())
				&& PROXY.stream().allMatch((header) -> request.getHeader(header) == null);
	}

}
