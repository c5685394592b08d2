package dev.iothreads.chart;

import java.io.IOException;
import java.util.List;
import java.util.Map;

import dev.iothreads.IOThreadsProperties;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.yaml.snakeyaml.Yaml;

import static dev.iothreads.chart.Manifests.at;
import static dev.iothreads.chart.Manifests.named;
import static dev.iothreads.chart.Manifests.names;
import static org.assertj.core.api.Assertions.assertThat;

/**
 * The pods of a release, and the settings that the service has in them.
 */
class ChartPodTests {

	private final HelmChart chart = HelmChart.ofTheService();

	@ParameterizedTest
	@ValueSource(strings = { "mode: DaemonSet", Releases.DEPLOYMENT })
	void thePodIsConfined(String values) {
		Object pod = this.chart.render(values).pod(values.contains("DaemonSet") ? "DaemonSet" : "Deployment");
		assertThat(at(pod, "automountServiceAccountToken")).isEqualTo(false);
		assertThat(at(pod, "enableServiceLinks")).isEqualTo(false);
		assertThat(at(pod, "hostPID")).isNull();
		assertThat(at(pod, "hostNetwork")).isNull();
		assertThat(at(pod, "securityContext", "runAsNonRoot")).isEqualTo(true);
		assertThat(at(pod, "securityContext", "runAsUser")).isEqualTo(10001);
		assertThat(at(pod, "securityContext", "seccompProfile", "type")).isEqualTo("RuntimeDefault");
		Object container = at(pod, "containers", 0);
		assertThat(container).isNotNull();
		Confinement.check(pod, container);
		assertThat(at(container, "volumeMounts")).asInstanceOf(InstanceOfAssertFactories.LIST)
			.isNotEmpty()
			.allSatisfy((mount) -> assertThat(at(mount, "readOnly")).isEqualTo(true));
	}

	@Test
	void theHostsProcessesAndGroupsAreSeenWhenAskedFor() {
		Object pod = this.chart.render(Releases.EVERYTHING).pod("DaemonSet");
		assertThat(at(pod, "hostPID")).isEqualTo(true);
		assertThat(at(pod, "securityContext", "supplementalGroups")).isEqualTo(List.of(107));
		assertThat(at(pod, "securityContext", "runAsNonRoot")).isEqualTo(true);
	}

	@ParameterizedTest
	@ValueSource(strings = { "startupProbe", "livenessProbe", "readinessProbe" })
	void theProbesAskForTheProcessOnly(String probe) {
		Object container = at(this.chart.render("").pod("DaemonSet"), "containers", 0);
		assertThat(at(container, probe, "httpGet", "path"))
			.isEqualTo("readinessProbe".equals(probe) ? "/actuator/health/readiness" : "/actuator/health/liveness");
		assertThat(at(container, probe, "httpGet", "port")).isEqualTo("http");
	}

	@Test
	void aSecretOfUsersIsAFileOfTheServiceWhichItReadsAgain() {
		Manifests manifests = this.chart
			.render("users: {secretName: people}\nconfig: {extra: {iothreads: {security: {anonymous: none}}}}");
		Object pod = manifests.pod("DaemonSet");
		assertThat(at(named(at(pod, "volumes"), "users"), "secret", "secretName")).isEqualTo("people");
		Object mount = named(at(pod, "containers", 0, "volumeMounts"), "users");
		// A file of its own (subPath) would not be replaced.
		assertThat(at(mount, "subPath")).isNull();
		Object security = at(manifests.application(), "iothreads", "security");
		assertThat(at(security, "users-file")).isEqualTo(at(mount, "mountPath") + "/users");
		assertThat(at(security, "anonymous")).isEqualTo("none");
		assertThat(at(this.chart.render("").application(), "iothreads", "security")).isNull();
	}

