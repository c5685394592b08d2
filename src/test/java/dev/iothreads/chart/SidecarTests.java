package dev.iothreads.chart;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

import dev.iothreads.IOThreadsProperties;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import org.springframework.core.env.StandardEnvironment;
import org.springframework.core.env.SystemEnvironmentPropertySource;

import static dev.iothreads.chart.Manifests.at;
import static dev.iothreads.chart.Manifests.named;
import static dev.iothreads.chart.Manifests.names;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

class SidecarTests {

	private static final String POD = """
			apiVersion: v1
			kind: Pod
			metadata:
			  name: vm
			  labels:
			    {{- include "iothread-inventory.sidecarLabels" . | nindent 4 }}
			spec:
			  initContainers:
			    {{- include "iothread-inventory.sidecar" (dict "root" $ "volume" "qemu-sockets" %s) | nindent 4 }}
			  containers:
			    - name: qemu
			      image: qemu
			  volumes:
			    - name: qemu-sockets
			      emptyDir: {}
			""";

	@TempDir
	private Path directory;

	@Test
	void anotherChartsPodIncludesIt() throws IOException {
		Manifests manifests = including("", "");
		Map<String, Object> pod = manifests.only("Pod");
		KubernetesModel.check(pod);
		assertThat(manifests.kinds()).containsExactly("Pod");
		assertSidecar(pod, "/run/qemu");
	}

	@Test
	void itsValuesAreThoseOfTheIncludingChartAndOfTheCall() throws IOException {
		Map<String, Object> pod = including(
				"\"mountPath\" \"/sockets\" \"values\" (dict \"image\" (dict \"tag\" \"7\"))", "  javaOptions: -Xmx96m")
			.only("Pod");
		Object sidecar = at(pod, "spec", "initContainers", 0);
		assertThat(at(sidecar, "image")).isEqualTo("iothread-inventory:7");
		assertThat(at(named(at(sidecar, "env"), "JAVA_TOOL_OPTIONS"), "value")).isEqualTo("-Xmx96m");
		assertThat(at(named(at(sidecar, "env"), "IOTHREADS_DISCOVERY_DIRECTORY"), "value")).isEqualTo("/sockets");
		assertThat(at(named(at(sidecar, "volumeMounts"), "qemu-sockets"), "mountPath")).isEqualTo("/sockets");
	}

	@Test
	void itHasTheSettingsOfTheServiceInItsEnvironment() throws IOException {
		Object environment = at(including("", """
				  config:
				    refreshInterval: 10s
				    maxAge: 0
				    discovery: {pattern: "*.qmp"}
				    timeouts: {detach: 20s}
				    attach: {drivers: [virtio-blk-pci, virtio-scsi-pci]}
				  extraVolumeMounts: [{name: more, mountPath: /more}]
				""").only("Pod"), "spec", "initContainers", 0, "env");
		Map<String, Object> variables = new HashMap<>();
		for (String name : names(environment)) {
			variables.put(name, String.valueOf(named(environment, name).get("value")));
		}
		IOThreadsProperties settings = Settings.read(new SystemEnvironmentPropertySource(
				StandardEnvironment.SYSTEM_ENVIRONMENT_PROPERTY_SOURCE_NAME, variables));
		assertThat(settings.refreshInterval()).hasSeconds(10);
		assertThat(settings.maxAge()).isZero();
		assertThat(settings.timeouts().detach()).hasSeconds(20);
		assertThat(settings.timeouts().command()).hasSeconds(5);
		assertThat(settings.attach().drivers()).containsExactly("virtio-blk-pci", "virtio-scsi-pci");
		assertThat(settings.discovery()).isNotNull()
			.satisfies((discovery) -> assertThat(discovery.pattern()).isEqualTo("*.qmp"));
	}

	@ParameterizedTest
	@ValueSource(strings = { "  config: {machines: {vm1: {monitor: 'unix:/run/qemu/vm1.sock'}}}",
			"  config: {extra: {logging: {level: {root: warn}}}}", "  config: {discovery: {enabled: false}}",
			"  tls: {secretName: web}", "  users: {secretName: people}" })
	void whatItCannotTakeIsRefused(String values) {
		assertThatExceptionOfType(IllegalStateException.class).isThrownBy(() -> including("", values))
			.withMessageContaining("The sidecar")
			.withMessageContaining("env");
	}

	@Test
	void itAsksForTheVolumeOfTheSockets() {
		String pod = POD.formatted("").replace("\"volume\" \"qemu-sockets\"", "");
		assertThatExceptionOfType(IllegalStateException.class).isThrownBy(() -> render(pod, ""))
			.withMessageContaining("needs the name of the volume");
	}

