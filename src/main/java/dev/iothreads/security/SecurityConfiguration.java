package dev.iothreads.security;

import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

import jakarta.servlet.DispatcherType;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.boot.ssl.SslBundles;
import org.springframework.boot.web.server.autoconfigure.ServerProperties;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpMethod;
import org.springframework.http.HttpStatus;
import org.springframework.http.server.ServerHttpResponse;
import org.springframework.security.authentication.AuthenticationManager;
import org.springframework.security.authentication.AuthenticationProvider;
import org.springframework.security.authentication.ProviderManager;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.config.annotation.web.configuration.EnableWebSecurity;
import org.springframework.security.config.observation.SecurityObservationSettings;
import org.springframework.security.config.annotation.web.configurers.AbstractHttpConfigurer;
import org.springframework.security.config.annotation.web.configurers.HeadersConfigurer;
import org.springframework.security.config.http.SessionCreationPolicy;
import org.springframework.security.core.AuthenticationException;
import org.springframework.security.oauth2.server.resource.authentication.BearerTokenAuthenticationToken;
import org.springframework.security.oauth2.server.resource.InvalidBearerTokenException;
import org.springframework.security.oauth2.server.resource.web.authentication.BearerTokenAuthenticationFilter;
import org.springframework.security.web.SecurityFilterChain;
import org.springframework.security.web.authentication.www.BasicAuthenticationFilter;
import org.springframework.security.web.firewall.HttpFirewall;
import org.springframework.security.web.firewall.StrictHttpFirewall;
import org.springframework.security.web.header.HeaderWriterFilter;
import org.springframework.security.web.servlet.util.matcher.PathPatternRequestMatcher;
import org.springframework.security.web.util.matcher.RequestMatcher;
import org.springframework.web.cors.CorsConfiguration;
import org.springframework.web.cors.DefaultCorsProcessor;
import org.springframework.web.cors.UrlBasedCorsConfigurationSource;
import org.springframework.web.filter.CorsFilter;
import org.springframework.web.servlet.HandlerExceptionResolver;

/**
 * The doors of the service, all in one place. No bean has a condition on a setting: those
 * are frozen when the application is prepared ahead of time.
 */
@Configuration(proxyBeanMethods = false)
@EnableWebSecurity
class SecurityConfiguration {

	private static final Logger logger = LoggerFactory.getLogger(SecurityConfiguration.class);

	private static final String[] HEALTH = { "/actuator/health", "/actuator/health/**" };

	private static final String METRICS = "/actuator/prometheus";

	private static final String[] GUARDED = { "/api/**", "/actuator/**" };

	@Bean
	SecurityFilterChain doors(HttpSecurity http, Access access, ServerProperties server, SslBundles bundles,
			@Qualifier("handlerExceptionResolver") HandlerExceptionResolver resolver) {
		boolean onLoopback = isLoopback(server.getAddress());
		access.check(onLoopback);
		Role anonymous = access.anonymousRole(onLoopback);
		logger.info("Without credentials one is {} here{}", (anonymous != null) ? anonymous.wireName() : "nobody",
				onLoopback ? ", where only this machine can be" : "");
		AuthenticationManager authentication = authentication(access, bundles);
		Refusals refusals = new Refusals(resolver, !access.users().isEmpty(), access.jwt() != null);
		BearerTokenAuthenticationFilter tokens = new BearerTokenAuthenticationFilter(authentication);
		tokens.setAuthenticationFailureHandler(refusals);
		tokens.setAuthenticationEntryPoint(refusals);
		RequestMatcher health = PathPatternRequestMatcher.withDefaults().matcher("/actuator/health/**");
		http.sessionManagement((sessions) -> sessions.sessionCreationPolicy(SessionCreationPolicy.STATELESS))
			// Nothing is told by a cookie, and what other sites may not do is refused.
			.csrf(AbstractHttpConfigurer::disable)
			.requestCache(AbstractHttpConfigurer::disable)
			.logout(AbstractHttpConfigurer::disable)
			.headers(SecurityConfiguration::headers)
			.addFilter(crossOrigin(access.allowedOrigins()))
			.addFilterAfter(
					new BrowserGuard(onLoopback, access.allowedHosts(), access.allowedOrigins(), health, refusals),
					HeaderWriterFilter.class)
			.addFilter(tokens)
			.addFilter(new BasicAuthenticationFilter(authentication, refusals))
			.anonymous((visitors) -> visitors.authenticationFilter(new Visitors(anonymous)))
			.exceptionHandling((refused) -> refused.authenticationEntryPoint(refusals).accessDeniedHandler(refusals))
			.authorizeHttpRequests((requests) -> {
				requests.dispatcherTypeMatchers(DispatcherType.ASYNC, DispatcherType.FORWARD).permitAll();
				requests.requestMatchers(HttpMethod.GET, HEALTH).permitAll();
				requests.requestMatchers(HttpMethod.HEAD, HEALTH).permitAll();
				if (access.metrics() == Access.Metrics.OPEN) {
					requests.requestMatchers(HttpMethod.GET, METRICS).permitAll();
					requests.requestMatchers(HttpMethod.HEAD, METRICS).permitAll();
				}
				requests.requestMatchers((request) -> !BrowserGuard.isSafe(request)).hasRole(Role.OPERATOR.name());
				requests.requestMatchers(GUARDED).hasRole(Role.VIEWER.name());
				// The page, and what describes the API: nothing in it is of a machine.
				requests.anyRequest().permitAll();
			});
		return http.build();
	}

