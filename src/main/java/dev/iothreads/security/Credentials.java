package dev.iothreads.security;

import java.security.Principal;
import java.time.Instant;

import org.jspecify.annotations.Nullable;

import org.springframework.security.core.Authentication;
import org.springframework.security.core.userdetails.UserDetails;
import org.springframework.security.oauth2.jwt.Jwt;

/**
 * Whether what a client has signed in with holds still, for answers that last.
 */
public final class Credentials {

	private final Users users;

	Credentials(Users users) {
		this.users = users;
	}

	/**
	 * Returns whether a client could sign in now as it did: its user has the same
	 * password and role, or its token has not expired.
	 * @param client the client of a request, {@code null} when it gave no credentials
	 */
	public boolean hold(@Nullable Principal client) {
		Object signedIn = (client instanceof Authentication authentication) ? authentication.getPrincipal() : null;
		if (signedIn instanceof UserDetails user) {
			return this.users.isCurrent(user);
		}
		return !(signedIn instanceof Jwt token) || token.getExpiresAt() == null
				|| Instant.now().isBefore(token.getExpiresAt());
	}

}
