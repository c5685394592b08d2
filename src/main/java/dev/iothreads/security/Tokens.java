package dev.iothreads.security;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;

import com.nimbusds.jose.jwk.source.JWKSourceBuilder;
import com.nimbusds.jose.jwk.source.RateLimitReachedException;
import com.nimbusds.jose.proc.SecurityContext;
import org.jspecify.annotations.Nullable;

import org.springframework.boot.ssl.SslBundles;
import org.springframework.core.NestedExceptionUtils;
import org.springframework.security.authentication.AbstractAuthenticationToken;
import org.springframework.security.authentication.AuthenticationProvider;
import org.springframework.security.core.GrantedAuthority;
import org.springframework.security.oauth2.core.OAuth2TokenValidator;
import org.springframework.security.oauth2.jose.jws.SignatureAlgorithm;
import org.springframework.security.oauth2.jwt.BadJwtException;
import org.springframework.security.oauth2.jwt.Jwt;
import org.springframework.security.oauth2.jwt.JwtClaimNames;
import org.springframework.security.oauth2.jwt.JwtClaimValidator;
import org.springframework.security.oauth2.jwt.JwtDecoder;
import org.springframework.security.oauth2.jwt.JwtException;
import org.springframework.security.oauth2.jwt.JwtIssuerValidator;
import org.springframework.security.oauth2.jwt.JwtTimestampValidator;
import org.springframework.security.oauth2.jwt.JwtTypeValidator;
import org.springframework.security.oauth2.jwt.JwtValidators;
import org.springframework.security.oauth2.jwt.NimbusJwtDecoder;
import org.springframework.security.oauth2.server.resource.authentication.JwtAuthenticationProvider;
import org.springframework.security.oauth2.server.resource.authentication.JwtAuthenticationToken;

/**
 * The role that a token gives. It must be signed by the issuer, be for this service, and
 * not have expired; then its claims or its subject count.
 */
final class Tokens {

	private static final Duration CACHED = Duration.ofMinutes(5);

	/** A file is read again this often. */
	private static final Duration FILE_CACHED = Duration.ofSeconds(10);

	private static final Duration REFRESH_TIMEOUT = Duration.ofSeconds(15);

	/** How long keys are used when the issuer is out of reach. */
	private static final Duration OUTAGE = Duration.ofHours(6);

	/** So that tokens with unknown keys cause no traffic to the issuer. */
	private static final Duration MIN_INTERVAL = Duration.ofSeconds(30);

	private final SecurityProperties.Jwt jwt;

	private Tokens(SecurityProperties.Jwt jwt) {
		this.jwt = jwt;
	}

	static AuthenticationProvider provider(SecurityProperties.Jwt jwt, SslBundles bundles) {
		boolean file = jwt.jwkSet() != null && jwt.jwkSet().startsWith("file:");
		return provider(jwt, new SigningKeys(jwt, bundles), file ? FILE_CACHED : CACHED,
				file ? FILE_CACHED.dividedBy(2) : MIN_INTERVAL);
	}

	static AuthenticationProvider provider(SecurityProperties.Jwt jwt, SigningKeys keys, Duration cached,
			Duration minInterval) {
		// Spring's builders for issuers and addresses of keys survive no outage.
		NimbusJwtDecoder decoder = NimbusJwtDecoder
			.withJwkSource(JWKSourceBuilder.<SecurityContext>create(keys)
				.cache(cached.toMillis(), REFRESH_TIMEOUT.toMillis())
				.refreshAheadCache(false)
				.outageTolerant(OUTAGE.toMillis())
				.rateLimited(minInterval.toMillis())
				.build())
			.jwsAlgorithms((algorithms) -> algorithms.addAll(Arrays.asList(SignatureAlgorithm.values())))
			.build();
		decoder.setJwtValidator(validator(jwt));
		JwtAuthenticationProvider provider = new JwtAuthenticationProvider(withKeyFailures(decoder, keys));
		provider.setJwtAuthenticationConverter(new Tokens(jwt)::authenticated);
		return provider;
	}

	private static OAuth2TokenValidator<Jwt> validator(SecurityProperties.Jwt jwt) {
		JwtTypeValidator type = new JwtTypeValidator("JWT", "at+jwt");
		type.setAllowEmpty(true);
		List<OAuth2TokenValidator<Jwt>> validators = new ArrayList<>(
				List.of(type, requireExpiry(), new JwtClaimValidator<Collection<String>>(JwtClaimNames.AUD,
						(audience) -> audience != null && audience.stream().anyMatch(jwt.audiences()::contains))));
		if (jwt.issuer() != null) {
			validators.add(new JwtIssuerValidator(jwt.issuer()));
		}
		return JwtValidators.createDefaultWithValidators(validators);
	}

	private static JwtTimestampValidator requireExpiry() {
		JwtTimestampValidator validator = new JwtTimestampValidator();
		validator.setAllowEmptyExpiryClaim(false);
		return validator;
	}

	// Where the keys were read a moment ago, a key that is not among them is the token's
	// fault, not that of the service.
	private static JwtDecoder withKeyFailures(JwtDecoder decoder, SigningKeys keys) {
		return (token) -> {
			try {
				return decoder.decode(token);
			}
			catch (JwtException ex) {
				if (NestedExceptionUtils.getRootCause(ex) instanceof RateLimitReachedException && !keys.isFailing()) {
					throw new BadJwtException("Its key is unknown", ex);
				}
				throw ex;
			}
		};
	}

	private AbstractAuthenticationToken authenticated(Jwt token) {
		Role role = role(token);
		List<GrantedAuthority> authorities = (role != null) ? role.authorities() : List.of();
		String subject = token.getSubject();
		return new JwtAuthenticationToken(token, authorities, (subject != null) ? subject : "without a subject");
	}

	private @Nullable Role role(Jwt token) {
		String subject = token.getSubject();
		Collection<?> roles = roles(token.getClaims(), this.jwt.rolesClaim());
		if (roles.contains(Role.OPERATOR.wireName()) || (subject != null && this.jwt.operators().contains(subject))) {
			return Role.OPERATOR;
		}
		return (roles.contains(Role.VIEWER.wireName()) || (subject != null && this.jwt.viewers().contains(subject)))
				? Role.VIEWER : null;
	}

	private static Collection<?> roles(Map<?, ?> claims, String path) {
		Object claim = claims.get(path);
		if (claim instanceof String text) {
			return Arrays.asList(text.split(" "));
		}
		if (claim instanceof Collection<?> list) {
			return list;
		}
		int dot = path.indexOf('.');
		return (dot > 0 && claims.get(path.substring(0, dot)) instanceof Map<?, ?> inner)
				? roles(inner, path.substring(dot + 1)) : List.of();
	}

}
