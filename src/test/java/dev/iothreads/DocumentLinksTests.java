package dev.iothreads;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * Each link of a document leads to a file that is there, and to a heading that is in it.
 */
class DocumentLinksTests {

	private static final Pattern LINK = Pattern.compile("]\\(([^)\\s]+)\\)");

	private static final Pattern HEADING = Pattern.compile("^#+ (.*)$", Pattern.MULTILINE);

	static Stream<Path> documents() throws IOException {
		try (Stream<Path> docs = Files.list(Path.of("src/docs"))) {
			return Stream
				.concat(Stream.of(Path.of("README.md"), Path.of("helm/iothread-inventory/README.md")),
						docs.toList().stream())
				.filter((file) -> file.toString().endsWith(".md"));
		}
	}

	@ParameterizedTest
	@MethodSource("documents")
	void everyLinkLeadsSomewhere(Path document) throws IOException {
		String text = Files.readString(document);
		assertThat(broken(document, text)).isEmpty();
	}

	@Test
	void aBrokenLinkWouldBeFound() throws IOException {
		assertThat(broken(Path.of("README.md"), "[a](nowhere.md) [b](#try-it) [c](src/docs/api.md#nothing)"))
			.containsExactly("nowhere.md", "src/docs/api.md#nothing");
	}

	@Test
	void theReadmeIsForTheFirstTenMinutes() throws IOException {
		assertThat(Files.readAllLines(Path.of("README.md"))).hasSizeLessThanOrEqualTo(200);
	}

	private static List<String> broken(Path document, String text) throws IOException {
		List<String> broken = new ArrayList<>();
		for (String link : LINK.matcher(text).results().map((match) -> match.group(1)).toList()) {
			String[] parts = link.split("#", 2);
			Path target = parts[0].isEmpty() ? document : document.resolveSibling(parts[0]).normalize();
			if (!link.startsWith("http") && (!Files.exists(target)
					|| (parts.length == 2 && !anchors(Files.readString(target)).contains(parts[1])))) {
				broken.add(link);
			}
		}
		return broken;
	}

	private static List<String> anchors(String text) {
		return HEADING.matcher(text).results().map(DocumentLinksTests::anchor).toList();
	}

	// As GitHub makes them.
	private static String anchor(MatchResult heading) {
		return heading.group(1).toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9 _-]", "").replace(' ', '-');
	}

}
