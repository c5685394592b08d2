package dev.iothreads.deb;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.TreeSet;

import dev.iothreads.IOThreadsProperties;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

import org.springframework.boot.env.YamlPropertySourceLoader;
import org.springframework.core.env.EnumerablePropertySource;
import org.springframework.core.env.PropertySource;
import org.springframework.core.io.ByteArrayResource;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * The package's application.yaml holds every setting of the service as a comment, with
 * the default that the service itself has.
 */
class DefaultConfigurationTests {

	private static final Path FILE = Path.of("src/deb/application.yaml");

	@Test
	void everySettingIsThereWithItsDefault() throws IOException {
		Map<String, String> shown = properties(uncommented());
		assertThat(withoutKeys(shown)).containsExactlyElementsOf(known().keySet());
		known().forEach((name, value) -> {
			if (!value.isEmpty()) {
				assertThat(shown.get(name)).as(name).isEqualTo(value);
			}
		});
	}

	@Test
	void asItIsItChoosesOnlyWhereTheServiceListensAndLooks() throws IOException {
		assertThat(properties(Files.readString(FILE))).containsOnly(Map.entry("server.address", "127.0.0.1"),
				Map.entry("server.port", "8080"), Map.entry("iothreads.discovery.directory", "/run/qemu"));
	}

	@Test
	void everySettingIsInTheDocument() throws IOException {
		String document = Files.readString(Path.of("src/docs/configuration.md"));
		assertThat(known().keySet()).filteredOn((name) -> !document.contains(name))
			.filteredOn((name) -> !document.contains("…" + name.substring(name.lastIndexOf('.') + 1)))
			.isEmpty();
	}

	// A comment that is a setting has no space after its '#'.
	private static String uncommented() throws IOException {
		return Files.readString(FILE).replaceAll("(?m)^( *)#(?! )(?!$)", "$1");
	}

	private static Map<String, String> known() throws IOException {
		Map<String, String> known = new TreeMap<>();
		try (InputStream metadata = Objects.requireNonNull(
				IOThreadsProperties.class.getResourceAsStream("/META-INF/spring-configuration-metadata.json"))) {
			for (JsonNode property : JsonMapper.shared().readTree(metadata).path("properties")) {
				known.put(property.path("name").asString(),
						property.path("defaultValue").asString("").replaceAll("[\\[\\] ]", ""));
			}
		}
		return known;
	}

	private static Map<String, String> properties(String yaml) throws IOException {
		Map<String, String> properties = new TreeMap<>();
		for (PropertySource<?> source : new YamlPropertySourceLoader().load("package",
				new ByteArrayResource(yaml.getBytes()))) {
			for (String name : ((EnumerablePropertySource<?>) source).getPropertyNames()) {
				properties.merge(name.replaceAll("\\[\\d+]$", ""), String.valueOf(source.getProperty(name)),
						(one, next) -> one + "," + next);
			}
		}
		return properties;
	}

	// machines.vm1.monitor belongs to the setting 'machines'.
	private static TreeSet<String> withoutKeys(Map<String, String> shown) {
		TreeSet<String> names = new TreeSet<>();
		shown.keySet()
			.stream()
			.filter((name) -> name.startsWith("iothreads."))
			.forEach((name) -> names.add(name.replaceAll("(\\.machines|\\.users|\\.pools)[.\\[].*", "$1")));
		return names;
	}

}
