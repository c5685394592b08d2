package dev.iothreads.web.openapi;

import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

import io.swagger.v3.core.converter.ModelConverter;
import io.swagger.v3.oas.models.Components;
import io.swagger.v3.oas.models.OpenAPI;
import io.swagger.v3.oas.models.PathItem;
import io.swagger.v3.oas.models.info.Info;
import io.swagger.v3.oas.models.info.License;
import io.swagger.v3.oas.models.security.SecurityRequirement;
import io.swagger.v3.oas.models.security.SecurityScheme;
import org.springdoc.core.customizers.OpenApiCustomizer;
import org.springdoc.core.customizers.ServerBaseUrlCustomizer;

import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.info.BuildProperties;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.util.StringUtils;
import org.springframework.web.util.UriComponentsBuilder;

/**
 * The OpenAPI document. springdoc reads the controllers; what operations have in common
 * is added here, from the files in {@code openapi}.
 */
@Configuration(proxyBeanMethods = false)
class ApiDocumentation {

	private static final String BASIC = "basic";

	private static final String BEARER = "bearer";

	// What a client begins with comes first.
	private static final List<String> TAGS = List.of("Machines", "IOThreads", "Devices", "Events", "Activity",
			"Service");

	@Bean
	OpenAPI openApi(ObjectProvider<BuildProperties> build) {
		BuildProperties properties = build.getIfAvailable();
		Components components = DocumentFiles.components()
			.addSecuritySchemes(BASIC,
					new SecurityScheme().type(SecurityScheme.Type.HTTP)
						.scheme("basic")
						.description("A user of the service's configuration"))
			.addSecuritySchemes(BEARER,
					new SecurityScheme().type(SecurityScheme.Type.HTTP)
						.scheme("bearer")
						.bearerFormat("JWT")
						.description("A token of the issuer in the service's configuration"));
		// Each operation has a copy.
		components.setParameters(null);
		components.setResponses(ProblemAnswers.general());
		return new OpenAPI().components(components)
			.security(List.of(new SecurityRequirement().addList(BASIC), new SecurityRequirement().addList(BEARER),
					new SecurityRequirement()))
			.info(new Info().title("IOThread inventory")
				.version((properties != null) ? properties.getVersion() : "development")
				.description(description())
				.license(new License().name("Apache 2.0").identifier("Apache-2.0")));
	}

	@Bean
	OperationDocumentation operationDocumentation() {
		return new OperationDocumentation(DocumentFiles.components().getParameters());
	}

	@Bean
	OpenApiCustomizer schemasInOrder() {
		return (api) -> {
			ChangeSchemas.complete(api.getComponents());
			api.getTags().sort(Comparator.comparing((tag) -> TAGS.indexOf(tag.getName())));
			Map<String, PathItem> sorted = new TreeMap<>(api.getPaths());
			api.getPaths().clear();
			api.getPaths().putAll(sorted);
		};
	}

	@Bean
	ModelConverter requiredComponents() {
		return new RequiredComponentsConverter();
	}

	/**
	 * Documents the API at the host of the document, by the name with which a client
	 * reached it.
	 */
	@Bean
	ServerBaseUrlCustomizer sameOrigin() {
		return (url, request) -> {
			String path = UriComponentsBuilder.fromUriString(url).build().getPath();
			return StringUtils.hasText(path) ? path : "/";
		};
	}

	private static String description() {
		return DocumentFiles.read("description.md")
			.replace("{general}", String.join(", ", ProblemAnswers.general().keySet()));
	}

}
