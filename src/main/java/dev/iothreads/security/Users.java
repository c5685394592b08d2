package dev.iothreads.security;

import java.util.Map;

import org.jspecify.annotations.Nullable;

import org.springframework.security.core.userdetails.User;
import org.springframework.security.core.userdetails.UserDetails;
import org.springframework.security.core.userdetails.UserDetailsService;
import org.springframework.security.core.userdetails.UsernameNotFoundException;

/**
 * The configured users. Names are case-sensitive, unlike those of Spring's
 * {@code InMemoryUserDetailsManager}.
 */
final class Users implements UserDetailsService {

	private volatile Map<String, SecurityProperties.User> users;

	Users(Map<String, SecurityProperties.User> users) {
		this.users = Map.copyOf(users);
	}

	boolean isEmpty() {
		return this.users.isEmpty();
	}

	/**
	 * Returns the encoded password of some user, for the name of which there is none: an
	 * unknown name then takes as long to refuse as a known one.
	 */
	@Nullable String anyPassword() {
		return this.users.values().stream().map(SecurityProperties.User::password).findAny().orElse(null);
	}

	@Override
	public UserDetails loadUserByUsername(String name) {
		SecurityProperties.User user = this.users.get(name);
		if (user == null) {
			throw new UsernameNotFoundException("There is no such user");
		}
		return User.withUsername(name).password(user.password()).authorities(user.role().authorities()).build();
	}

}
