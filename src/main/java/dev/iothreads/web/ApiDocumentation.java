package dev.iothreads.web;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

import dev.iothreads.web.problem.Problem;
import io.swagger.v3.core.converter.ModelConverter;
import io.swagger.v3.oas.models.Components;
import io.swagger.v3.oas.models.OpenAPI;
import io.swagger.v3.oas.models.info.Info;
import io.swagger.v3.oas.models.info.License;
import io.swagger.v3.oas.models.security.SecurityRequirement;
import io.swagger.v3.oas.models.security.SecurityScheme;
import org.springdoc.core.customizers.OpenApiCustomizer;
import org.springdoc.core.customizers.ServerBaseUrlCustomizer;
import tools.jackson.databind.json.JsonMapper;

import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.info.BuildProperties;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.util.StringUtils;
import org.springframework.web.util.UriComponentsBuilder;

/**
 * The OpenAPI document of the service. springdoc reads the controllers; what all
 * operations have in common is added here, so that a new one has it too.
 */
@Configuration(proxyBeanMethods = false)
class ApiDocumentation {

	private static final String BASIC = "basic";

	private static final String BEARER = "bearer";

	private static final String DESCRIPTION = """
			The IOThreads of QEMU virtual machines: which there are, how each is tuned, and which devices run on it.

			Names are QEMU's own, spelt as QMP's `query-iothreads` spells them. A device is attached to an IOThread when its \
			`iothread` or `iothread-vq-mapping` says so; a device with several virtqueues on one IOThread counts once there, \
			and one that is spread over two IOThreads counts once on each.

			Times are RFC 3339 in UTC. Ids in paths are percent-encoded, once: `device[0]` is `device%5B0%5D`. An answer is at \
			most as old as the service's `iothreads.max-age`, and `Age` tells how old; ask again with `If-None-Match`, which \
			is cheap.

			Reading needs the role viewer, changing the role operator. Who signs in sends a name and a password, or a \
			bearer token, as the service is configured; what is possible without, too. Unless it is told otherwise the \
			service listens on loopback only, and whoever reaches it there is an operator without signing in.

			Every error is `application/problem+json` (RFC 9457), whatever `Accept` says. Its `detail` says what to do; \
			programs look at `type`, which is `urn:iothreads:problem:` and one of these names:

			| name | status | title |
			|---|---|---|
			""";

	@Bean
	OpenAPI openApi(ObjectProvider<BuildProperties> build) {
		BuildProperties properties = build.getIfAvailable();
		return new OpenAPI()
			.components(new Components()
				.addSecuritySchemes(BASIC,
						new SecurityScheme().type(SecurityScheme.Type.HTTP)
							.scheme("basic")
							.description("A user of the service's configuration"))
				.addSecuritySchemes(BEARER,
						new SecurityScheme().type(SecurityScheme.Type.HTTP)
							.scheme("bearer")
							.bearerFormat("JWT")
							.description("A token of the issuer in the service's configuration")))
			.security(List.of(new SecurityRequirement().addList(BASIC), new SecurityRequirement().addList(BEARER),
					new SecurityRequirement()))
			.info(new Info().title("IOThread inventory")
				.version((properties != null) ? properties.getVersion() : "development")
				.description(DESCRIPTION + problems())
				.license(new License().name("Apache 2.0").identifier("Apache-2.0")));
	}

	@Bean
	OpenApiCustomizer commonToAllOperations(JsonMapper json) {
		return new ApiDocumentationCustomizer(new ApiDocumentationExamples(json));
	}

	@Bean
	ModelConverter requiredComponents() {
		return new RequiredComponentsConverter();
	}

	/**
	 * Says that the API is where its document is, whatever host a client calls that.
	 */
	@Bean
	ServerBaseUrlCustomizer sameOrigin() {
		return (url, request) -> {
			String path = UriComponentsBuilder.fromUriString(url).build().getPath();
			return StringUtils.hasText(path) ? path : "/";
		};
	}

	private static String problems() {
		return Arrays.stream(Problem.values())
			.map((problem) -> "| `%s` | %s | %s |".formatted(problem.wireName(),
					ApiDocumentationProblems.statuses(problem)
						.stream()
						.map(String::valueOf)
						.collect(Collectors.joining(", ")),
					problem.title()))
			.collect(Collectors.joining("\n"));
	}

}
