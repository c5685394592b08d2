package dev.iothreads.security;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;

import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.jwk.source.JWKSource;
import com.nimbusds.jose.jwk.source.JWKSourceBuilder;
import com.nimbusds.jose.jwk.source.RateLimitReachedException;
import com.nimbusds.jose.proc.DefaultJOSEObjectTypeVerifier;
import com.nimbusds.jose.proc.JWSVerificationKeySelector;
import com.nimbusds.jose.proc.SecurityContext;
import com.nimbusds.jwt.proc.DefaultJWTProcessor;
import org.jspecify.annotations.Nullable;

import org.springframework.boot.ssl.SslBundles;
import org.springframework.core.NestedExceptionUtils;
import org.springframework.security.authentication.AbstractAuthenticationToken;
import org.springframework.security.authentication.AuthenticationProvider;
import org.springframework.security.authentication.AuthenticationServiceException;
import org.springframework.security.core.Authentication;
import org.springframework.security.core.GrantedAuthority;
import org.springframework.security.oauth2.core.OAuth2Error;
import org.springframework.security.oauth2.core.OAuth2TokenValidator;
import org.springframework.security.oauth2.core.OAuth2TokenValidatorResult;
import org.springframework.security.oauth2.jwt.Jwt;
import org.springframework.security.oauth2.jwt.JwtIssuerValidator;
import org.springframework.security.oauth2.jwt.JwtValidators;
import org.springframework.security.oauth2.jwt.NimbusJwtDecoder;
import org.springframework.security.oauth2.server.resource.InvalidBearerTokenException;
import org.springframework.security.oauth2.server.resource.authentication.JwtAuthenticationProvider;
import org.springframework.security.oauth2.server.resource.authentication.JwtAuthenticationToken;

/**
 * Whom a token makes somebody: it must be signed by the issuer, be for this service, and
 * not have expired; then its claims or its subject give the role.
 */
final class Tokens {

	// Who knows a public key knows no secret: none that are signed with one are taken.
	private static final Set<JWSAlgorithm> ALGORITHMS = Set.of(JWSAlgorithm.RS256, JWSAlgorithm.RS384,
			JWSAlgorithm.RS512, JWSAlgorithm.PS256, JWSAlgorithm.PS384, JWSAlgorithm.PS512, JWSAlgorithm.ES256,
			JWSAlgorithm.ES384, JWSAlgorithm.ES512);

	private static final Duration CACHED = Duration.ofMinutes(5);

	private static final Duration REFRESHED = Duration.ofSeconds(15);

	// For so long the keys that were had last do, where the issuer is out of reach.
	private static final Duration OUTAGE = Duration.ofHours(6);

	// Whoever sends tokens with keys that nobody knows makes no traffic to the issuer.
	private static final Duration AT_MOST_EVERY = Duration.ofSeconds(30);

	private final Access.Jwt jwt;

	private Tokens(Access.Jwt jwt) {
		this.jwt = jwt;
	}

	static AuthenticationProvider provider(Access.Jwt jwt, SslBundles bundles) {
		return provider(jwt, new KeySets(jwt, bundles), CACHED, AT_MOST_EVERY);
	}

	static AuthenticationProvider provider(Access.Jwt jwt, KeySets keys, Duration cached, Duration atMostEvery) {
		JwtAuthenticationProvider provider = new JwtAuthenticationProvider(decoder(jwt, keys, cached, atMostEvery));
		provider.setJwtAuthenticationConverter(new Tokens(jwt)::authenticated);
		return new AuthenticationProvider() {

			@Override
			public @Nullable Authentication authenticate(Authentication attempt) {
				try {
					return provider.authenticate(attempt);
				}
				catch (AuthenticationServiceException ex) {
					// All keys there are were had a moment ago, and its own is none of
					// them.
					if (NestedExceptionUtils.getRootCause(ex) instanceof RateLimitReachedException
							&& !keys.isFailing()) {
						throw new InvalidBearerTokenException("Nobody knows its key", ex);
					}
					throw ex;
				}
			}

			@Override
			public boolean supports(Class<?> type) {
				return provider.supports(type);
			}

		};
	}

	private static NimbusJwtDecoder decoder(Access.Jwt jwt, KeySets source, Duration cached, Duration atMostEvery) {
		JWKSource<SecurityContext> keys = JWKSourceBuilder.create(source)
			.cache(cached.toMillis(), REFRESHED.toMillis())
			.refreshAheadCache(false)
			.outageTolerant(OUTAGE.toMillis())
			.rateLimited(atMostEvery.toMillis())
			.build();
		DefaultJWTProcessor<SecurityContext> processor = new DefaultJWTProcessor<>();
		processor.setJWSKeySelector(new JWSVerificationKeySelector<>(ALGORITHMS, keys));
		processor.setJWSTypeVerifier(
				new DefaultJOSEObjectTypeVerifier<>(JOSEObjectType.JWT, new JOSEObjectType("at+jwt"), null));
		// Spring looks at the claims.
		processor.setJWTClaimsSetVerifier((claims, context) -> {
		});
		NimbusJwtDecoder decoder = new NimbusJwtDecoder(processor);
		List<OAuth2TokenValidator<Jwt>> validators = new ArrayList<>();
		validators.add((token) -> isMeantForUs(jwt, token));
		validators.add(Tokens::hasAnEnd);
		if (jwt.issuer() != null) {
			validators.add(new JwtIssuerValidator(jwt.issuer()));
		}
		decoder.setJwtValidator(JwtValidators.createDefaultWithValidators(validators));
		return decoder;
	}

	private static OAuth2TokenValidatorResult isMeantForUs(Access.Jwt jwt, Jwt token) {
		List<String> audience = token.getAudience();
		return result(audience != null && audience.stream().anyMatch(jwt.audiences()::contains),
				"It is for another audience");
	}

	private static OAuth2TokenValidatorResult hasAnEnd(Jwt token) {
		return result(token.getExpiresAt() != null, "It never expires");
	}

	private static OAuth2TokenValidatorResult result(boolean valid, String otherwise) {
		return valid ? OAuth2TokenValidatorResult.success()
				: OAuth2TokenValidatorResult.failure(new OAuth2Error("invalid_token", otherwise, null));
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
