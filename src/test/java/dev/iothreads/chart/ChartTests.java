package dev.iothreads.chart;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

import com.marcnuri.helm.Helm;
import com.marcnuri.helm.LintResult;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.yaml.snakeyaml.Yaml;

import static dev.iothreads.chart.Manifests.at;
import static dev.iothreads.chart.Manifests.named;
import static dev.iothreads.chart.Manifests.names;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

class ChartTests {

	private static final String EVERYTHING = """
			hostPID: true
			javaOptions: -Xmx96m
			commonLabels: {team: storage}
			imagePullSecrets: [{name: pull}]
			image: {digest: "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}
			env: [{name: LOGGING_LEVEL_DEV_IOTHREADS, value: debug}]
			config:
			  machines:
			    vm-1: {monitor: "tcp:10.0.0.7:4444", readOnly: true}
			    a.b: {monitor: "unix:/run/qemu/a.sock"}
			  attach: {drivers: [virtio-blk-pci]}
			  extra: {logging: {level: {root: warn}}, iothreads: {max-age: 2s}}
			podAnnotations: {note: here}
			podLabels: {tier: node}
			priorityClassName: system-node-critical
			tolerations: [{operator: Exists}]
			affinity: {nodeAffinity: {}}
			extraVolumes: [{name: more, emptyDir: {}}]
			extraVolumeMounts: [{name: more, mountPath: /more}]
			serviceAccount: {create: true, annotations: {a: b}}
			service: {headless: true, internalTrafficPolicy: Local, annotations: {a: b}}
			networkPolicy:
			  enabled: true
			  from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: monitoring}}}]
			  egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8}}], ports: [{port: 4444}]}]
			podMonitor:
			  enabled: true
			  labels: {release: prometheus}
			  sidecars: {enabled: true, namespaceSelector: {any: true}}
			prometheusRule: {enabled: true, labels: {release: prometheus}}
			grafanaDashboard: {enabled: true, namespace: monitoring, annotations: {grafana_folder: QEMU}}
			kubevirtHook: {enabled: true, namespaces: [one, two]}
			""";

	private final HelmChart chart = HelmChart.ofTheService();

	@TempDir
	private Path directory;

	private int copies;

	@Test
	void lintFindsNothing() {
		LintResult result = new Helm(this.chart.directory()).lint().strict().call();
		assertThat(result.isFailed()).as(() -> String.join("\n", result.getMessages())).isFalse();
		assertThat(result.getMessages()).noneMatch((message) -> message.contains("[WARNING]"));
	}

	@ParameterizedTest
	@MethodSource("everyKindOfRelease")
	void everyObjectPassesTheStrictModel(String values) {
		Manifests manifests = this.chart.render(values);
		assertThat(manifests.objects()).isNotEmpty().allSatisfy(KubernetesModel::check);
	}

	static Stream<String> everyKindOfRelease() {
		return Stream.of("mode: DaemonSet", "mode: Deployment", "mode: DaemonSet\n" + EVERYTHING,
				"mode: Deployment\n" + EVERYTHING, "mode: None\n" + EVERYTHING,
				"serviceMonitor: {enabled: true, labels: {release: prometheus}}",
				"{mode: Deployment, config: {discovery: {enabled: false}}}",
				"sockets: {volume: {persistentVolumeClaim: {claimName: qemu-sockets}}}");
	}

	@Test
	void theModelRefusesWhatKubernetesDoesNotKnow() {
		Map<String, Object> pod = Map.of("apiVersion", "v1", "kind", "Pod", "spec",
				Map.of("containers", List.of(Map.of("name", "a", "imagePolicy", "Never"))));
		assertThatExceptionOfType(AssertionError.class).isThrownBy(() -> KubernetesModel.check(pod))
			.withMessageContaining("imagePolicy");
	}

	@Test
	void byDefaultItRunsOnceOnEachNodeAndNothingAsksForMonitoring() {
		assertThat(this.chart.render("").kinds()).containsExactly("ConfigMap", "DaemonSet", "NetworkPolicy", "Service",
				"ServiceAccount");
	}

	@Test
	void everySwitchMakesItsObjects() {
		assertThat(this.chart.render(EVERYTHING).kinds()).containsExactly("ConfigMap", "ConfigMap", "ConfigMap",
				"ConfigMap", "DaemonSet", "NetworkPolicy", "PodMonitor", "PodMonitor", "PrometheusRule", "Service",
				"ServiceAccount");
		assertThat(this.chart.render("serviceMonitor: {enabled: true}").kinds()).contains("ServiceMonitor");
	}

	@Test
	void everySwitchTakesItsObjectsAway() {
		assertThat(this.chart.render("""
				{service: {enabled: false}, networkPolicy: {enabled: false}, serviceAccount: {create: false},
				 tests: {enabled: false}}""").kinds()).containsExactly("ConfigMap", "DaemonSet");
	}

