package dev.iothreads.libvirt;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

import dev.iothreads.fleet.RunningService;
import dev.iothreads.fleet.RunningService.Answer;
import dev.iothreads.testing.Qcow2;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * Changes through a real libvirt, with {@code virsh} as the judge of the running domain
 * and of its definition.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class LibvirtChangesTests {

	private final Libvirtd libvirtd = Libvirtd.start();

	private final RunningService service = RunningService.start("--iothreads.security.anonymous=operator",
			"--iothreads.libvirt.uri=qemu:///system?socket=" + this.libvirtd.socket(), "--iothreads.max-age=0s",
			"--iothreads.timeouts.detach=1s", "--iothreads.attach.images=" + this.libvirtd.home());

	@BeforeEach
	void startDomain() {
		this.libvirtd.run(DomainXml.named("vm1").iothreads(2).disk(this.libvirtd.image("a.img"), "vda", 1));
		Libvirtd.until(() -> "vm1 is up", () -> this.service.state("vm1").equals("up"));
	}

	@AfterEach
	void endDomain() {
		this.libvirtd.virsh("destroy", "vm1");
		this.libvirtd.virsh("undefine", "vm1");
		Libvirtd.until(() -> "vm1 is gone", () -> this.service.state("vm1").isEmpty());
	}

	@AfterAll
	void tidy() {
		this.service.close();
		this.libvirtd.close();
	}

	@Test
	void anIOThreadIsAddedLiveAndInTheDefinition() {
		JsonNode added = post("/iothreads", "{'id': 'iothread7', 'poll-max-ns': 1000, 'thread-pool-min': 2}", 201)
			.json();
		assertThat(added.path("id").asString()).isEqualTo("iothread7");
		assertThat(added.path("poll-max-ns").asLong()).isEqualTo(1000);
		assertThat(added.path("thread-pool-min").asLong()).isEqualTo(2);
		assertThat(added.path("thread-id").asLong()).isPositive();
		assertThat(live()).containsExactly("1", "2", "7");
		assertThat(config()).containsExactly("1", "2", "7");
		assertThat(this.libvirtd.virsh("domstats", "--iothread", "vm1")).contains("iothread.7.poll-max-ns=1000");
	}

	@Test
	void withoutAnIdItGetsTheNextNumber() {
		this.libvirtd.virsh("iothreadadd", "vm1", "3", "--config");
		assertThat(post("/iothreads", "{}", 201).json().path("id").asString()).isEqualTo("iothread4");
		assertThat(live()).containsExactly("1", "2", "4");
		assertThat(config()).containsExactly("1", "2", "3", "4");
	}

	@Test
	void whatIsNotToLastIsInTheRunningDomainOnly() {
		post("/iothreads", "{'id': 'iothread7', 'persist': false}", 201);
		assertThat(live()).containsExactly("1", "2", "7");
		assertThat(config()).containsExactly("1", "2");
		delete("/iothreads/iothread2?persist=false", 204);
		assertThat(live()).containsExactly("1", "7");
		assertThat(config()).containsExactly("1", "2");
	}

	@Test
	void aNameThatLibvirtDoesNotKnowNeverReachesIt() {
		problem(post("/iothreads", "{'id': 'pool0'}", 422), "invalid-request", "iothread4");
		assertThat(live()).containsExactly("1", "2");
		assertThat(this.libvirtd.virsh("iothreadinfo", "vm1")).isNotEmpty();
	}

	@Test
	void anIdThatIsTakenIsRefused() {
		problem(post("/iothreads", "{'id': 'iothread2'}", 409), "iothread-exists", "iothread2");
	}

	@Test
	void anIOThreadIsTuned() {
		JsonNode tuned = send("PATCH", "/iothreads/iothread2",
				"{'poll-max-ns': 7000, 'poll-grow': 2, 'poll-shrink': 3, 'thread-pool-min': 4, 'thread-pool-max': 8}",
				200)
			.json();
		assertThat(tuned.path("poll-max-ns").asLong()).isEqualTo(7000);
		assertThat(tuned.path("thread-pool-max").asLong()).isEqualTo(8);
		assertThat(this.libvirtd.virsh("domstats", "--iothread", "vm1")).contains("iothread.2.poll-max-ns=7000",
				"iothread.2.poll-grow=2", "iothread.2.poll-shrink=3");
		assertThat(this.libvirtd.virsh("dumpxml", "vm1")).contains("thread_pool_min='4' thread_pool_max='8'");
		assertThat(this.libvirtd.virsh("dumpxml", "--inactive", "vm1"))
			.contains("thread_pool_min='4' thread_pool_max='8'");
	}

	@Test
	void theLeastOfAPoolNeedsTheMost() {
		problem(send("PATCH", "/iothreads/iothread2", "{'thread-pool-min': 4}", 422), "invalid-request",
				"thread-pool-max together");
		send("PATCH", "/iothreads/iothread2", "{'thread-pool-max': 9}", 200);
		send("PATCH", "/iothreads/iothread2", "{'thread-pool-min': 4}", 200);
	}

	@Test
	void whatLibvirtCannotSetIsNotSupported() {
		problem(send("PATCH", "/iothreads/iothread2", "{'aio-max-batch': 4}", 422), "not-supported", "aio-max-batch");
		problem(send("PATCH", "/iothreads/iothread2", "{'poll-weight': 4}", 422), "not-supported", "poll-weight");
	}

	@Test
	void anIOThreadIsPinned() {
		send("PATCH", "/iothreads/iothread2", "{'cpus': '0'}", 200);
		assertThat(pins("--live")).contains("2 0");
		assertThat(pins("--config")).contains("2 0");
		send("PATCH", "/iothreads/iothread2", "{'cpus': '0-1', 'persist': false}", 200);
		assertThat(pins("--live")).contains("2 0-1");
		assertThat(pins("--config")).contains("2 0");
		problem(send("PATCH", "/iothreads/iothread2", "{'cpus': '999'}", 422), "invalid-request", "CPU");
		problem(send("PATCH", "/iothreads/iothread2", "{'cpus': '3-1'}", 422), "invalid-request", "ascend");
	}

	@Test
	void anIOThreadIsRemoved() {
		delete("/iothreads/iothread2", 204);
		assertThat(live()).containsExactly("1");
		assertThat(config()).containsExactly("1");
		problem(delete("/iothreads/iothread2", 404), "iothread-not-found", "iothread2");
	}

	@Test
	void anIOThreadInUseStays() {
		Answer refused = delete("/iothreads/iothread1", 409);
		problem(refused, "iothread-in-use", "virtio-disk0");
		assertThat(live()).contains("1");
		assertThat(config()).contains("1");
	}

	@Test
	void anIOThreadStaysThatOnlyTheDefinitionUses() {
		String disk = "<disk type='file' device='disk'><driver name='qemu' type='raw' iothread='2'/><source file='%s'/><target dev='vdx' bus='virtio'/></disk>"
			.formatted(this.libvirtd.image("x.img"));
		this.libvirtd.virsh("attach-device", "vm1", this.libvirtd.file("x.xml", disk).toString(), "--config");
		problem(delete("/iothreads/iothread2", 409), "iothread-in-use", "vdx");
		assertThat(live()).contains("2");
	}

	@Test
	void anImageIsAttachedAndDetached() {
		Path image = this.libvirtd.image("new.img");
		Answer created = post("/devices",
				"{'id': 'data', 'iothreads': ['iothread2'], 'image': {'file': '%s', 'format': 'raw'}, 'properties': {'serial': 'A-1', 'queue-size': 64}}"
					.formatted(image),
				201);
		assertThat(created.json().path("id").asString()).isEqualTo("ua-data");
		assertThat(created.json().path("iothreads").toString()).isEqualTo("[\"iothread2\"]");
		assertThat(created.header("location")).endsWith("/devices/ua-data");
		for (String xml : List.of(this.libvirtd.virsh("dumpxml", "vm1"),
				this.libvirtd.virsh("dumpxml", "--inactive", "vm1"))) {
			assertThat(xml).contains("<alias name='ua-data'/>", image.toString(), "iothread='2'",
					"<serial>A-1</serial>", "queue_size='64'");
		}
		problem(delete("/iothreads/iothread2", 409), "iothread-in-use", "ua-data");
		Answer pending = delete("/devices/ua-data", 202);
		assertThat(pending.json().path("state").asString()).isEqualTo("detaching");
		delete("/devices/ua-data", 202);
		this.libvirtd.virsh("reset", "vm1");
		Libvirtd.until(() -> "ua-data is gone",
				() -> this.service.get("/api/v1/machines/vm1/devices/ua-data").status() == 404);
		assertThat(this.libvirtd.virsh("dumpxml", "vm1")).doesNotContain("ua-data");
		assertThat(this.libvirtd.virsh("dumpxml", "--inactive", "vm1")).doesNotContain("ua-data");
		delete("/iothreads/iothread2", 204);
	}

	// The definition has no alias for it.
	@Test
	void aDiskThatLibvirtNamedLeavesTheDefinitionToo() {
		delete("/devices/virtio-disk0?persist=false", 202);
		assertThat(this.libvirtd.virsh("domblklist", "--inactive", "vm1")).contains("vda");
		this.libvirtd.virsh("reset", "vm1");
		Libvirtd.until(() -> "virtio-disk0 is gone",
				() -> this.service.get("/api/v1/machines/vm1/devices/virtio-disk0").status() == 404);
		this.libvirtd.virsh("destroy", "vm1");
		this.libvirtd.virsh("start", "vm1");
		Libvirtd.until(() -> "virtio-disk0 is back",
				() -> this.service.get("/api/v1/machines/vm1/devices/virtio-disk0").status() == 200);
		delete("/devices/virtio-disk0", 202);
		assertThat(this.libvirtd.virsh("domblklist", "--inactive", "vm1")).doesNotContain("vda");
		this.libvirtd.virsh("reset", "vm1");
		Libvirtd.until(() -> "virtio-disk0 is gone",
				() -> this.service.get("/api/v1/machines/vm1/devices/virtio-disk0").status() == 404);
	}

	@Test
	void aDiskOfAControllerIsDetachedByItsOwnId() {
		this.libvirtd.run(DomainXml.named("scsi")
			.iothreads(1)
			.device("<controller type='scsi' index='0' model='virtio-scsi'><driver iothread='1'/></controller>")
			.device("<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='%s'/><target dev='sda' bus='scsi'/></disk>"
				.formatted(this.libvirtd.image("scsi.img"))));
		try {
			Libvirtd.until(() -> "scsi is up", () -> this.service.state("scsi").equals("up"));
			Answer answer = this.service.send("DELETE", "/api/v1/machines/scsi/devices/scsi0-0-0-0", "application/json",
					"");
			assertThat(answer.status()).as(answer.body()).isEqualTo(204);
			assertThat(this.libvirtd.virsh("domblklist", "scsi")).doesNotContain("sda");
			assertThat(this.libvirtd.virsh("domblklist", "--inactive", "scsi")).doesNotContain("sda");
			assertThat(this.service.get("/api/v1/machines/scsi/devices/scsi0").status()).isEqualTo(200);
		}
		finally {
			this.libvirtd.virsh("destroy", "scsi");
			this.libvirtd.virsh("undefine", "scsi");
		}
	}

	@Test
	void aQcow2IsAttachedUnlessItBuildsUponWhatIsElsewhere() {
		Path image = Qcow2.create(this.libvirtd.image("new.qcow2"), 1024 * 1024, null);
		post("/devices",
				"{'id': 'data', 'image': {'file': '%s', 'format': 'qcow2', 'cache': 'none', 'aio': 'native', 'discard': 'unmap', 'detect-zeroes': 'unmap', 'read-only': true}}"
					.formatted(image),
				201);
		assertThat(this.libvirtd.virsh("dumpxml", "vm1")).contains("type='qcow2' cache='none' io='native'",
				"discard='unmap'", "detect_zeroes='unmap'", "<readonly/>", image.toString());
		Path thief = Qcow2.create(this.libvirtd.image("thief.qcow2"), 1024 * 1024, "/etc/hostname");
		problem(post("/devices", "{'id': 'x', 'image': {'file': '%s', 'format': 'qcow2'}}".formatted(thief), 422),
				"invalid-request", "/etc/hostname");
		problem(post("/devices", "{'id': 'x', 'image': {'file': '/etc/hostname', 'format': 'raw'}}", 422),
				"invalid-request", "outside the directories");
	}

	@Test
	void aDiskGetsTheTargetThatTheRequestNames() {
		Path image = this.libvirtd.image("named.img");
		String disk = "{'id': '%s', 'target': '%s', 'image': {'file': '%s', 'format': 'raw'}}";
		post("/devices", disk.formatted("data", "vdk", image), 201);
		assertThat(this.libvirtd.virsh("domblklist", "vm1")).contains("vdk", image.toString());
		assertThat(this.libvirtd.virsh("domblklist", "--inactive", "vm1")).contains("vdk");
		Path other = this.libvirtd.image("other.img");
		problem(post("/devices", disk.formatted("more", "vdk", other), 409), "device-exists", "vdk");
		problem(post("/devices", disk.formatted("more", "sda", other), 422), "invalid-request", "vd and one or two");
		problem(post("/devices", disk.formatted("more", "vd<b>", other), 422), "invalid-request", "vd and one or two");
		assertThat(this.libvirtd.virsh("domblklist", "vm1")).doesNotContain(other.toString());
	}

	@Test
	void aMachineWithoutAFreePortIsNotGivenADisk() {
		String body = "{'id': 'more%1$d', 'image': {'file': '%2$s', 'format': 'raw'}}".replace('\'', '"');
		Answer answer;
		int number = 0;
		do {
			answer = this.service.send("POST", "/api/v1/machines/vm1/devices", "application/json",
					body.formatted(number, this.libvirtd.image("more%d.img".formatted(number))));
			number++;
		}
		while (answer.status() == 201);
		assertThat(number).isGreaterThan(1);
		assertThat(answer.status()).isEqualTo(409);
		problem(answer, "no-free-port", "No PCIe port of vm1 is free");
		assertThat(this.libvirtd.virsh("domblklist", "vm1")).doesNotContain("more%d.img".formatted(number - 1));
	}

	@Test
	void whatLibvirtRefusesToAttachIsTheProblemThatItIs() {
		problem(post("/devices", "{'id': 'x', 'image': {'file': '/nowhere/none.img', 'format': 'raw'}}", 422),
				"invalid-request", "none.img");
		problem(post("/devices", "{'id': 'x', 'image': {'file': '%s', 'format': 'raw'}}"
			.formatted(this.libvirtd.home().resolve("a.img")), 409), "node-in-use", "lock");
		problem(post("/devices", "{'id': 'x', 'drive': 'disk0'}", 422), "invalid-request", "image");
		problem(post("/devices", "{'id': 'x', 'iothreads': ['iothread9'], 'image': {'file': '/a', 'format': 'raw'}}",
				404), "iothread-not-found", "iothread9");
	}

	@Test
	void aDiskRunsOnSeveralIOThreadsWhereLibvirtHasThat() {
		String body = "{'id': 'x', 'iothreads': ['iothread1', 'iothread2'], 'image': {'file': '%s', 'format': 'raw'}}"
			.formatted(this.libvirtd.image("two.img"));
		if (this.libvirtd.virsh("version", "--daemon").contains("daemon: 9.")) {
			problem(post("/devices", body, 422), "not-supported", "10.0");
		}
		else {
			assertThat(post("/devices", body, 201).json().path("iothreads").toString())
				.isEqualTo("[\"iothread1\",\"iothread2\"]");
			assertThat(this.libvirtd.virsh("dumpxml", "vm1")).contains("<iothread id='1'/>", "<iothread id='2'/>");
		}
	}

	@Test
	void aTransientDomainIsChangedLive() {
		this.libvirtd.virsh("undefine", "vm1");
		try {
			post("/iothreads", "{'id': 'iothread5'}", 201);
			send("PATCH", "/iothreads/iothread5", "{'cpus': '1'}", 200);
			delete("/iothreads/iothread5", 204);
			assertThat(live()).containsExactly("1", "2");
		}
		finally {
			this.libvirtd.virsh("define", this.libvirtd.home().resolve("vm1.xml").toString());
		}
	}

	@Test
	void anIOThreadStaysWhereCommandsWerePassedByLibvirt() {
		this.libvirtd.virsh("qemu-monitor-command", "vm1", "{\"execute\":\"query-status\"}");
		problem(delete("/iothreads/iothread2", 422), "not-supported", "custom-monitor");
		assertThat(live()).contains("2");
	}

	private Answer post(String path, String body, int status) {
		return send("POST", path, body, status);
	}

	private Answer delete(String path, int status) {
		return send("DELETE", path, "", status);
	}

	private Answer send(String method, String path, String body, int status) {
		Answer answer = this.service.send(method, "/api/v1/machines/vm1" + path, "application/json",
				body.replace('\'', '"'));
		assertThat(answer.status()).as(answer.body()).isEqualTo(status);
		return answer;
	}

	private static void problem(Answer answer, String type, String words) {
		assertThat(answer.json().path("type").asString()).endsWith(type);
		assertThat(answer.json().path("detail").asString()).contains(words);
	}

	private List<String> live() {
		return ids("--live");
	}

	private List<String> config() {
		return ids("--config");
	}

	private List<String> ids(String where) {
		List<String> ids = new ArrayList<>();
		this.libvirtd.virsh("iothreadinfo", "vm1", where)
			.lines()
			.forEach((line) -> ids.add(line.strip().split("\\s+")[0]));
		Collections.sort(ids);
		return ids;
	}

	private List<String> pins(String where) {
		return this.libvirtd.virsh("iothreadinfo", "vm1", where)
			.lines()
			.map((line) -> line.strip().replaceAll("\\s+", " "))
			.toList();
	}

}