	// A span and three meters around each filter of each request: nobody has asked how
	// long a filter takes, and it would take as long as the answer itself.
	@Bean
	SecurityObservationSettings unobservedFilters() {
		return SecurityObservationSettings.noObservations();
	}

	// What an address may look like. Methods are for the controllers to refuse: they know
	// which are possible.
	@Bean
	HttpFirewall readableAddresses() {
		StrictHttpFirewall firewall = new StrictHttpFirewall();
		firewall.setUnsafeAllowAnyHttpMethod(true);
		// A percent sign in an id is encoded so.
		firewall.setAllowUrlEncodedPercent(true);
		// Tomcat has read them, and looked at each character. Here they would be refused
		// when they are asked for, after the answer has been made, it may be.
		firewall.setAllowedHeaderValues((value) -> true);
		firewall.setAllowedParameterNames((name) -> true);
		return firewall;
	}

	private static AuthenticationManager authentication(Access access, SslBundles bundles) {
		List<AuthenticationProvider> providers = new ArrayList<>();
		providers.add(new Passwords(access.users()));
		if (access.jwt() != null) {
			providers.add(Tokens.provider(access.jwt(), bundles));
		}
		AuthenticationManager manager = new ProviderManager(providers);
		return (attempt) -> {
			if (access.jwt() == null && attempt instanceof BearerTokenAuthenticationToken) {
				throw new InvalidBearerTokenException("No tokens are accepted here");
			}
			return manager.authenticate(attempt);
		};
	}

	private static void headers(HeadersConfigurer<HttpSecurity> headers) {
		// Each answer says itself how long it keeps.
		headers.cacheControl(HeadersConfigurer.CacheControlConfig::disable);
		headers.httpStrictTransportSecurity(
				(transport) -> transport.maxAgeInSeconds(Duration.ofDays(365).toSeconds()).includeSubDomains(false));
	}

	private static CorsFilter crossOrigin(List<String> allowed) {
		UrlBasedCorsConfigurationSource source = new UrlBasedCorsConfigurationSource();
		if (!allowed.isEmpty()) {
			CorsConfiguration cors = new CorsConfiguration();
			cors.setAllowedOrigins(allowed);
			cors.setAllowedMethods(List.of("GET", "HEAD", "POST", "PATCH", "DELETE"));
			cors.setAllowedHeaders(List.of(HttpHeaders.AUTHORIZATION, HttpHeaders.CONTENT_TYPE, HttpHeaders.ACCEPT,
					HttpHeaders.IF_MATCH, HttpHeaders.IF_NONE_MATCH, "Prefer", "Last-Event-ID", "X-Request-Id"));
			cors.setExposedHeaders(List.of(HttpHeaders.ETAG, HttpHeaders.LOCATION, HttpHeaders.AGE,
					HttpHeaders.RETRY_AFTER, "Preference-Applied", "Iothreads-Unavailable", "X-Request-Id"));
			source.registerCorsConfiguration("/api/**", cors);
			source.registerCorsConfiguration("/v3/api-docs/**", cors);
		}
		CorsFilter filter = new CorsFilter(source);
		filter.setCorsProcessor(new DefaultCorsProcessor() {

			// The words are given where all answers without any get theirs.
			@Override
			protected void rejectRequest(ServerHttpResponse response) {
				response.setStatusCode(HttpStatus.FORBIDDEN);
			}

		});
		return filter;
	}

	// No address at all is every address.
	private static boolean isLoopback(@Nullable InetAddress address) {
		return address != null && address.isLoopbackAddress();
	}

}
