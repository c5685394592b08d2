package dev.iothreads.chart;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import org.junit.jupiter.api.Test;

import static dev.iothreads.chart.Manifests.at;
import static org.assertj.core.api.Assertions.assertThat;

/**
 * The image that the chart starts, and the Dockerfile that it is built from.
 */
class ContainerImageTests {

	private final HelmChart chart = HelmChart.ofTheService();

	@Test
	void theImageIsTheOneThatThisBuildMakes() throws IOException {
		Matcher version = Pattern.compile("<artifactId>iothread-inventory</artifactId>\\s*<version>(.*)</version>")
			.matcher(Files.readString(Path.of("pom.xml")));
		assertThat(version.find()).isTrue();
		assertThat(at(this.chart.render("").pod("DaemonSet"), "containers", 0, "image"))
			.isEqualTo("iothread-inventory:" + version.group(1));
		assertThat(this.chart.text("examples/qemu-with-sidecar.yaml"))
			.contains("image: iothread-inventory:" + version.group(1) + "\n");
		assertThat(Files.readString(Path.of("Dockerfile"))).contains("\nARG VERSION=" + version.group(1) + "\n");
	}

	@Test
	void aDigestStandsInsteadOfATag() {
		assertThat(at(this.chart.render(Releases.EVERYTHING).pod("DaemonSet"), "containers", 0, "image")).asString()
			.startsWith("iothread-inventory@sha256:");
	}

	@Test
	void theImageSaysWhatItIs() throws IOException {
		String dockerfile = Files.readString(Path.of("Dockerfile"));
		String labels = dockerfile.substring(dockerfile.indexOf("\nLABEL "));
		assertThat(Pattern.compile("org\\.opencontainers\\.image\\.([a-z.]+)=\"(.+)\"").matcher(labels).results())
			.extracting((label) -> label.group(1))
			.containsExactlyInAnyOrder("title", "description", "licenses", "version", "revision", "source",
					"base.name");
		Matcher base = Pattern.compile("(?m)^FROM (\\S+) AS build$").matcher(dockerfile);
		assertThat(base.find()).isTrue();
		assertThat(labels).contains("org.opencontainers.image.base.name=\"" + base.group(1) + "\"");
	}

	@Test
	void theImageIsBuiltWithoutAFrontendThatIsFetchedAndWithoutTheRestOfTheTree() throws IOException {
		assertThat(Files.readString(Path.of("Dockerfile"))).doesNotContainPattern("(?mi)^#\\s*syntax\\b");
		List<String> ignored = Files.readAllLines(Path.of(".dockerignore"));
		assertThat(ignored).startsWith("*").contains("!target/iothread-inventory-*.jar", "!src/image");
		assertThat(ignored.subList(1, ignored.size())).allMatch((line) -> line.matches("!(target/.+\\.jar|src/image)"));
	}

}