	@Test
	void withoutAModeNothingRuns() {
		assertThat(this.chart.render("mode: None").objects()).isEmpty();
		assertThat(this.chart.render("mode: None\n" + EVERYTHING).kinds()).containsExactly("ConfigMap", "ConfigMap",
				"ConfigMap", "PodMonitor", "PrometheusRule");
	}

	@ParameterizedTest
	@ValueSource(strings = { "DaemonSet", "Deployment" })
	void thePodIsConfined(String mode) {
		Object pod = pod(this.chart.render("mode: " + mode), mode);
		assertThat(at(pod, "automountServiceAccountToken")).isEqualTo(false);
		assertThat(at(pod, "enableServiceLinks")).isEqualTo(false);
		assertThat(at(pod, "hostPID")).isNull();
		assertThat(at(pod, "hostNetwork")).isNull();
		assertThat(at(pod, "securityContext", "runAsNonRoot")).isEqualTo(true);
		assertThat(at(pod, "securityContext", "runAsUser")).isEqualTo(10001);
		assertThat(at(pod, "securityContext", "seccompProfile", "type")).isEqualTo("RuntimeDefault");
		Object container = at(pod, "containers", 0);
		assertThat(container).isNotNull();
		assertConfined(container);
		assertThat(at(named(at(container, "volumeMounts"), "sockets"), "readOnly")).isEqualTo(true);
	}

	static void assertConfined(Object container) {
		assertThat(at(container, "securityContext", "allowPrivilegeEscalation")).isEqualTo(false);
		assertThat(at(container, "securityContext", "readOnlyRootFilesystem")).isEqualTo(true);
		assertThat(at(container, "securityContext", "capabilities", "drop")).isEqualTo(List.of("ALL"));
		assertThat(at(container, "securityContext", "privileged")).isNull();
		assertThat(at(container, "resources", "limits", "memory")).isNotNull();
		assertThat(at(container, "resources", "requests", "cpu")).isNotNull();
	}

	@ParameterizedTest
	@ValueSource(strings = { "startupProbe", "livenessProbe", "readinessProbe" })
	void theProbesAskForTheProcessOnly(String probe) {
		Object container = at(pod(this.chart.render(""), "DaemonSet"), "containers", 0);
		assertThat(at(container, probe, "httpGet", "path"))
			.isEqualTo("readinessProbe".equals(probe) ? "/actuator/health/readiness" : "/actuator/health/liveness");
		assertThat(at(container, probe, "httpGet", "port")).isEqualTo("http");
	}

