package dev.iothreads.libvirt;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.IntStream;

import dev.iothreads.fleet.RunningService;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.NullNode;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * An operator's whole way through a host with three domains, by HTTP alone: after each
 * step {@code virsh} shows the same of the running domain and of its definition, and the
 * daemon and the service are restarted in between.
 */
class LibvirtWalkTests {

	private static final String VM1 = "/api/v1/machines/vm1";

	private final Libvirtd libvirtd = Libvirtd.start();

	private RunningService service = start();

	@Test
	void anIOThreadComesIsPinnedServesADiskAndGoesWhileTheDomainRunsOn() {
		try {
			walk();
		}
		finally {
			this.service.close();
			this.libvirtd.close();
		}
	}

	private void walk() {
		this.libvirtd.run(DomainXml.named("vm1").iothreads(1).disk(this.libvirtd.image("a.img"), "vda", 1));
		this.libvirtd.run(DomainXml.named("vm2").iothreads(1));
		this.libvirtd.run(DomainXml.named("vm3"));
		awaitAllUp();
		long qemu = this.libvirtd.qemu("vm1");
		long thread = iothread("iothread1").path("thread-id").asLong();
		assertThat(Path.of("/proc/" + qemu + "/task/" + thread)).exists();
		assertThat(iothread("iothread1").path("attached-cnt").asInt()).isEqualTo(1);

		assertThat(send("POST", "/iothreads", "{}", 201).path("id").asString()).isEqualTo("iothread2");
		assertThat(virsh("iothreadinfo")).allSatisfy((shown) -> assertThat(shown).hasLineCount(2));

		send("PATCH", "/iothreads/iothread2", "{\"cpus\": \"0\"}", 200);
		assertThat(iothread("iothread2").path("cpus-allowed").asString()).isEqualTo("0");
		assertThat(virsh("iothreadinfo")).allSatisfy((shown) -> assertThat(shown).containsPattern("(?m)^ *2 +0$"));

		Path image = this.libvirtd.qcow2("data.qcow2");
		send("POST", "/iothreads/iothread2/devices",
				"{\"id\": \"data\", \"image\": {\"file\": \"%s\", \"format\": \"qcow2\"}}".formatted(image), 201);
		assertThat(iothread("iothread2").path("attached-dev").toString()).contains("ua-data");
		assertThat(xml())
			.allSatisfy((shown) -> assertThat(shown).contains("type='qcow2'", "ua-data", image.toString()));

		restartBoth();
		assertThat(iothread("iothread2").path("attached-dev").toString()).contains("ua-data");
		assertThat(send("DELETE", "/devices/ua-data", "", 202).path("state").asString()).isEqualTo("detaching");
		this.libvirtd.virsh("reset", "vm1");
		Libvirtd.until(() -> "the disk is gone", () -> this.service.get(VM1 + "/devices/ua-data").status() == 404);
		assertThat(xml()).allSatisfy((shown) -> assertThat(shown).doesNotContain("ua-data"));

		send("DELETE", "/iothreads/iothread2", "", 204);
		assertThat(virsh("iothreadinfo")).allSatisfy((shown) -> assertThat(shown).hasLineCount(1));
		assertThat(this.libvirtd.qemu("vm1")).isEqualTo(qemu);
		assertThat(iothread("iothread1").path("thread-id").asLong()).isEqualTo(thread);
		assertThat(this.libvirtd.virsh("dominfo", "vm1")).doesNotContain("custom monitor");

		assertOthersAnswerAsFastWithOneStopped();
	}

	private void assertOthersAnswerAsFastWithOneStopped() {
		Duration before = slowest();
		Libvirtd.signal(this.libvirtd.qemu("vm2"), "STOP");
		try {
			// While calls to it are under way, and after they were given up.
			assertThat(slowest()).isLessThan(before.plusMillis(1000));
			Libvirtd.until(() -> "vm2 is down", () -> this.service.state("vm2").equals("down"));
			assertThat(slowest()).isLessThan(before.plusMillis(1000));
		}
		finally {
			Libvirtd.signal(this.libvirtd.qemu("vm2"), "CONT");
		}
	}

	private Duration slowest() {
		return IntStream.range(0, 20).mapToObj((number) -> {
			long begun = System.nanoTime();
			assertThat(this.service.get(VM1 + "/iothreads").status()).isEqualTo(200);
			assertThat(this.service.get("/api/v1/machines/vm3/iothreads").status()).isEqualTo(200);
			return Duration.ofNanos(System.nanoTime() - begun);
		}).max(Duration::compareTo).orElseThrow();
	}

	private void restartBoth() {
		this.service.close();
		this.libvirtd.stop();
		this.libvirtd.startAgain();
		this.service = start();
		awaitAllUp();
	}

	private RunningService start() {
		return RunningService.start("--iothreads.security.anonymous=operator",
				"--iothreads.libvirt.uri=qemu:///system?socket=" + this.libvirtd.socket(), "--iothreads.max-age=0s",
				"--iothreads.timeouts.command=2s", "--iothreads.timeouts.detach=500ms",
				"--iothreads.attach.images=" + this.libvirtd.home());
	}

	private void awaitAllUp() {
		for (String machine : List.of("vm1", "vm2", "vm3")) {
			Libvirtd.until(() -> machine + " is up, not " + this.service.machine(machine),
					() -> this.service.state(machine).equals("up"));
		}
	}

	private JsonNode iothread(String id) {
		return this.service.get(VM1 + "/iothreads/" + id).json();
	}

	private JsonNode send(String method, String path, String body, int status) {
		RunningService.Answer answer = this.service.send(method, VM1 + path, "application/json", body);
		assertThat(answer.status()).as(answer.body()).isEqualTo(status);
		return (status != 204) ? answer.json() : NullNode.getInstance();
	}

	private List<String> virsh(String command) {
		return List.of(this.libvirtd.virsh(command, "vm1", "--live"), this.libvirtd.virsh(command, "vm1", "--config"));
	}

	private List<String> xml() {
		return List.of(this.libvirtd.virsh("dumpxml", "vm1"), this.libvirtd.virsh("dumpxml", "--inactive", "vm1"));
	}

}
