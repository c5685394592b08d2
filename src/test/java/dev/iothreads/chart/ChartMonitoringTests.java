package dev.iothreads.chart;

import java.util.Map;

import org.junit.jupiter.api.Test;
import org.yaml.snakeyaml.Yaml;

import static dev.iothreads.chart.Manifests.at;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

/**
 * What the chart gives to Prometheus and to Grafana.
 */
class ChartMonitoringTests {

	private final HelmChart chart = HelmChart.ofTheService();

	@Test
	void aScrapeBringsTheNodesNameAlong() {
		Manifests manifests = this.chart.render("podMonitor: {enabled: true, sidecars: {enabled: true}}");
		assertThat(manifests.all("PodMonitor")).hasSize(2).allSatisfy((monitor) -> {
			Object relabelings = at(monitor, "spec", "podMetricsEndpoints", 0, "relabelings");
			assertThat(at(relabelings, 0, "targetLabel")).isEqualTo("node");
			// Whatever the release is called: an alert looks for it.
			assertThat(at(relabelings, 1)).isEqualTo(Map.of("targetLabel", "job", "replacement", "iothread-inventory"));
		});
	}

	@Test
	void aMonitorsEndpointHasWhatPrometheusSignsInWith() {
		Manifests manifests = this.chart.render(Releases.EVERYTHING);
		Object endpoint = at(manifests.all("PodMonitor").get(0), "spec", "podMetricsEndpoints", 0);
		assertThat(at(endpoint, "scheme")).isEqualTo("https");
		assertThat(at(endpoint, "tlsConfig", "serverName")).isEqualTo("iothreads");
		assertThat(at(endpoint, "basicAuth", "username", "name")).isEqualTo("login");
		Object sidecars = at(manifests.all("PodMonitor").get(1), "spec", "podMetricsEndpoints", 0);
		assertThat(at(sidecars, "scheme")).isNull();
		assertThat(at(sidecars, "basicAuth")).isNull();
		assertThat(at(sidecars, "honorLabels")).isEqualTo(true);
	}

	@Test
	void theRulesAndTheDashboardAreTheFilesThatTheirTestsCheck() {
		Manifests manifests = this.chart.render("{prometheusRule: {enabled: true}, grafanaDashboard: {enabled: true}}");
		assertThat(manifests.only("PrometheusRule").get("spec"))
			.isEqualTo(new Yaml().load(this.chart.text("files/rules.yaml")));
		Object dashboard = manifests.all("ConfigMap")
			.stream()
			.map((map) -> at(map, "data", "iothread-inventory.json"))
			.filter((json) -> json != null)
			.findFirst()
			.orElseThrow();
		assertThat(dashboard).isEqualTo(this.chart.text("files/dashboard.json").stripTrailing());
	}

	@Test
	void twoMonitorsOfTheSamePodsAreRefused() {
		assertThatExceptionOfType(IllegalStateException.class)
			.isThrownBy(() -> this.chart.render("{serviceMonitor: {enabled: true}, podMonitor: {enabled: true}}"))
			.withMessageContaining("both scrape the same pods");
	}

	@Test
	void aServiceMonitorWithoutAServiceIsRefused() {
		assertThatExceptionOfType(IllegalStateException.class)
			.isThrownBy(() -> this.chart.render("{serviceMonitor: {enabled: true}, service: {enabled: false}}"))
			.withMessageContaining("service.enabled=true");
	}

}