	@Test
	void thePortsThatTheServiceAndTheMonitorsNameAreTheContainers() {
		Manifests manifests = this.chart.render("serviceMonitor: {enabled: true}");
		Object ports = at(pod(manifests, "DaemonSet"), "containers", 0, "ports");
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
		Set<?> test = entries(at(withTheTest("").only("Pod"), "metadata", "labels"));
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

	@Test
	void aScrapeBringsTheNodesNameAlong() {
		Manifests manifests = this.chart.render("podMonitor: {enabled: true, sidecars: {enabled: true}}");
		assertThat(manifests.all("PodMonitor")).hasSize(2)
			.allSatisfy((monitor) -> assertThat(
					at(monitor, "spec", "podMetricsEndpoints", 0, "relabelings", 0, "targetLabel"))
				.isEqualTo("node"));
	}

	@ParameterizedTest
	@ValueSource(strings = { "", "mode: Deployment", EVERYTHING })
	void theTestPodAsksTheServiceWithoutAShell(String values) {
		Manifests manifests = withTheTest(values);
		Map<String, Object> pod = manifests.only("Pod");
		KubernetesModel.check(pod);
		Object container = at(pod, "spec", "containers", 0);
		assertThat(container).isNotNull();
		assertConfined((container != null) ? container : Map.of());
		assertThat(at(pod, "spec", "restartPolicy")).isEqualTo("Never");
		assertThat(at(container, "command")).asInstanceOf(InstanceOfAssertFactories.list(String.class))
			.startsWith("java", "-XX:Flags=/application/jvm.flags", "-cp", "/opt/probe", "Probe")
			.contains("http://%s:8080/api/v1/iothreads".formatted(at(manifests.only("Service"), "metadata", "name")));
	}

	@ParameterizedTest
	@ValueSource(strings = { "tests: {enabled: false}", "service: {enabled: false}", "mode: None" })
	void whereThereIsNothingToAskThereIsNoTestPod(String values) {
		assertThat(withTheTest(values).kinds()).doesNotContain("Pod");
	}

	// Helm renders no hooks for us: here it is taken for an object like the others.
	private Manifests withTheTest(String values) {
		HelmChart copy = this.chart.copyTo(this.directory.resolve("copy" + this.copies++));
		try {
			Path test = copy.file("templates/tests/answers.yaml");
			String template = Files.readString(test);
			assertThat(template).contains("helm.sh/hook: test");
			Files.writeString(test, template.replace("helm.sh/hook", "note"));
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
		return copy.render(values);
	}

	@Test
	void aDeploymentNeverRunsTwice() {
		Object deployment = this.chart.render("mode: Deployment").only("Deployment");
		assertThat(at(deployment, "spec", "replicas")).isEqualTo(1);
		assertThat(at(deployment, "spec", "strategy", "type")).isEqualTo("Recreate");
	}

	@Test
	void theSettingsAreThoseOfTheService() {
		Map<String, Object> application = application(this.chart.render(EVERYTHING));
		assertThat(at(application, "server", "address")).isEqualTo("0.0.0.0");
		assertThat(at(application, "iothreads", "machines", "[vm-1]"))
			.isEqualTo(Map.of("monitor", "tcp:10.0.0.7:4444", "read-only", true));
		assertThat(at(application, "iothreads", "machines", "[a.b]", "read-only")).isEqualTo(false);
		assertThat(at(application, "iothreads", "discovery"))
			.isEqualTo(Map.of("directory", "/run/qemu", "pattern", "*.sock", "interval", "2s"));
		assertThat(at(application, "iothreads", "attach", "drivers")).isEqualTo(List.of("virtio-blk-pci"));
		assertThat(at(application, "iothreads", "max-age")).isEqualTo("2s");
		assertThat(at(application, "iothreads", "refresh-interval")).isEqualTo("5s");
		assertThat(at(application, "logging", "level", "root")).isEqualTo("warn");
	}

	@Test
	void withoutDiscoveryNothingOfTheHostIsMounted() {
		Manifests manifests = this.chart.render("config: {discovery: {enabled: false}}");
		assertThat(at(application(manifests), "iothreads", "discovery")).isNull();
		assertThat(names(at(pod(manifests, "DaemonSet"), "volumes"))).doesNotContain("sockets");
	}

	@Test
	void aChangedSettingStartsThePodsAnew() {
		assertThat(checksum("config: {maxAge: 2s}")).isNotEqualTo(checksum("config: {maxAge: 1s}"));
	}

	private Object checksum(String values) {
		Object checksum = at(this.chart.render(values).only("DaemonSet"), "spec", "template", "metadata", "annotations",
				"checksum/config");
		assertThat(checksum).isNotNull();
		return (checksum != null) ? checksum : "";
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

	@Test
	void aKubernetesWithoutNativeSidecarsIsRefused() {
		assertThatExceptionOfType(IllegalStateException.class).isThrownBy(() -> this.chart.render("", "1.28.9"))
			.withMessageContaining("1.29");
	}

	@Test
	void theImageIsTheOneThatThisBuildMakes() throws IOException {
		Matcher version = Pattern.compile("<artifactId>iothread-inventory</artifactId>\\s*<version>(.*)</version>")
			.matcher(Files.readString(Path.of("pom.xml")));
		assertThat(version.find()).isTrue();
		assertThat(at(pod(this.chart.render(""), "DaemonSet"), "containers", 0, "image"))
			.isEqualTo("iothread-inventory:" + version.group(1));
		assertThat(this.chart.text("examples/qemu-with-sidecar.yaml"))
			.contains("image: iothread-inventory:" + version.group(1) + "\n");
		assertThat(Files.readString(Path.of("Dockerfile"))).contains("\nARG VERSION=" + version.group(1) + "\n");
	}

	@Test
	void aDigestStandsInsteadOfATag() {
		assertThat(at(pod(this.chart.render(EVERYTHING), "DaemonSet"), "containers", 0, "image")).asString()
			.startsWith("iothread-inventory@sha256:");
	}

	private static Object pod(Manifests manifests, String mode) {
		Object pod = at(manifests.only(mode), "spec", "template", "spec");
		assertThat(pod).isNotNull();
		return (pod != null) ? pod : Map.of();
	}

	private static Map<String, Object> application(Manifests manifests) {
		Object text = manifests.all("ConfigMap")
			.stream()
			.map((map) -> at(map, "data", "application.yaml"))
			.filter((yaml) -> yaml != null)
			.findFirst()
			.orElseThrow();
		return new Yaml().load((String) text);
	}

	@SuppressWarnings("unchecked")
	private static Set<Map.Entry<Object, Object>> entries(@Nullable Object map) {
		assertThat(map).isInstanceOf(Map.class);
		return (map != null) ? ((Map<Object, Object>) map).entrySet() : Set.of();
	}

}
