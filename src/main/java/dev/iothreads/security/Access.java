package dev.iothreads.security;

import java.net.URI;
import java.net.URISyntaxException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

import org.jspecify.annotations.Nullable;

import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * Who may do what, as it is configured.
 *
 * @param anonymous What those without credentials may do. Unless it is set: operator when
 * the server listens on loopback, viewer otherwise.
 * @param metrics Who may read the metrics.
 * @param users Users by name, who sign in with a password (HTTP Basic).
 * @param jwt Whose tokens are accepted (OAuth 2 bearer tokens). None are unless it is
 * set.
 * @param allowedHosts Names by which a browser may reach the service, beside those of
 * loopback. While the server listens elsewhere, every name may be used unless some are
 * listed.
 * @param allowedOrigins Origins, such as https://dashboard.example, whose pages may use
 * the service from a browser. None may unless they are listed.
 */
public record Access(@Nullable Anonymous anonymous, @DefaultValue("open") Metrics metrics,
		@DefaultValue Map<String, User> users, @Nullable Jwt jwt, @DefaultValue List<String> allowedHosts,
		@DefaultValue List<String> allowedOrigins) {

	public Access {
		users = new TreeMap<>(users);
	}

	/**
	 * Says what those without credentials may do.
	 * @param onLoopback whether the server listens on loopback
	 * @return their role, {@code null} for none
	 */
	@Nullable Role anonymousRole(boolean onLoopback) {
		if (this.anonymous == null) {
			return onLoopback ? Role.OPERATOR : Role.VIEWER;
		}
		return switch (this.anonymous) {
			case OPERATOR -> Role.OPERATOR;
			case VIEWER -> Role.VIEWER;
			case NONE -> null;
		};
	}

	/**
	 * Looks for what must not be. Nothing of a password is in what is said.
	 * @param onLoopback whether the server listens on loopback
	 * @throws UnsafeSettingException when something is unsafe, or makes no sense
	 */
	void check(boolean onLoopback) {
		List<String> wrong = new ArrayList<>();
		if (this.anonymous == Anonymous.OPERATOR && !onLoopback) {
			wrong.add("iothreads.security.anonymous is operator, and server.address is no loopback address: everybody "
					+ "who reaches it could change machines. Set it to viewer or none, and give those who change "
					+ "machines credentials (iothreads.security.users or iothreads.security.jwt).");
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

	/** What those without credentials may do. */
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

		/** Everybody. */
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
			if (!Passwords.isEncoded(this.password)) {
				wrong.add(property
						+ ".password is not encoded. Write {bcrypt} and the bcrypt hash of the password, as 'htpasswd -nbBC 10 NAME PASSWORD' prints it after the colon.");
			}
		}

		@Override
		public String toString() {
			return "User[role=" + this.role + "]";
		}

	}

	/**
	 * Whose tokens are accepted, and what they allow.
	 *
	 * @param issuer Who issues the tokens: an OpenID Connect issuer. Its keys are found
	 * by discovery unless jwk-set says where they are.
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
				wrong.add("iothreads.security.jwt has neither issuer nor jwk-set: say whose tokens are accepted.");
			}
			if (this.audiences.isEmpty()) {
				wrong.add("iothreads.security.jwt.audiences is empty: tokens that are meant for others would be "
						+ "accepted. Name the audience that is this service's own, such as iothread-inventory.");
			}
			checkUrl("issuer", this.issuer, "https?", wrong);
			checkUrl("jwk-set", this.jwkSet, "https?|file", wrong);
		}

		private static void checkUrl(String name, @Nullable String url, String schemes, List<String> wrong) {
			if (url != null && !isUrl(url, schemes)) {
				// It is not shown: it may have a password in it.
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