	@Test
	void theExampleForKubectlIsAsTheTemplateMakesIt() throws IOException {
		Manifests example = Manifests.of(HelmChart.ofTheService().text("examples/qemu-with-sidecar.yaml"));
		Map<String, Object> pod = example.only("Pod");
		KubernetesModel.check(pod);
		assertSidecar(pod, "/run/qemu");
		Object made = at(including("", "").only("Pod"), "spec", "initContainers", 0);
		Object written = at(pod, "spec", "initContainers", 0);
		for (String same : List.of("name", "image", "ports", "livenessProbe", "resources", "volumeMounts")) {
			assertThat(at(written, same)).as(same).isEqualTo(at(made, same));
		}
		assertThat(at(pod, "spec", "containers", 0, "command")).asInstanceOf(InstanceOfAssertFactories.LIST)
			.contains("unix:/run/qemu/vm1.sock,server=on,wait=off");
		Confinement.check(at(pod, "spec"), at(pod, "spec", "containers", 0));
		assertThat(at(pod, "spec", "automountServiceAccountToken")).isEqualTo(false);
	}

	@ParameterizedTest
	@ValueSource(strings = { "  securityContext: {}", "  securityContext: null",
			"  securityContext: {allowPrivilegeEscalation: null, readOnlyRootFilesystem: null, capabilities: null}" })
	void withoutAnythingOfTheValuesItStillIsNotRoot(String values) throws IOException {
		Object context = at(including("", values).only("Pod"), "spec", "initContainers", 0, "securityContext");
		assertThat(context).isNotNull();
		if (context != null) {
			assertThat(at(context, "runAsNonRoot")).isEqualTo(true);
			assertThat(at(context, "seccompProfile", "type")).isEqualTo("RuntimeDefault");
		}
	}

	@Test
	void itIsRootWhereTheValuesSaySo() throws IOException {
		Object context = at(including("", "  securityContext: {runAsNonRoot: false, runAsUser: 0}").only("Pod"), "spec",
				"initContainers", 0, "securityContext");
		assertThat(context).isNotNull();
		if (context != null) {
			assertThat(at(context, "runAsNonRoot")).isEqualTo(false);
			assertThat(at(context, "runAsUser")).isEqualTo(0);
		}
	}

	private static void assertSidecar(Map<String, Object> pod, String directory) {
		Object sidecar = at(pod, "spec", "initContainers", 0);
		assertThat(sidecar).isNotNull();
		Confinement.check(at(pod, "spec"), sidecar);
		assertThat(at(sidecar, "restartPolicy")).isEqualTo("Always");
		assertThat(at(pod, "metadata", "labels", "iothreads.dev/sidecar")).isEqualTo("true");
		assertThat(names(at(sidecar, "ports"))).containsExactly("iothreads");
		assertThat(at(named(at(sidecar, "env"), "SERVER_ADDRESS"), "value")).isEqualTo("0.0.0.0");
		assertThat(at(named(at(sidecar, "env"), "IOTHREADS_DISCOVERY_DIRECTORY"), "value")).isEqualTo(directory);
		assertThat(at(named(at(sidecar, "volumeMounts"), "qemu-sockets"), "mountPath")).isEqualTo(directory);
		assertThat(at(sidecar, "livenessProbe", "httpGet", "port")).isEqualTo("iothreads");
		assertThat(at(sidecar, "livenessProbe", "initialDelaySeconds")).isEqualTo(30);
		// These two would hold the machine back, or take its pod out of its Services.
		assertThat(at(sidecar, "startupProbe")).isNull();
		assertThat(at(sidecar, "readinessProbe")).isNull();
		assertThat(names(at(pod, "spec", "volumes"))).contains("qemu-sockets");
	}

	private Manifests including(String arguments, String values) throws IOException {
		return render(POD.formatted(arguments), values);
	}

	private Manifests render(String pod, String values) throws IOException {
		Path chart = Files.createDirectories(this.directory.resolve("vm"));
		Files.writeString(chart.resolve("Chart.yaml"), """
				apiVersion: v2
				name: vm
				version: 1.0.0
				appVersion: "99"
				dependencies:
				  - name: iothread-inventory
				    version: ">=0.1.0"
				""");
		Files.writeString(chart.resolve("values.yaml"), "iothread-inventory:\n  mode: None\n" + values + "\n");
		Files.writeString(Files.createDirectories(chart.resolve("templates")).resolve("pod.yaml"), pod);
		HelmChart.ofTheService().copyTo(chart.resolve("charts/iothread-inventory"));
		return new HelmChart(chart).render("");
	}

}