	@Test
	void aSecretOfTlsIsServedByAndAskedForByTheProbes() {
		Manifests manifests = this.chart.render("tls: {secretName: web}");
		Object pod = manifests.pod("DaemonSet");
		assertThat(at(named(at(pod, "volumes"), "tls"), "secret", "secretName")).isEqualTo("web");
		Object mount = at(named(at(pod, "containers", 0, "volumeMounts"), "tls"), "mountPath");
		Map<String, Object> application = manifests.application();
		assertThat(at(application, "server", "ssl", "bundle")).isEqualTo("web");
		Object bundle = at(application, "spring", "ssl", "bundle", "pem", "web");
		assertThat(at(bundle, "keystore", "certificate")).isEqualTo(mount + "/tls.crt");
		assertThat(at(bundle, "keystore", "private-key")).isEqualTo(mount + "/tls.key");
		assertThat(at(bundle, "reload-on-update")).isEqualTo(true);
		assertThat(at(bundle, "keystore", "verify-keys")).isEqualTo(true);
		for (String probe : List.of("startupProbe", "livenessProbe", "readinessProbe")) {
			assertThat(at(pod, "containers", 0, probe, "httpGet", "scheme")).as(probe).isEqualTo("HTTPS");
			assertThat(at(this.chart.render("").pod("DaemonSet"), "containers", 0, probe, "httpGet", "scheme"))
				.isNull();
		}
		assertThat(at(manifests.only("Service"), "spec", "ports", 0, "appProtocol")).isEqualTo("https");
		assertThat(at(this.chart.render("").only("Service"), "spec", "ports", 0, "appProtocol")).isEqualTo("http");
	}

	@Test
	void aMachineBySocketHasItsDirectoryWithoutDiscoveryToo() {
		Object pod = this.chart.render("""
				config: {discovery: {enabled: false}, machines: {vm1: {monitor: "unix:/run/qemu/vm1.sock"}}}""")
			.pod("DaemonSet");
		assertThat(at(named(at(pod, "volumes"), "sockets"), "hostPath", "path")).isEqualTo("/run/qemu");
		assertThat(at(named(at(pod, "containers", 0, "volumeMounts"), "sockets"), "mountPath")).isEqualTo("/run/qemu");
	}

	@Test
	void withoutDiscoveryNothingOfTheHostIsMounted() {
		Manifests manifests = this.chart.render("config: {discovery: {enabled: false}}");
		assertThat(at(manifests.application(), "iothreads", "discovery")).isNull();
		assertThat(names(at(manifests.pod("DaemonSet"), "volumes"))).doesNotContain("sockets");
	}

	@Test
	void theLibvirtOfANodeIsMountedAsADirectory() {
		Manifests manifests = this.chart.render(
				"{libvirt: {enabled: true, domains: \"web-*\"}, podSecurityContext: {runAsUser: 0, runAsNonRoot: false}}");
		Object pod = manifests.pod("DaemonSet");
		assertThat(at(named(at(pod, "volumes"), "libvirt"), "hostPath", "path")).isEqualTo("/run/libvirt");
		assertThat(at(named(at(pod, "containers", 0, "volumeMounts"), "libvirt"), "mountPath"))
			.isEqualTo("/run/libvirt");
	}

	@Test
	void theSettingsAreThoseOfTheService() {
		Map<String, Object> application = this.chart.render(Releases.EVERYTHING).application();
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
	@MethodSource("dev.iothreads.chart.Releases#ofEveryKind")
	void theServiceTakesItsSettings(String values) throws IOException {
		Manifests manifests = this.chart.render(values);
		if (manifests.kinds().stream().noneMatch(List.of("DaemonSet", "Deployment")::contains)) {
			return;
		}
		IOThreadsProperties settings = Settings.read(new Yaml().dump(manifests.application()));
		assertThat(settings.timeouts().connect()).hasSeconds(2);
		if (values.contains("vm-1")) {
			assertThat(settings.machines()).containsKey("vm-1");
		}
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

}
