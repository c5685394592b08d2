package dev.iothreads.chart;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static dev.iothreads.chart.Manifests.at;
import static org.assertj.core.api.Assertions.assertThat;

/**
 * What a cluster refuses to change must stay as it was, or have another name. The objects
 * of the chart as it was before are in {@code chart/before}.
 */
class UpgradeTests {

	private static final String EVERYTHING_NAMED = """
			{grafanaDashboard: {enabled: true}, kubevirtHook: {enabled: true},
			 podMonitor: {enabled: true, sidecars: {enabled: true}}, prometheusRule: {enabled: true}}""";

	private final HelmChart chart = HelmChart.ofTheService();

	@ParameterizedTest
	@CsvSource(delimiter = '|', textBlock = """
			daemonset  |
			daemonset  | service: {headless: true}
			headless   | service: {headless: true}
			deployment | {mode: Deployment, config: {discovery: {enabled: false}}}
			daemonset  | {mode: Deployment, config: {discovery: {enabled: false}}}
			""")
	void anUpgradeFromTheChartBeforeChangesNothingImmutable(String before, String values) throws IOException {
		assertNothingImmutableChanges(
				Manifests.of(Files.readString(Path.of("src/test/resources/chart/before", before + ".yaml"))),
				this.chart.render((values != null) ? values : ""));
	}

	@ParameterizedTest
	@CsvSource(delimiter = '|', textBlock = """
			service: {headless: true}  | service: {headless: false}
			service: {headless: false} | service: {headless: true}
			config: {maxAge: 1s}       | config: {maxAge: 2s}
			""")
	void aChangedValueChangesNothingImmutable(String before, String after) {
		assertNothingImmutableChanges(this.chart.render(before), this.chart.render(after));
	}

	@Test
	void aReleaseWithDotsInItsNameHasObjectsThatKubernetesTakes() {
		Manifests manifests = this.chart.renderAs("inv.v1.2", EVERYTHING_NAMED, HelmChart.KUBERNETES);
		assertThat(manifests.objects()).isNotEmpty()
			.allSatisfy((object) -> assertThat((String) at(object, "metadata", "name")).matches("[a-z][a-z0-9-]*"));
	}

	private static void assertNothingImmutableChanges(Manifests before, Manifests after) {
		for (Map<String, Object> object : after.objects()) {
			before.all((String) object.get("kind"))
				.stream()
				.filter((other) -> at(object, "metadata", "name").equals(at(other, "metadata", "name")))
				.forEach((other) -> {
					assertThat(at(object, "spec", "clusterIP")).as("clusterIP")
						.isEqualTo(at(other, "spec", "clusterIP"));
					if (object.get("kind").toString().matches("DaemonSet|Deployment")) {
						assertThat(at(object, "spec", "selector")).as("selector")
							.isEqualTo(at(other, "spec", "selector"));
					}
				});
		}
	}

}
