package dev.iothreads.security;

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
import org.springframework.security.authentication.dao.DaoAuthenticationProvider;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.config.annotation.web.configuration.EnableWebSecurity;
import org.springframework.security.config.observation.SecurityObservationSettings;
import org.springframework.security.config.annotation.web.configurers.AbstractHttpConfigurer;
import org.springframework.security.config.annotation.web.configurers.HeadersConfigurer;
import org.springframework.security.config.http.SessionCreationPolicy;
import org.springframework.security.oauth2.server.resource.web.authentication.BearerTokenAuthenticationFilter;
import org.springframework.security.core.authority.AuthorityUtils;
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
 * The filter chain. No bean has a condition on a setting: those are decided when the
 * application is prepared ahead of time. This is why Boot's own configuration of a
 * resource server is not used.
 */
@Configuration(proxyBeanMethods = false)
@EnableWebSecurity
class SecurityConfiguration {

	private static final Logger logger = LoggerFactory.getLogger(SecurityConfiguration.class);

	private static final String[] HEALTH = { "/actuator/health", "/actuator/health/**" };

	private static final String METRICS = "/actuator/prometheus";

	private static final String[] GUARDED = { "/api/**", "/actuator/**" };

	@Bean
	Users users(SecurityProperties security, ServerProperties server) {
		security.check(SecurityProperties.isLoopback(server.getAddress()));
		return new Users(security.users());
	}

	@Bean
	@Nullable UsersFile usersFile(SecurityProperties security, Users users) {
		return (security.usersFile() != null) ? new UsersFile(security.usersFile(), users, UsersFile.INTERVAL) : null;
	}

	@Bean
	Credentials credentials(Users users) {
		return new Credentials(users);
	}

	@Bean
	SecurityFilterChain filterChain(HttpSecurity http, SecurityProperties security, Users users,
			ServerProperties server, SslBundles bundles,
			@Qualifier("handlerExceptionResolver") HandlerExceptionResolver resolver) {
		boolean onLoopback = SecurityProperties.isLoopback(server.getAddress());
		Role anonymous = security.anonymousRole();
		logger.info("Clients without credentials {}", (anonymous != null) ? "have the role " + anonymous.wireName()
				: "may read nothing but the health, and the metrics unless those need a role");
		AuthenticationManager authentication = authentication(security, users, bundles);
		SecurityProblemHandler problems = new SecurityProblemHandler(resolver, onLoopback, () -> !users.isEmpty(),
				security.jwt() != null);
		BearerTokenAuthenticationFilter tokens = new BearerTokenAuthenticationFilter(authentication);
		tokens.setAuthenticationFailureHandler(problems::commence);
		tokens.setAuthenticationEntryPoint(problems);
		RequestMatcher health = PathPatternRequestMatcher.withDefaults().matcher("/actuator/health/**");
		http.sessionManagement((sessions) -> sessions.sessionCreationPolicy(SessionCreationPolicy.STATELESS))
			// No cookie authenticates, and BrowserGuard refuses the changes of other
			// sites.
			.csrf(AbstractHttpConfigurer::disable)
			.requestCache(AbstractHttpConfigurer::disable)
			.logout(AbstractHttpConfigurer::disable)
			.headers(SecurityConfiguration::headers)
			.addFilter(crossOrigin(security.allowedOrigins()))
			.addFilterAfter(
					new BrowserGuard(onLoopback, security.allowedHosts(), security.allowedOrigins(), health, problems),
					HeaderWriterFilter.class)
			.addFilter(tokens)
			.addFilter(new BasicAuthenticationFilter(authentication, problems))
			.anonymous((clients) -> clients.principal("anonymous")
				.authorities((anonymous != null) ? anonymous.authorities()
						: AuthorityUtils.createAuthorityList("ROLE_ANONYMOUS")))
			.exceptionHandling((refused) -> refused.authenticationEntryPoint(problems).accessDeniedHandler(problems))
			.authorizeHttpRequests((requests) -> {
				requests.dispatcherTypeMatchers(DispatcherType.ASYNC, DispatcherType.FORWARD).permitAll();
				requests.requestMatchers(HttpMethod.GET, HEALTH).permitAll();
				requests.requestMatchers(HttpMethod.HEAD, HEALTH).permitAll();
				if (security.metrics() == SecurityProperties.Metrics.OPEN) {
					requests.requestMatchers(HttpMethod.GET, METRICS).permitAll();
					requests.requestMatchers(HttpMethod.HEAD, METRICS).permitAll();
				}
				requests.requestMatchers((request) -> !BrowserGuard.isSafe(request)).hasRole(Role.OPERATOR.name());
				requests.requestMatchers(GUARDED).hasRole(Role.VIEWER.name());
				// The page and the description of the API show no machine.
				requests.anyRequest().permitAll();
			});
		return http.build();
	}

	// A span and three meters around each filter take as long as the answer itself.
	@Bean
	SecurityObservationSettings unobservedFilters() {
		return SecurityObservationSettings.noObservations();
	}

	@Bean
	HttpFirewall firewall() {
		StrictHttpFirewall firewall = new StrictHttpFirewall();
		// The controllers refuse methods, and say which are possible.
		firewall.setUnsafeAllowAnyHttpMethod(true);
		// An id may have a percent sign in it.
		firewall.setAllowUrlEncodedPercent(true);
		// Tomcat has checked each character. Here they would be refused when they are
		// read,
		// which may be after the answer.
		firewall.setAllowedHeaderValues((value) -> true);
		firewall.setAllowedParameterNames((name) -> true);
		return firewall;
	}

	private static AuthenticationManager authentication(SecurityProperties security, Users users, SslBundles bundles) {
		DaoAuthenticationProvider passwords = new DaoAuthenticationProvider(users);
		passwords.setPasswordEncoder(new BoundedPasswordEncoder(users::anyPassword));
		List<AuthenticationProvider> providers = new ArrayList<>(List.of(passwords));
		if (security.jwt() != null) {
			providers.add(Tokens.provider(security.jwt(), bundles));
		}
		return new ProviderManager(providers);
	}

	private static void headers(HeadersConfigurer<HttpSecurity> headers) {
		// Each answer has a Cache-Control of its own.
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

			// The error page adds the problem.
			@Override
			protected void rejectRequest(ServerHttpResponse response) {
				response.setStatusCode(HttpStatus.FORBIDDEN);
			}

		});
		return filter;
	}

}
