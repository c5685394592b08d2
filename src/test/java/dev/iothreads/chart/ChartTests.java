package dev.iothreads.chart;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

import com.marcnuri.helm.Helm;
import com.marcnuri.helm.LintResult;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.yaml.snakeyaml.Yaml;

import static dev.iothreads.chart.Manifests.at;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

/**
 * The objects of a release, and the releases that the chart refuses.
 */
class ChartTests {

	private final HelmChart chart = HelmChart.ofTheService();

	@TempDir
	private Path directory;

	@ParameterizedTest
	@MethodSource("dev.iothreads.chart.Releases#ofEveryKind")
	void lintFindsNothing(String values) throws IOException {
		HelmChart copy = this.chart.copyTo(this.directory.resolve("linted"));
		Map<String, Object> merged = new Yaml().load(copy.text("values.yaml"));
		merge(merged, new Yaml().load(values));
		Files.writeString(copy.file("values.yaml"), new Yaml().dump(merged));
		LintResult result = new Helm(copy.directory()).lint().strict().call();
		assertThat(result.isFailed()).as(() -> String.join("\n", result.getMessages())).isFalse();
		assertThat(result.getMessages()).noneMatch((message) -> message.contains("[WARNING]"));
	}

	@SuppressWarnings("unchecked")
	private static void merge(Map<String, Object> values, Map<String, Object> others) {
		others.forEach((name, value) -> {
			if (value instanceof Map<?, ?> map && values.get(name) instanceof Map<?, ?> into) {
				merge((Map<String, Object>) into, (Map<String, Object>) map);
			}
			else {
				values.put(name, value);
			}
		});
	}

	@ParameterizedTest
	@MethodSource("dev.iothreads.chart.Releases#ofEveryKind")
	void everyObjectPassesTheStrictModel(String values) {
		Manifests manifests = this.chart.render(values);
		assertThat(manifests.objects()).isNotEmpty().allSatisfy(KubernetesModel::check);
	}

	@Test
	void theModelRefusesWhatKubernetesDoesNotKnow() {
		Map<String, Object> pod = Map.of("apiVersion", "v1", "kind", "Pod", "spec",
				Map.of("containers", List.of(Map.of("name", "a", "imagePolicy", "Never"))));
		assertThatExceptionOfType(AssertionError.class).isThrownBy(() -> KubernetesModel.check(pod))
			.withMessageContaining("imagePolicy");
	}

	@Test
	void theModelRefusesWhatThePrometheusOperatorDoesNotKnow() {
		Map<String, Object> monitor = this.chart
			.render("podMonitor: {enabled: true, endpoint: {tlsConfg: {serverName: a}}}")
			.only("PodMonitor");
		assertThatExceptionOfType(AssertionError.class).isThrownBy(() -> KubernetesModel.check(monitor))
			.withMessageContaining("tlsConfg");
	}

	@Test
	void byDefaultItRunsOnceOnEachNodeAndNothingAsksForMonitoring() {
		assertThat(this.chart.render("").kinds()).containsExactly("DaemonSet", "NetworkPolicy", "Service",
				"ServiceAccount");
	}

	@Test
	void everySwitchMakesItsObjects() {
		assertThat(this.chart.render(Releases.EVERYTHING).kinds()).containsExactly("ConfigMap", "ConfigMap",
				"ConfigMap", "DaemonSet", "NetworkPolicy", "PodMonitor", "PodMonitor", "PrometheusRule", "Service",
				"ServiceAccount");
		assertThat(this.chart.render("serviceMonitor: {enabled: true}").kinds()).contains("ServiceMonitor");
	}

	@Test
	void everySwitchTakesItsObjectsAway() {
		assertThat(this.chart.render("""
				{service: {enabled: false}, networkPolicy: {enabled: false}, serviceAccount: {create: false},
				 tests: {enabled: false}}""").kinds()).containsExactly("DaemonSet");
	}

	@Test
	void withoutAModeNothingRuns() {
		assertThat(this.chart.render("mode: None").objects()).isEmpty();
		assertThat(this.chart.render("mode: None\n" + Releases.EVERYTHING).kinds()).containsExactly("ConfigMap",
				"ConfigMap", "ConfigMap", "PodMonitor", "PrometheusRule");
	}

	@Test
	void aDeploymentNeverRunsTwice() {
		Object deployment = this.chart.render(Releases.DEPLOYMENT).only("Deployment");
		assertThat(at(deployment, "spec", "replicas")).isEqualTo(1);
		assertThat(at(deployment, "spec", "strategy", "type")).isEqualTo("Recreate");
	}

	@Test
	void aDaemonSetIsUpdatedAsTheUserSays() {
		Map<String, Object> set = this.chart
			.render("updateStrategy: {type: RollingUpdate, rollingUpdate: {maxUnavailable: 25%}}")
			.only("DaemonSet");
		KubernetesModel.check(set);
		assertThat(at(set, "spec", "updateStrategy", "rollingUpdate", "maxUnavailable")).isEqualTo("25%");
	}

	@ParameterizedTest
	@CsvSource(delimiter = '|',
			textBlock = """
					mode: Deployment                                                       | the node on which it is started
					{mode: Deployment, config: {discovery: {enabled: false}, machines: {vm1: {monitor: "unix:/run/qemu/a"}}}} | the node on which it is started
					config: {machines: {vm1: {monitor: "tcp:10.0.0.7:4444"}}}              | from each node
					config: {machines: {vm1: {monitor: "unix:/srv/vm1.sock"}}}             | not in sockets.mountPath
					libvirt: {enabled: true}                                               | libvirt refuses a user
					{mode: Deployment, config: {discovery: {enabled: false}}, libvirt: {enabled: true}} | libvirt of each node
					config: {extra: {server: {port: 9090}}}                                | server.port
					config: {extra: {server.port: 9090}}                                   | server.port
					config: {extra: {server: {address: 127.0.0.1}}}                        | server.address
					config: {extra: {management: {server: {port: 9090}}}}                  | management.server.port
					{mode: Deployment, config: {discovery: {enabled: false}}, updateStrategy: {type: RollingUpdate}} | updateStrategy
					service: {headless: true, type: NodePort}                              | service.headless
					service: {headless: true, type: LoadBalancer}                          | service.headless
					""")
	void whatWouldNotWorkIsRefused(String values, String reason) {
		assertThatExceptionOfType(IllegalStateException.class).isThrownBy(() -> this.chart.render(values))
			.withMessageContaining(reason);
	}

	@ParameterizedTest
	@ValueSource(strings = { "{mode: Deployment, sockets: {volume: {persistentVolumeClaim: {claimName: sockets}}}}",
			"{mode: Deployment, nodeSelector: {kubernetes.io/hostname: node-1}}",
			"{config: {machines: {vm1: {monitor: 'tcp:h:1'}}}, nodeSelector: {kubernetes.io/hostname: node-1}}" })
	void whereTheUserHasChosenThePlaceItWorks(String values) {
		assertThat(this.chart.render(values).kinds())
			.contains(values.contains("Deployment") ? "Deployment" : "DaemonSet");
	}

	@Test
	void aKubernetesWithoutNativeSidecarsIsRefused() {
		assertThatExceptionOfType(IllegalStateException.class).isThrownBy(() -> this.chart.render("", "1.28.9"))
			.withMessageContaining("1.29");
	}

}
