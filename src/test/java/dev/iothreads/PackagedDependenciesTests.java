package dev.iothreads;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * What is packaged with the service: nothing comes in, goes, or changes its version
 * without being seen, and none of it is known to be vulnerable. It needs no network.
 */
class PackagedDependenciesTests {

	private static final Path LIST = Path.of("src/test/resources/dependencies/packaged.txt");

	private static final Path ADVISORIES = Path.of("src/test/resources/dependencies/advisories.txt");

	private static final String RENEW = "look the difference up, renew " + LIST
			+ " by ./mvnw test -Dtest=PackagedDependenciesTests -Dpublish=true, and commit it";

	private static final Pattern DEPENDENCY = Pattern
		.compile("\\s*([^\\s:]+:[^:]+):jar:([^:]+):(compile|runtime)\\b.*");

	@Test
	void onlyWhatIsListedIsPackaged() throws IOException {
		List<String> packaged = packaged().entrySet()
			.stream()
			.map((dependency) -> dependency.getKey() + ":" + dependency.getValue())
			.toList();
		assertThat(packaged).hasSizeGreaterThan(40);
		if (Boolean.getBoolean("publish")) {
			Files.write(LIST, packaged);
		}
		assertThat(packaged).as("If that is meant, %s", RENEW).isEqualTo(Files.readAllLines(LIST));
	}

	@Test
	void nothingThatIsPackagedIsKnownToBeVulnerable() throws IOException {
		Map<String, String> packaged = packaged();
		assertThat(advisories()).isNotEmpty().allSatisfy((advisory) -> {
			String version = packaged.get(advisory.artifact());
			assertThat(version)
				.as("%s is not packaged any more: take its lines out of %s", advisory.artifact(), ADVISORIES)
				.isNotNull();
			boolean vulnerable = isBefore(version, advisory.mended());
			assertThat(vulnerable)
				.as("%s %s has %s: raise it to %s or newer, or take the reason in %s away if it is",
						advisory.artifact(), version, advisory.name(), advisory.mended(), ADVISORIES)
				.isEqualTo(!advisory.reason().isEmpty());
		});
	}

	@Test
	void versionsAreComparedByTheirNumbers() {
		assertThat(isBefore("11.0.9", "11.0.27")).isTrue();
		assertThat(isBefore("11.0.27", "11.0.27")).isFalse();
		assertThat(isBefore("4.1.0-RC1", "4.1.0")).isTrue();
	}

	private static boolean isBefore(String version, String other) {
		int order = Arrays.compare(numbers(version), numbers(other));
		return order < 0 || (order == 0 && version.contains("-") && !other.contains("-"));
	}

	private static int[] numbers(String version) {
		return Stream.of(version.split("-")[0].split("[.]"))
			.filter((part) -> part.matches("\\d+"))
			.mapToInt(Integer::parseInt)
			.toArray();
	}

	private static Map<String, String> packaged() throws IOException {
		Map<String, String> packaged = new TreeMap<>();
		for (String line : Files.readAllLines(Path.of("target/packaged-dependencies.txt"))) {
			Matcher matcher = DEPENDENCY.matcher(line.replaceAll("\u001B\\[[0-9;]*m", ""));
			if (matcher.matches()) {
				packaged.put(matcher.group(1), matcher.group(2));
			}
		}
		return packaged;
	}

	private static List<Advisory> advisories() throws IOException {
		return Files.readAllLines(ADVISORIES)
			.stream()
			.filter((line) -> !line.isBlank() && !line.startsWith("#"))
			.map((line) -> line.split("[|]", -1))
			.map((columns) -> new Advisory(columns[0].strip(), columns[1].strip(), columns[2].strip(),
					LocalDate.parse(columns[3].strip()), columns[4].strip()))
			.toList();
	}

	/**
	 * A line of the list.
	 */
	private record Advisory(String artifact, String mended, String name, LocalDate lookedUp, String reason) {

	}

}
