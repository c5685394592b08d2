package dev.iothreads.security;

import java.net.InetAddress;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;

import org.jspecify.annotations.Nullable;

import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * Settings beneath {@code iothreads.security}.
 *
 * @param anonymous What clients without credentials may do. Unless it is set: operator
 * where the service shows nothing but the embedded demo and listens on loopback, viewer
 * otherwise.
 * @param metrics Who may read the metrics.
 * @param users Users by name, who sign in with a password (HTTP Basic).
 * @param usersFile A file with more users, one in each line: name:password:role. It is
 * read again when it changes.
 * @param jwt The issuer whose tokens are accepted (OAuth 2 bearer tokens). None are
 * unless it is set.
 * @param allowedHosts Names by which a browser may reach the service, beside those of
 * loopback. While the server listens elsewhere, every name may be used unless some are
 * listed.
 * @param allowedOrigins Origins, such as https://dashboard.example, whose pages may use
 * the service from a browser. None may unless they are listed.
 */
public record SecurityProperties(@Nullable Anonymous anonymous, @DefaultValue("open") Metrics metrics,
		@DefaultValue Map<String, User> users, @Nullable Path usersFile, @Nullable Jwt jwt,
		@DefaultValue List<String> allowedHosts, @DefaultValue List<String> allowedOrigins) {

	public SecurityProperties {
		users = new TreeMap<>(users);
	}

	/**
	 * Returns these settings with {@code anonymous} set.
	 * @param demo whether the service shows nothing but the embedded demo
	 * @param address where the server listens, {@code null} for all addresses
	 */
	public SecurityProperties withDefaults(boolean demo, @Nullable InetAddress address) {
		if (this.anonymous != null) {
			return this;
		}
		return new SecurityProperties((demo && isLoopback(address)) ? Anonymous.OPERATOR : Anonymous.VIEWER,
				this.metrics, this.users, this.usersFile, this.jwt, this.allowedHosts, this.allowedOrigins);
	}

	static boolean isLoopback(@Nullable InetAddress address) {
		return address != null && address.isLoopbackAddress();
	}

	/**
	 * Returns the role of clients without credentials, {@code null} for none.
	 */
	@Nullable Role anonymousRole() {
		return switch (Objects.requireNonNullElse(this.anonymous, Anonymous.VIEWER)) {
			case OPERATOR -> Role.OPERATOR;
			case VIEWER -> Role.VIEWER;
			case NONE -> null;
		};
	}

	/**
	 * Refuses settings that are unsafe or invalid. No message has a password in it.
	 * @param onLoopback whether the server listens on loopback
	 * @throws UnsafeSettingException with a sentence for each of them
	 */
	void check(boolean onLoopback) {
		List<String> wrong = new ArrayList<>();
		if (this.anonymous == Anonymous.OPERATOR && !onLoopback) {
			wrong.add("iothreads.security.anonymous is operator, and server.address is no loopback address: every "
					+ "client that reaches it could change machines. Set it to viewer or none, and give the users who "
					+ "change machines credentials (iothreads.security.users or iothreads.security.jwt).");
		}
		this.users.forEach((name, user) -> user.check("iothreads.security.users." + name, name, wrong));
		if (this.jwt != null) {
			this.jwt.check(wrong);
		}
		for (String origin : this.allowedOrigins) {
			if (!isOrigin(origin)) {
				wrong.add(
						"iothreads.security.allowed-origins: '%s' is no origin. Use one such as https://dashboard.example, without a path."
							.formatted(origin));
			}
		}
		for (String host : this.allowedHosts) {
			if (!HostName.isName(host)) {
				wrong.add(
						"iothreads.security.allowed-hosts: '%s' is no name of a host. Use one such as iothreads.example, without a port."
							.formatted(host));
			}
		}
		if (!wrong.isEmpty()) {
			throw new UnsafeSettingException(wrong);
		}
	}

	private static boolean isOrigin(String text) {
		try {
			URI origin = URI.create(text);
			return ("http".equals(origin.getScheme()) || "https".equals(origin.getScheme())) && origin.getHost() != null
					&& text.equals(origin.getScheme() + "://" + origin.getRawAuthority());
		}
		catch (IllegalArgumentException ex) {
			return false;
		}
	}

	/** What clients without credentials may do. */
	public enum Anonymous {

		/** Read and change. Only where the server listens on loopback. */
		OPERATOR,

		/** Read. */
		VIEWER,

		/** Nothing. */
		NONE

	}

	/** Who may read the metrics. */
	public enum Metrics {

		/** Every client. */
		OPEN,

		/** Viewers. */
		VIEWER

	}

	/**
	 * A user who signs in with a password.
	 *
	 * @param password The password, encoded: {bcrypt}$2y$10$… or
	 * {pbkdf2@SpringSecurity_v5_8}….
	 * @param role What the user may do.
	 */
	public record User(@DefaultValue("") String password, @DefaultValue("viewer") Role role) {

		private void check(String property, String name, List<String> wrong) {
			if (name.isBlank() || name.contains(":")) {
				wrong.add(property + ": a name is not empty and has no colon in it (RFC 7617).");
			}
			if (!BoundedPasswordEncoder.isEncoded(this.password)) {
				wrong.add(property
						+ ".password is not encoded. Write {bcrypt} and the bcrypt hash of the password, as 'htpasswd -nB NAME' asks for it and prints it after the colon.");
			}
		}

		@Override
		public String toString() {
			return "User[role=" + this.role + "]";
		}

	}

	/**
	 * Which tokens are accepted, and what they allow.
	 *
	 * @param issuer The OpenID Connect issuer of the tokens. Its keys are found by
	 * discovery unless jwk-set says where they are.
	 * @param jwkSet Where the keys are that tokens are signed with: an http, https or
	 * file URL of a JWK set.
	 * @param audiences A token must be for one of these.
	 * @param rolesClaim The claim that names the roles, 'viewer' or 'operator': a text, a
	 * list of texts, or texts separated by blanks. Dots lead into objects.
	 * @param operators Subjects that are operators whatever their claims say, such as
	 * system:serviceaccount:vms:controller.
	 * @param viewers Subjects that are viewers whatever their claims say.
	 * @param sslBundle The SSL bundle to trust the issuer by. What Java trusts, unless it
	 * is set.
	 * @param tokenFile A file with a token to fetch the keys with, as Kubernetes wants
	 * it.
	 */
	public record Jwt(@Nullable String issuer, @Nullable String jwkSet, @DefaultValue List<String> audiences,
			@DefaultValue("roles") String rolesClaim, @DefaultValue List<String> operators,
			@DefaultValue List<String> viewers, @Nullable String sslBundle, @Nullable String tokenFile) {

		private void check(List<String> wrong) {
			if (this.issuer == null && this.jwkSet == null) {
				wrong.add(
						"iothreads.security.jwt has neither issuer nor jwk-set: set one, so that it is known whose tokens are accepted.");
			}
			if (this.audiences.isEmpty()) {
				wrong.add("iothreads.security.jwt.audiences is empty: tokens for other services would be "
						+ "accepted. Name the audience of this service, such as iothread-inventory.");
			}
			checkUrl("issuer", this.issuer, "https?", wrong);
			checkUrl("jwk-set", this.jwkSet, "https?|file", wrong);
		}

		private static void checkUrl(String name, @Nullable String url, String schemes, List<String> wrong) {
			if (url != null && !isUrl(url, schemes)) {
				// The value is not shown: it may have a password in it.
				wrong.add(("iothreads.security.jwt.%s is no address. Use one such as https://login.example/realm, "
						+ "without a name or a password in it.")
					.formatted(name));
			}
		}

		private static boolean isUrl(String text, String schemes) {
			try {
				URI url = new URI(text);
				return text.matches("(" + schemes + "):[!-~]+") && !url.isOpaque() && url.getRawUserInfo() == null
						&& ("file".equals(url.getScheme()) || (url.getHost() != null && !text.contains("@")));
			}
			catch (URISyntaxException ex) {
				return false;
			}
		}

	}

}
