package dev.iothreads.security;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

import org.jspecify.annotations.Nullable;

import org.springframework.security.core.userdetails.User;
import org.springframework.security.core.userdetails.UserDetails;
import org.springframework.security.core.userdetails.UserDetailsService;
import org.springframework.security.core.userdetails.UsernameNotFoundException;

/**
 * The users of the configuration and of the file. Names are case-sensitive, unlike those
 * of Spring's {@code InMemoryUserDetailsManager}.
 */
final class Users implements UserDetailsService {

	private final Map<String, SecurityProperties.User> configured;

	private volatile Map<String, SecurityProperties.User> users;

	Users(Map<String, SecurityProperties.User> configured) {
		this.configured = Map.copyOf(configured);
		this.users = this.configured;
	}

	/**
	 * Replaces the users of the file. Users that are not in it any more cannot sign in
	 * from the next request on.
	 * @return the number of users in all
	 * @throws UnsafeSettingException when one of them is configured, too
	 */
	int replaceFileUsers(Map<String, SecurityProperties.User> read) {
		Map<String, SecurityProperties.User> all = new HashMap<>(this.configured);
		List<String> twice = new ArrayList<>();
		read.forEach((name, user) -> {
			if (all.put(name, user) != null) {
				twice.add("The user '%s' is in iothreads.security.users and in users-file: remove one of them."
					.formatted(name));
			}
		});
		if (!twice.isEmpty()) {
			throw new UnsafeSettingException(twice);
		}
		this.users = Map.copyOf(all);
		return all.size();
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
		return new SignedIn(name, user);
	}

	/**
	 * Returns whether a client that signed in by {@link #loadUserByUsername} could do so
	 * still, with the same password and role.
	 */
	boolean isCurrent(UserDetails client) {
		return client instanceof SignedIn user && user.as.equals(this.users.get(user.getUsername()));
	}

	@SuppressWarnings("serial") // there are no sessions
	private static final class SignedIn extends User {

		private final SecurityProperties.User as;

		SignedIn(String name, SecurityProperties.User as) {
			super(name, as.password(), as.role().authorities());
			this.as = as;
		}

	}

}
