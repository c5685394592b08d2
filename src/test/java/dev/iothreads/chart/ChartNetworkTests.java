package dev.iothreads.chart;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static dev.iothreads.chart.Manifests.at;
import static dev.iothreads.chart.Manifests.names;
import static org.assertj.core.api.Assertions.assertThat;

/**
 * How the pods of a release are found and reached: ports, selectors, the Service and the
 * NetworkPolicy.
 */
class ChartNetworkTests {

	private final HelmChart chart = HelmChart.ofTheService();

	@TempDir
	private Path directory;

	@Test
	void thePortsThatTheServiceAndTheMonitorsNameAreTheContainers() {
		Manifests manifests = this.chart.render("serviceMonitor: {enabled: true}");
		Object ports = at(manifests.pod("DaemonSet"), "containers", 0, "ports");
		assertThat(names(ports)).containsExactly("http");
		assertThat(at(manifests.only("Service"), "spec", "ports", 0, "targetPort")).isEqualTo("http");
		assertThat(at(manifests.only("ServiceMonitor"), "spec", "endpoints", 0, "port"))
			.isEqualTo(at(manifests.only("Service"), "spec", "ports", 0, "name"));
		assertThat(at(manifests.only("NetworkPolicy"), "spec", "ingress", 0, "ports", 0, "port")).isEqualTo("http");
	}

	@Test
	void everySelectorFindsThePodsAndNotTheTest() {
		Manifests manifests = this.chart.render("podMonitor: {enabled: true}");
		Set<?> labels = entries(at(manifests.only("DaemonSet"), "spec", "template", "metadata", "labels"));
		Manifests withTheTest = this.chart.withItsTest(this.directory.resolve("copy")).render("");
		Set<?> test = entries(at(withTheTest.only("Pod"), "metadata", "labels"));
		List<Object> selectors = Stream
			.of(at(manifests.only("DaemonSet"), "spec", "selector", "matchLabels"),
					at(manifests.only("Service"), "spec", "selector"),
					at(manifests.only("NetworkPolicy"), "spec", "podSelector", "matchLabels"),
					at(manifests.only("PodMonitor"), "spec", "selector", "matchLabels"))
			.flatMap(Stream::ofNullable)
			.toList();
		assertThat(selectors).hasSize(4).allSatisfy((selector) -> {
			assertThat(labels.containsAll(entries(selector))).isTrue();
			assertThat(test.containsAll(entries(selector))).isFalse();
		});
	}

	@Test
	void theServiceMonitorFindsTheService() {
		Manifests manifests = this.chart.render("serviceMonitor: {enabled: true}");
		Object selector = at(manifests.only("ServiceMonitor"), "spec", "selector", "matchLabels");
		assertThat(selector).isNotNull();
		assertThat(entries(at(manifests.only("Service"), "metadata", "labels"))).containsAll(entries(selector));
	}

	@ParameterizedTest
	@ValueSource(strings = { "NodePort", "LoadBalancer" })
	void aServiceCanBeReachedFromOutside(String type) {
		Map<String, Object> service = this.chart.render("service: {type: %s}".formatted(type)).only("Service");
		KubernetesModel.check(service);
		assertThat(at(service, "spec", "type")).isEqualTo(type);
		assertThat(at(service, "spec", "clusterIP")).isNull();
	}

	@Test
	void thePolicyLetsInItsOwnNamespaceAndWhomTheUserSays() {
		Object spec = this.chart.render("").only("NetworkPolicy").get("spec");
		assertThat(at(spec, "policyTypes")).isEqualTo(List.of("Ingress", "Egress"));
		assertThat(at(spec, "ingress", 0, "from")).isEqualTo(List.of(Map.of("podSelector", Map.of())));
		assertThat(at(spec, "egress")).isEqualTo(List.of());
		Object wider = this.chart.render(Releases.EVERYTHING).only("NetworkPolicy").get("spec");
		assertThat(at(wider, "ingress", 0, "from", 1, "namespaceSelector", "matchLabels")).isNotNull();
		assertThat(at(wider, "egress", 0, "to", 0, "ipBlock", "cidr")).isEqualTo("10.0.0.0/8");
	}

	@SuppressWarnings("unchecked")
	private static Set<Map.Entry<Object, Object>> entries(@Nullable Object map) {
		assertThat(map).isInstanceOf(Map.class);
		return (map != null) ? ((Map<Object, Object>) map).entrySet() : Set.of();
	}

}
