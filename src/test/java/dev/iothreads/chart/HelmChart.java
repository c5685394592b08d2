package dev.iothreads.chart;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

import com.marcnuri.helm.DryRun;
import com.marcnuri.helm.Helm;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * A chart that Helm renders as it would for a cluster: the release {@code inv} in the
 * namespace {@code vms}.
 *
 * @param directory where the chart is
 */
record HelmChart(Path directory) {

	static final String RELEASE = "inv";

	static final String NAMESPACE = "vms";

	static final String KUBERNETES = "1.31.0";

	static HelmChart ofTheService() {
		return new HelmChart(Path.of("helm", "iothread-inventory"));
	}

	/**
	 * Renders the chart.
	 * @param values YAML over the chart's own values
	 * @return the objects
	 * @throws IllegalStateException if Helm refuses, with what it says
	 */
	Manifests render(String values) {
		return render(values, KUBERNETES);
	}

	Manifests render(String values, String kubernetes) {
		return renderAs(RELEASE, values, kubernetes);
	}

	Manifests renderAs(String release, String values, String kubernetes) {
		Path file = temporaryFile(values);
		try {
			return Manifests.of(new Helm(this.directory).template()
				.withName(release)
				.withNamespace(NAMESPACE)
				.withKubeVersion(kubernetes)
				.withValuesFile(file)
				.call());
		}
		finally {
			file.toFile().delete();
		}
	}

	/**
	 * Lets Helm say what it would do, and what it would tell the user.
	 * @param values YAML over the chart's own values
	 * @return what Helm prints, the notes among it
	 */
	String install(String values) {
		Path file = temporaryFile(values);
		try {
			return new Helm(this.directory).install()
				.withName(RELEASE)
				.withNamespace(NAMESPACE)
				.withKubeVersion(KUBERNETES)
				.withValuesFile(file)
				.clientOnly()
				.withDryRunOption(DryRun.CLIENT)
				.call()
				.getOutput();
		}
		finally {
			file.toFile().delete();
		}
	}

	/**
	 * Copies the chart.
	 * @param target the directory to make
	 * @return the copy
	 */
	HelmChart copyTo(Path target) {
		try (Stream<Path> files = Files.walk(this.directory)) {
			for (Path file : files.filter(Files::isRegularFile).toList()) {
				Path copy = target.resolve(this.directory.relativize(file).toString());
				Files.createDirectories(copy.getParent());
				Files.copy(file, copy);
			}
			return new HelmChart(target);
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
	}

	/**
	 * Copies the chart, with its test as an object like the others: Helm renders no hooks
	 * for us.
	 * @param target the directory to make
	 * @return the copy
	 */
	HelmChart withItsTest(Path target) {
		HelmChart copy = copyTo(target);
		String template = copy.text("templates/tests/answers.yaml");
		assertThat(template).contains("helm.sh/hook: test");
		try {
			Files.writeString(copy.file("templates/tests/answers.yaml"), template.replace("helm.sh/hook", "note"));
			return copy;
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
	}

	Path file(String name) {
		return this.directory.resolve(name);
	}

	String text(String name) {
		try {
			return Files.readString(file(name));
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
	}

	private static Path temporaryFile(String values) {
		try {
			return Files.writeString(Files.createTempFile("values", ".yaml"), values);
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
	}

}
