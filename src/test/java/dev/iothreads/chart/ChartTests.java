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
import dev.iothreads.IOThreadsProperties;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
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
			    vm-1: {monitor: "unix:/run/qemu/b.sock", readOnly: true}
			    a.b: {monitor: "unix:/run/qemu/a.sock"}
			  attach: {drivers: [virtio-blk-pci]}
			  extra: {logging: {level: {root: warn}}, iothreads: {max-age: 2s}}
			podAnnotations: {note: here}
			podLabels: {tier: node}
			priorityClassName: system-node-critical
			tolerations: [{operator: Exists}]
			nodeSelector: {kubernetes.io/hostname: node-1}
			affinity: {nodeAffinity: {}}
			podSecurityContext: {supplementalGroups: [107], fsGroup: 107}
			tls: {secretName: web}
			users: {secretName: people}
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
			  endpoint: {tlsConfig: {serverName: iothreads}, basicAuth: {username: {name: login, key: username}}}
			  sidecars: {enabled: true, namespaceSelector: {any: true}, endpoint: {honorLabels: true}}
			prometheusRule: {enabled: true, labels: {release: prometheus}}
			grafanaDashboard: {enabled: true, namespace: monitoring, annotations: {grafana_folder: QEMU}}
			kubevirtHook: {enabled: true, namespaces: [one, two]}
			""";

	private static final String DEPLOYMENT = """
			mode: Deployment
			config:
			  discovery: {enabled: false}
			  machines: {vm-1: {monitor: "tcp:10.0.0.7:4444"}}
			networkPolicy: {egress: [{to: [{ipBlock: {cidr: 10.0.0.7/32}}], ports: [{port: 4444}]}]}
			""";

	private final HelmChart chart = HelmChart.ofTheService();

	@TempDir
	private Path directory;

	private int copies;

	@ParameterizedTest
	@MethodSource("everyKindOfRelease")
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
	@MethodSource("everyKindOfRelease")
	void everyObjectPassesTheStrictModel(String values) {
		Manifests manifests = this.chart.render(values);
		assertThat(manifests.objects()).isNotEmpty().allSatisfy(KubernetesModel::check);
	}

	static Stream<String> everyKindOfRelease() {
		return Stream.of("mode: DaemonSet", DEPLOYMENT, "mode: DaemonSet\n" + EVERYTHING,
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
		assertThat(this.chart.render(EVERYTHING).kinds()).containsExactly("ConfigMap", "ConfigMap", "ConfigMap",
				"DaemonSet", "NetworkPolicy", "PodMonitor", "PodMonitor", "PrometheusRule", "Service",
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
		assertThat(this.chart.render("mode: None\n" + EVERYTHING).kinds()).containsExactly("ConfigMap", "ConfigMap",
				"ConfigMap", "PodMonitor", "PrometheusRule");
	}

	@ParameterizedTest
	@ValueSource(strings = { "mode: DaemonSet", DEPLOYMENT })
	void thePodIsConfined(String values) {
		Object pod = pod(this.chart.render(values), values.contains("DaemonSet") ? "DaemonSet" : "Deployment");
		assertThat(at(pod, "automountServiceAccountToken")).isEqualTo(false);
		assertThat(at(pod, "enableServiceLinks")).isEqualTo(false);
		assertThat(at(pod, "hostPID")).isNull();
		assertThat(at(pod, "hostNetwork")).isNull();
		assertThat(at(pod, "securityContext", "runAsNonRoot")).isEqualTo(true);
		assertThat(at(pod, "securityContext", "runAsUser")).isEqualTo(10001);
		assertThat(at(pod, "securityContext", "seccompProfile", "type")).isEqualTo("RuntimeDefault");
		Object container = at(pod, "containers", 0);
		assertThat(container).isNotNull();
		assertConfined(pod, container);
		assertThat(at(container, "volumeMounts")).asInstanceOf(InstanceOfAssertFactories.LIST)
			.isNotEmpty()
			.allSatisfy((mount) -> assertThat(at(mount, "readOnly")).isEqualTo(true));
	}

	static void assertConfined(@Nullable Object pod, @Nullable Object container) {
		assertThat(pod).isNotNull();
		assertThat(container).isNotNull();
		if (pod == null || container == null) {
			return;
		}
		// A container's own word counts before its pod's.
		assertThat(ofEither(pod, container, "runAsNonRoot")).as("runAsNonRoot").isEqualTo(true);
		assertThat(ofEither(pod, container, "seccompProfile")).as("seccompProfile")
			.isEqualTo(Map.of("type", "RuntimeDefault"));
		assertThat(at(container, "securityContext", "allowPrivilegeEscalation")).isEqualTo(false);
		assertThat(at(container, "securityContext", "readOnlyRootFilesystem")).isEqualTo(true);
		assertThat(at(container, "securityContext", "capabilities", "drop")).isEqualTo(List.of("ALL"));
		assertThat(at(container, "securityContext", "privileged")).isNull();
		assertThat(at(container, "resources", "limits", "memory")).isNotNull();
		assertThat(at(container, "resources", "requests", "cpu")).isNotNull();
	}

	private static @Nullable Object ofEither(Object pod, Object container, String setting) {
		Object own = at(container, "securityContext", setting);
		return (own != null) ? own : at(pod, "securityContext", setting);
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
		assertThat(manifests.all("PodMonitor")).hasSize(2).allSatisfy((monitor) -> {
			Object relabelings = at(monitor, "spec", "podMetricsEndpoints", 0, "relabelings");
			assertThat(at(relabelings, 0, "targetLabel")).isEqualTo("node");
			// Whatever the release is called: an alert looks for it.
			assertThat(at(relabelings, 1)).isEqualTo(Map.of("targetLabel", "job", "replacement", "iothread-inventory"));
		});
	}

	@Test
	void aMonitorsEndpointHasWhatPrometheusSignsInWith() {
		Manifests manifests = this.chart.render(EVERYTHING);
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
	void aSecretOfUsersIsAFileOfTheServiceWhichItReadsAgain() {
		Manifests manifests = this.chart
			.render("users: {secretName: people}\nconfig: {extra: {iothreads: {security: {anonymous: none}}}}");
		Object pod = pod(manifests, "DaemonSet");
		assertThat(at(named(at(pod, "volumes"), "users"), "secret", "secretName")).isEqualTo("people");
		Object mount = named(at(pod, "containers", 0, "volumeMounts"), "users");
		// A file of its own (subPath) would not be replaced.
		assertThat(at(mount, "subPath")).isNull();
		Object security = at(application(manifests), "iothreads", "security");
		assertThat(at(security, "users-file")).isEqualTo(at(mount, "mountPath") + "/users");
		assertThat(at(security, "anonymous")).isEqualTo("none");
		assertThat(at(application(this.chart.render("")), "iothreads", "security")).isNull();
	}

	@Test
	void aSecretOfTlsIsServedByAndAskedForByTheProbes() {
		Manifests manifests = this.chart.render("tls: {secretName: web}");
		Object pod = pod(manifests, "DaemonSet");
		assertThat(at(named(at(pod, "volumes"), "tls"), "secret", "secretName")).isEqualTo("web");
		Object mount = at(named(at(pod, "containers", 0, "volumeMounts"), "tls"), "mountPath");
		Map<String, Object> application = application(manifests);
		assertThat(at(application, "server", "ssl", "bundle")).isEqualTo("web");
		Object bundle = at(application, "spring", "ssl", "bundle", "pem", "web");
		assertThat(at(bundle, "keystore", "certificate")).isEqualTo(mount + "/tls.crt");
		assertThat(at(bundle, "keystore", "private-key")).isEqualTo(mount + "/tls.key");
		assertThat(at(bundle, "reload-on-update")).isEqualTo(true);
		assertThat(at(bundle, "keystore", "verify-keys")).isEqualTo(true);
		for (String probe : List.of("startupProbe", "livenessProbe", "readinessProbe")) {
			assertThat(at(pod, "containers", 0, probe, "httpGet", "scheme")).as(probe).isEqualTo("HTTPS");
			assertThat(at(pod(this.chart.render(""), "DaemonSet"), "containers", 0, probe, "httpGet", "scheme"))
				.isNull();
		}
		assertThat(at(manifests.only("Service"), "spec", "ports", 0, "appProtocol")).isEqualTo("https");
		assertThat(at(this.chart.render("").only("Service"), "spec", "ports", 0, "appProtocol")).isEqualTo("http");
	}

	@Test
	void aMachineBySocketHasItsDirectoryWithoutDiscoveryToo() {
		Object pod = pod(this.chart.render("""
				config: {discovery: {enabled: false}, machines: {vm1: {monitor: "unix:/run/qemu/vm1.sock"}}}"""),
				"DaemonSet");
		assertThat(at(named(at(pod, "volumes"), "sockets"), "hostPath", "path")).isEqualTo("/run/qemu");
		assertThat(at(named(at(pod, "containers", 0, "volumeMounts"), "sockets"), "mountPath")).isEqualTo("/run/qemu");
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
	void thePolicyLetsInItsOwnNamespaceAndWhomTheUserSays() {
		Object spec = this.chart.render("").only("NetworkPolicy").get("spec");
		assertThat(at(spec, "policyTypes")).isEqualTo(List.of("Ingress", "Egress"));
		assertThat(at(spec, "ingress", 0, "from")).isEqualTo(List.of(Map.of("podSelector", Map.of())));
		assertThat(at(spec, "egress")).isEqualTo(List.of());
		Object wider = this.chart.render(EVERYTHING).only("NetworkPolicy").get("spec");
		assertThat(at(wider, "ingress", 0, "from", 1, "namespaceSelector", "matchLabels")).isNotNull();
		assertThat(at(wider, "egress", 0, "to", 0, "ipBlock", "cidr")).isEqualTo("10.0.0.0/8");
	}

	@Test
	void theHostsProcessesAndGroupsAreSeenWhenAskedFor() {
		Object pod = pod(this.chart.render(EVERYTHING), "DaemonSet");
		assertThat(at(pod, "hostPID")).isEqualTo(true);
		assertThat(at(pod, "securityContext", "supplementalGroups")).isEqualTo(List.of(107));
		assertThat(at(pod, "securityContext", "runAsNonRoot")).isEqualTo(true);
	}

	@ParameterizedTest
	@ValueSource(strings = { "", DEPLOYMENT, EVERYTHING })
	void theTestPodAsksTheServiceWithoutAShell(String values) {
		Manifests manifests = withTheTest(values);
		Map<String, Object> pod = manifests.only("Pod");
		KubernetesModel.check(pod);
		String scheme = EVERYTHING.equals(values) ? "https" : "http";
		Object container = at(pod, "spec", "containers", 0);
		assertThat(container).isNotNull();
		assertConfined(at(pod, "spec"), container);
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
		Object deployment = this.chart.render(DEPLOYMENT).only("Deployment");
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
	@ValueSource(strings = { "NodePort", "LoadBalancer" })
	void aServiceCanBeReachedFromOutside(String type) {
		Map<String, Object> service = this.chart.render("service: {type: %s}".formatted(type)).only("Service");
		KubernetesModel.check(service);
		assertThat(at(service, "spec", "type")).isEqualTo(type);
		assertThat(at(service, "spec", "clusterIP")).isNull();
	}

	@Test
	void theSettingsAreThoseOfTheService() {
		Map<String, Object> application = application(this.chart.render(EVERYTHING));
		assertThat(at(application, "server", "address")).isEqualTo("0.0.0.0");
		assertThat(at(application, "iothreads", "machines", "[vm-1]"))
			.isEqualTo(Map.of("monitor", "unix:/run/qemu/b.sock", "read-only", true));
		assertThat(at(application, "iothreads", "machines", "[a.b]", "read-only")).isEqualTo(false);
		assertThat(at(application, "iothreads", "discovery"))
			.isEqualTo(Map.of("directory", "/run/qemu", "pattern", "*.sock", "interval", "2s"));
		assertThat(at(application, "iothreads", "attach", "drivers")).isEqualTo(List.of("virtio-blk-pci"));
		assertThat(at(application, "iothreads", "max-age")).isEqualTo("2s");
		assertThat(at(application, "iothreads", "refresh-interval")).isEqualTo("5s");
		assertThat(at(application, "logging", "level", "root")).isEqualTo("warn");
	}

	@ParameterizedTest
	@MethodSource("everyKindOfRelease")
	void theServiceTakesItsSettings(String values) throws IOException {
		Manifests manifests = this.chart.render(values);
		if (manifests.kinds().stream().noneMatch(List.of("DaemonSet", "Deployment")::contains)) {
			return;
		}
		IOThreadsProperties settings = Settings.read(new Yaml().dump(application(manifests)));
		assertThat(settings.timeouts().connect()).hasSeconds(2);
		if (values.contains("vm-1")) {
			assertThat(settings.machines()).containsKey("vm-1");
		}
	}

	@Test
	void withoutDiscoveryNothingOfTheHostIsMounted() {
		Manifests manifests = this.chart.render("config: {discovery: {enabled: false}}");
		assertThat(at(application(manifests), "iothreads", "discovery")).isNull();
		assertThat(names(at(pod(manifests, "DaemonSet"), "volumes"))).doesNotContain("sockets");
	}

	@Test
	void aChangedSettingIsAnotherTemplateThatHoldsAllItNeeds() {
		Object before = at(this.chart.render("config: {maxAge: 1s}").only("DaemonSet"), "spec", "template");
		Object after = at(this.chart.render("config: {maxAge: 2s}").only("DaemonSet"), "spec", "template");
		assertThat(before).isNotNull().isNotEqualTo(after);
		assertThat(names(at(before, "spec", "volumes"))).contains("config");
		assertThat(at(named(at(before, "spec", "volumes"), "config"), "downwardAPI", "items", 0))
			.isEqualTo(Map.of("path", "application.yaml", "fieldRef",
					Map.of("fieldPath", "metadata.annotations['iothreads.dev/application']")));
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

	@Test
	void theLibvirtOfANodeIsMountedAsADirectory() {
		Manifests manifests = this.chart.render(
				"{libvirt: {enabled: true, domains: \"web-*\"}, podSecurityContext: {runAsUser: 0, runAsNonRoot: false}}");
		Object pod = pod(manifests, "DaemonSet");
		assertThat(at(named(at(pod, "volumes"), "libvirt"), "hostPath", "path")).isEqualTo("/run/libvirt");
		assertThat(at(named(at(pod, "containers", 0, "volumeMounts"), "libvirt"), "mountPath"))
			.isEqualTo("/run/libvirt");
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
		Object text = Stream.of("DaemonSet", "Deployment")
			.flatMap((kind) -> manifests.all(kind).stream())
			.map((workload) -> at(workload, "spec", "template", "metadata", "annotations", "iothreads.dev/application"))
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
