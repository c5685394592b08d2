package dev.iothreads.chart;

import java.nio.file.Path;
import java.util.Map;

import org.assertj.core.api.InstanceOfAssertFactories;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import static dev.iothreads.chart.Manifests.at;
import static org.assertj.core.api.Assertions.assertThat;

/**
 * The pod that {@code helm test} starts.
 */
class TestPodTests {

	@TempDir
	private Path directory;

	@ParameterizedTest
	@ValueSource(strings = { "", Releases.DEPLOYMENT, Releases.EVERYTHING })
	void theTestPodAsksTheServiceWithoutAShell(String values) {
		Manifests manifests = withTheTest(values);
		Map<String, Object> pod = manifests.only("Pod");
		KubernetesModel.check(pod);
		String scheme = Releases.EVERYTHING.equals(values) ? "https" : "http";
		Object container = at(pod, "spec", "containers", 0);
		assertThat(container).isNotNull();
		Confinement.check(at(pod, "spec"), container);
		assertThat(at(pod, "spec", "automountServiceAccountToken")).isEqualTo(false);
		assertThat(at(pod, "spec", "restartPolicy")).isEqualTo("Never");
		assertThat(at(container, "command")).asInstanceOf(InstanceOfAssertFactories.list(String.class))
			.startsWith("java", "-XX:Flags=/application/jvm.flags", "-cp", "/opt/probe", "Probe", "--for=30")
			.contains("%s://%s:8080/api/v1/iothreads".formatted(scheme,
					at(manifests.only("Service"), "metadata", "name")));
	}

	@ParameterizedTest
	@CsvSource(delimiter = '|',
			textBlock = """
					service: {port: 80}                                        | http://inv-iothread-inventory:80/
					service: {port: 80, headless: true}                        | http://inv-iothread-inventory-headless:8080/
					{service: {port: 443}, tls: {secretName: web}}             | https://inv-iothread-inventory:443/
					tests: {paths: [/actuator/health/readiness]}               | http://inv-iothread-inventory:8080/actuator/health/readiness
					""")
	void theTestPodAsksAtThePortThatThereIs(String values, String address) {
		Object command = at(withTheTest(values).only("Pod"), "spec", "containers", 0, "command");
		assertThat(command).asInstanceOf(InstanceOfAssertFactories.list(String.class))
			.filteredOn((argument) -> argument.startsWith("http"))
			.isNotEmpty()
			.allMatch((argument) -> argument.startsWith(address));
	}

	@ParameterizedTest
	@ValueSource(strings = { "tests: {enabled: false}", "service: {enabled: false}", "mode: None" })
	void whereThereIsNothingToAskThereIsNoTestPod(String values) {
		assertThat(withTheTest(values).kinds()).doesNotContain("Pod");
	}

	private Manifests withTheTest(String values) {
		return HelmChart.ofTheService().withItsTest(this.directory.resolve("copy")).render(values);
	}

}
