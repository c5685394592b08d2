package dev.iothreads.chart;

import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

class ChartNotesTests {

	private final HelmChart chart = HelmChart.ofTheService();

	@Test
	void theNotesSayWhichMonitorToGiveAQemuAndHowToAsk() {
		assertThat(this.chart.install("sockets: {hostPath: /srv/monitors}")).contains("once on each node",
				"-qmp unix:/srv/monitors/NAME.sock,server=on,wait=off", "the service is user 10001",
				"port-forward service/inv-iothread-inventory 8080:8080");
		assertThat(this.chart.install("service: {port: 80}")).contains(" 8080:80\n");
		// kubectl asks the pods of a headless Service at the very port that it is given.
		assertThat(this.chart.install("service: {port: 80, headless: true}")).contains(" 8080:8080\n");
		assertThat(this.chart
			.install("{mode: Deployment, config: {discovery: {enabled: false}}, service: {enabled: false}}"))
			.contains("port-forward deployment/inv-iothread-inventory 8080:8080");
	}

	@Test
	void theNotesWarnOfAPrometheusThatIsKeptOut() {
		assertThat(this.chart.install("podMonitor: {enabled: true}")).contains("WARNING: only pods of the namespace");
		assertThat(
				this.chart.install("{podMonitor: {enabled: true}, networkPolicy: {from: [{namespaceSelector: {}}]}}"))
			.doesNotContain("WARNING");
	}

	@Test
	void theNotesWarnOfAServiceThatAllMayReach() {
		assertThat(this.chart.install("networkPolicy: {enabled: false}")).contains("try passwords");
	}

	@Test
	void theNotesSayWhoMayReadAndWhoMayChange() {
		assertThat(this.chart.install("")).contains("may read", "needs a client of the role 'operator'")
			.doesNotContain("can change");
	}

	@Test
	void theNotesSayAsWhomTheServiceOpensTheSockets() {
		assertThat(this.chart.install("podSecurityContext: {supplementalGroups: [36, 107]}")).contains("of 36, 107",
				"pod-security.kubernetes.io/enforce=privileged");
	}

	@Test
	void theNotesAskByHttpsWhereThereIsTls() {
		assertThat(this.chart.install("tls: {secretName: web}"))
			.contains("curl --insecure https://localhost:8080/api/v1/iothreads");
	}

	@Test
	void theNotesNameTheEmbeddedMachine() {
		assertThat(this.chart.install("config: {discovery: {enabled: false}}")).contains("'demo'");
	}

	@Test
	void theNotesShowTheSidecarAndTheAnnotationToCopy() {
		assertThat(this.chart.install("{mode: None, kubevirtHook: {enabled: true}}"))
			.contains("{{- include \"iothread-inventory.sidecar\" (dict \"root\" $ \"volume\" \"qemu-sockets\")")
			.contains("\"v1alpha3\"",
					"\"name\": \"inv-iothread-inventory-kubevirt-hook\", \"key\": \"onDefineDomain\"");
	}

}
