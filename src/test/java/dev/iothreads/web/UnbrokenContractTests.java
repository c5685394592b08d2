package dev.iothreads.web;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.openapitools.openapidiff.core.OpenApiCompare;
import org.openapitools.openapidiff.core.model.ChangedOpenApi;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

import org.springframework.boot.test.web.server.LocalServerPort;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * The API as it was published last: what a client was promised is still so. A change of
 * it comes with a new document, whose difference can be looked at.
 */
@WebTest
class UnbrokenContractTests {

	private static final Path PUBLISHED = Path.of("src/test/resources/openapi/published.json");

	private static final String RENEW = "renew " + PUBLISHED
			+ " by ./mvnw test -Dtest=UnbrokenContractTests -Dpublish=true and commit it";

	private static final JsonMapper JSON = JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

	private final Wire wire;

	private String published;

	private ObjectNode current;

	UnbrokenContractTests(@LocalServerPort int port) {
		this.wire = new Wire(port);
	}

	@BeforeEach
	void read() throws IOException {
		this.current = (ObjectNode) this.wire.get("/v3/api-docs").json();
		// It is another with each release.
		((ObjectNode) this.current.path("info")).remove("version");
		withoutExamples(this.current);
		if (Boolean.getBoolean("publish")) {
			Files.createDirectories(PUBLISHED.getParent());
			Files.writeString(PUBLISHED, JSON.writeValueAsString(this.current) + "\n");
		}
		this.published = Files.readString(PUBLISHED, StandardCharsets.UTF_8);
	}

	@Test
	void whatClientsWerePromisedIsStillSo() {
		ChangedOpenApi changes = compare(this.current);
		assertThat(changes.isCompatible())
			.as("The API breaks what clients rely on: %s. If that is meant, %s", describe(changes), RENEW)
			.isTrue();
	}

	@Test
	void whatIsNewIsPublishedToo() {
		assertThat(differences("", JSON.readTree(this.published), this.current))
			.as("The API has what is not published, or is not as it is: %s", RENEW)
			.isEmpty();
	}

	@Test
	void anAdditionWouldBeNoticed() {
		ObjectNode richer = this.current.deepCopy();
		((ObjectNode) richer.at("/components/schemas/IOThreadInfo/properties")).putObject("added")
			.put("type", "string");
		assertThat(differences("", JSON.readTree(this.published), richer))
			.containsExactly("/components/schemas/IOThreadInfo/properties/added");
	}

	private static List<String> differences(String path, JsonNode published, JsonNode now) {
		if (published.equals(now)) {
			return List.of();
		}
		if (!(published instanceof ObjectNode before && now instanceof ObjectNode after)) {
			return List.of(path);
		}
		return Stream.concat(before.propertyNames().stream(), after.propertyNames().stream())
			.distinct()
			.flatMap((name) -> differences(path + "/" + name, before.path(name), after.path(name)).stream())
			.toList();
	}

	@Test
	void aBrokenPromiseWouldBeNoticed() {
		ObjectNode without = this.current.deepCopy();
		((ObjectNode) without.path("paths")).remove("/api/v1/iothreads");
		assertThat(compare(without).isCompatible()).isFalse();
		ObjectNode stricter = this.current.deepCopy();
		((ObjectNode) stricter.at("/components/schemas/NewIOThread")).putArray("required").add("id").add("poll-max-ns");
		assertThat(compare(stricter).isCompatible()).isFalse();
		ObjectNode poorer = this.current.deepCopy();
		((ObjectNode) poorer.at("/components/schemas/IOThreadInfo/properties")).remove("attached-cnt");
		assertThat(compare(poorer).isCompatible()).isFalse();
	}

	// They are held against the service elsewhere, and promise nothing.
	private static void withoutExamples(JsonNode node) {
		if (node instanceof ObjectNode object) {
			object.remove(List.of("example", "examples"));
		}
		node.forEach(UnbrokenContractTests::withoutExamples);
	}

	private ChangedOpenApi compare(JsonNode document) {
		return OpenApiCompare.fromContents(this.published, document.toString());
	}

	private static String describe(ChangedOpenApi changes) {
		StringBuilder text = new StringBuilder();
		changes.getMissingEndpoints().forEach((endpoint) -> text.append(endpoint).append(" is gone; "));
		changes.getChangedOperations()
			.stream()
			.filter((operation) -> !operation.isCompatible())
			.forEach((operation) -> text.append(operation.getHttpMethod())
				.append(' ')
				.append(operation.getPathUrl())
				.append(" is not what it was; "));
		changes.getChangedSchemas()
			.stream()
			.filter((schema) -> !schema.isCompatible())
			.forEach((schema) -> text.append(schema.getNewSchema().getName()).append(" is not what it was; "));
		return text.toString();
	}

}
