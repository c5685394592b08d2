package dev.iothreads.chart;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

import dev.iothreads.testing.Needs;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static dev.iothreads.chart.Manifests.at;
import static org.assertj.core.api.Assertions.assertThat;

class KubeVirtHookTests {

	private static final String DOMAIN = """
			<domain type="kvm" xmlns:qemu="http://libvirt.org/schemas/domain/qemu/1.0">
			  <name>%s</name>
			  <metadata><kubevirt xmlns="http://kubevirt.io"><uid>1</uid></kubevirt></metadata>
			  %s
			</domain>
			""";

	@TempDir
	private Path directory;

	private final HelmChart chart = HelmChart.ofTheService();

	@Test
	void theConfigMapHoldsTheScriptInEachNamespace() {
		Manifests manifests = this.chart.render("{mode: None, kubevirtHook: {enabled: true, namespaces: [one, two]}}");
		assertThat(manifests.all("ConfigMap")).extracting((map) -> at(map, "metadata", "namespace"))
			.containsExactly("one", "two");
		assertThat(manifests.all("ConfigMap")).allSatisfy((map) -> assertThat(at(map, "data", "onDefineDomain"))
			.isEqualTo(this.chart.text("files/onDefineDomain")));
	}

	@Test
	void aMachineGetsASecondMonitorNamedAfterItsDomain() throws Exception {
		assertThat(hook(DOMAIN.formatted("vms_vm1", ""))).contains("<qemu:commandline>")
			.containsSubsequence("<qemu:arg value=\"-qmp\" />",
					"<qemu:arg value=\"unix:/var/run/kubevirt-hooks/vms_vm1.sock,server=on,wait=off\" />")
			.contains("<name>vms_vm1</name>", "http://kubevirt.io");
	}

	@Test
	void whatTheCommandLineHadBeforeStays() throws Exception {
		assertThat(hook(DOMAIN.formatted("vms_vm1",
				"<qemu:commandline><qemu:arg value='-msg'/><qemu:env name='A' value='b'/></qemu:commandline>")))
			.containsOnlyOnce("<qemu:commandline>")
			.contains("value=\"-msg\"", "name=\"A\"", "value=\"-qmp\"");
	}

	@Test
	void askedTwiceItAddsOneMonitor() throws Exception {
		String once = hook(DOMAIN.formatted("vms_vm1", ""));
		assertThat(hook(once)).isEqualTo(once).containsOnlyOnce("-qmp");
	}

	@Test
	void aLongNameGivesASocketThatLinuxTakes() throws Exception {
		String domain = "n".repeat(63) + "_" + "v".repeat(63);
		String socket = hook(DOMAIN.formatted(domain, "")).replaceAll("(?s).*unix:(.*),server=on.*", "$1");
		assertThat(socket.getBytes(StandardCharsets.UTF_8)).hasSizeLessThanOrEqualTo(107);
		assertThat(hook(DOMAIN.formatted(domain.substring(1) + "w", ""))).doesNotContain(socket);
	}

	@Test
	void whatIsNoDomainStaysAsItIs() throws Exception {
		assertThat(hook("<domain>")).isEqualTo("<domain>");
		assertThat(hook("<domain/>")).isEqualTo("<domain/>");
	}

	@Test
	void theSocketsDirectoryIsAValue() throws Exception {
		Object script = at(
				this.chart.render("{mode: None, kubevirtHook: {enabled: true, socketDirectory: /var/run/iothreads}}")
					.only("ConfigMap"),
				"data", "onDefineDomain");
		assertThat(hook(String.valueOf(script), DOMAIN.formatted("vms_vm1", "")))
			.contains("unix:/var/run/iothreads/vms_vm1.sock,");
	}

	private String hook(String domain) throws IOException, InterruptedException {
		return hook(this.chart.text("files/onDefineDomain"), domain);
	}

	// As KubeVirt's sidecar-shim runs it.
	private String hook(String script, String domain) throws IOException, InterruptedException {
		Path python = Needs.program("python3", "python3");
		Path file = Files.writeString(this.directory.resolve("onDefineDomain"), script);
		Path output = this.directory.resolve("output");
		Process process = new ProcessBuilder(
				List.of(python.toString(), file.toString(), "--vmi", "{}", "--domain", domain))
			.redirectOutput(output.toFile())
			.redirectError(ProcessBuilder.Redirect.DISCARD)
			.start();
		assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
		assertThat(process.exitValue()).isZero();
		return Files.readString(output).strip();
	}

}
