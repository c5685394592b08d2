package dev.iothreads.libvirt;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;

import dev.iothreads.fleet.RunningService;
import dev.iothreads.libvirt.rpc.RpcConnection;
import dev.iothreads.libvirt.rpc.RpcOptions;
import dev.iothreads.qmp.QmpCommand;
import dev.iothreads.qmp.QmpInterruptedException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

/**
 * The same domains read by XML, by QMP through libvirt, and by a second monitor.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class LibvirtMonitorTests {

	private final Libvirtd libvirtd = Libvirtd.start();

	@AfterAll
	void tidy() {
		this.libvirtd.close();
	}

	@Test
	void allWaysShowTheSameWhereTheyKnowIt() {
		Path socket = this.libvirtd.home().resolve("second.sock");
		this.libvirtd.run(DomainXml.named("vm1")
			.iothreads(3)
			.disk(this.libvirtd.image("a.img"), "vda", 1)
			.disk(this.libvirtd.image("b.img"), "vdb", 2)
			.disk(this.libvirtd.image("c.img"), "vdc", 0)
			.device("<controller type='scsi' index='0' model='virtio-scsi'><driver iothread='3'/></controller>")
			.qemu("-qmp", "unix:" + socket + ",server=on,wait=off"));
		this.libvirtd.virsh("iothreadset", "vm1", "2", "--poll-max-ns", "5000", "--live");
		try (RunningService xml = start("xml");
				RunningService bare = RunningService.start("--iothreads.machines.vm1.monitor=unix:" + socket)) {
			awaitUp(xml, "vm1");
			awaitUp(bare, "vm1");
			assertThat(this.libvirtd.virsh("dominfo", "vm1")).doesNotContain("custom monitor");
			try (RunningService monitor = start("monitor")) {
				awaitUp(monitor, "vm1");
				assertThat(this.libvirtd.virsh("dominfo", "vm1")).contains("custom monitor");
				String path = "/api/v1/machines/vm1";
				assertThat(monitor.machine("vm1").path("reading").asString()).isEqualTo("monitor");
				assertThat(monitor.get(path + "/iothreads").json()).isEqualTo(bare.get(path + "/iothreads").json());
				assertThat(monitor.get(path + "/devices").json()).isEqualTo(bare.get(path + "/devices").json());
				assertThat(what(xml, "/iothreads", "id", "thread-id", "attached-dev", "poll-max-ns", "poll-grow",
						"cpus-allowed"))
					.isEqualTo(what(bare, "/iothreads", "id", "thread-id", "attached-dev", "poll-max-ns", "poll-grow",
							"cpus-allowed"));
				assertThat(what(xml, "/devices", "id", "driver", "qom-path", "iothreads", "state"))
					.isEqualTo(what(bare, "/devices", "id", "driver", "qom-path", "iothreads", "state"));
			}
		}
		finally {
			this.libvirtd.virsh("destroy", "vm1");
		}
	}

	@Test
	void whatIsReadByTheMonitorIsChangedThroughLibvirt() {
		this.libvirtd.run(DomainXml.named("vm2").iothreads(1));
		try (RunningService service = start("monitor")) {
			awaitUp(service, "vm2");
			String path = "/api/v1/machines/vm2";
			assertThat(send(service, "POST", path + "/iothreads", "{}", 201).path("id").asString())
				.isEqualTo("iothread2");
			send(service, "POST", path + "/iothreads/iothread2/devices", "{\"id\": \"d\", \"image\": {\"file\": \""
					+ this.libvirtd.image("d.img") + "\", \"format\": \"raw\"}}", 201);
			assertThat(this.libvirtd.virsh("dumpxml", "--inactive", "vm2")).contains("ua-d");
			assertThat(send(service, "DELETE", path + "/devices/ua-d?persist=true", "", 202).path("state").asString())
				.isEqualTo("detaching");
			this.libvirtd.virsh("reset", "vm2");
			Libvirtd.until(() -> "ua-d is gone", () -> service.get(path + "/devices/ua-d").status() == 404);
			// QEMU says it to libvirt and to the service, and libvirt may need longer to
			// act on it.
			Libvirtd.until(() -> "libvirt has noticed", () -> !this.libvirtd.virsh("dumpxml", "vm2").contains("ua-d"));
			send(service, "DELETE", path + "/iothreads/iothread2", "", 204);
			assertThat(this.libvirtd.virsh("iothreadinfo", "vm2").lines()).hasSize(1);
		}
		finally {
			this.libvirtd.virsh("destroy", "vm2");
		}
	}

	@Test
	void whatIsUnderWayFailsWhenTheMonitorIsClosed() {
		this.libvirtd.run(DomainXml.named("vm9").iothreads(1));
		long qemu = this.libvirtd.qemu("vm9");
		ScheduledExecutorService scheduler = Executors.newSingleThreadScheduledExecutor();
		RpcOptions options = new RpcOptions("qemu:///system", false, RunningService.DEADLINE, RunningService.DEADLINE,
				Thread::new, scheduler);
		RpcConnection connection = RpcConnection.open(this.libvirtd.socket(), options, (event) -> {
		});
		try {
			connection.ready().join();
			Hypervisor hypervisor = Hypervisor.of(connection, connection).join();
			Domain domain = hypervisor.running().join().get(0);
			DomainMonitor monitor = DomainMonitor.open(hypervisor, domain, RunningService.DEADLINE, (event) -> {
			});
			monitor.ready().join();
			Libvirtd.signal(qemu, "STOP");
			CompletableFuture<JsonNode> reply = monitor.execute(QmpCommand.of("query-iothreads"));
			assertThat(reply).isNotDone();
			monitor.close();
			assertThat(reply).isCompletedExceptionally();
			assertThatExceptionOfType(CompletionException.class).isThrownBy(reply::join)
				.withCauseInstanceOf(QmpInterruptedException.class);
		}
		finally {
			Libvirtd.signal(qemu, "CONT");
			connection.close();
			this.libvirtd.virsh("destroy", "vm9");
			scheduler.shutdownNow();
		}
	}

	@Test
	void aStoppedQemuAndARestartedDaemonAreFollowed() {
		this.libvirtd.run(DomainXml.named("vm3").iothreads(1));
		this.libvirtd.run(DomainXml.named("vm4").iothreads(2));
		try (RunningService service = start("monitor")) {
			awaitUp(service, "vm3");
			awaitUp(service, "vm4");
			long qemu = this.libvirtd.qemu("vm3");
			Libvirtd.signal(qemu, "STOP");
			try {
				await(service, "vm3", "down");
				for (int i = 0; i < 10; i++) {
					assertThat(service.get("/api/v1/machines/vm4/iothreads").status()).isEqualTo(200);
					assertThat(this.libvirtd.virsh("domstats", "--iothread", "vm4")).contains("iothread.count=2");
				}
			}
			finally {
				Libvirtd.signal(qemu, "CONT");
			}
			awaitUp(service, "vm3");
			this.libvirtd.stop();
			await(service, "vm4", "down");
			this.libvirtd.startAgain();
			awaitUp(service, "vm4");
			awaitUp(service, "vm3");
		}
		finally {
			this.libvirtd.virsh("destroy", "vm3");
			this.libvirtd.virsh("destroy", "vm4");
		}
	}

	private RunningService start(String reading) {
		return RunningService.start("--iothreads.libvirt.uri=qemu:///system?socket=" + this.libvirtd.socket(),
				"--iothreads.libvirt.reading=" + reading, "--iothreads.security.anonymous=operator",
				"--iothreads.max-age=0s", "--iothreads.timeouts.command=2s", "--iothreads.timeouts.detach=500ms",
				"--iothreads.attach.images=" + this.libvirtd.home());
	}

	private static List<String> what(RunningService service, String path, String... members) {
		List<String> all = new ArrayList<>();
		for (JsonNode each : service.get("/api/v1/machines/vm1" + path).json()) {
			for (String member : members) {
				all.add(member + "=" + each.path(member));
			}
		}
		return all;
	}

	private static JsonNode send(RunningService service, String method, String path, String body, int status) {
		RunningService.Answer answer = service.send(method, path, "application/json", body);
		assertThat(answer.status()).as(answer.body()).isEqualTo(status);
		return answer.json();
	}

	private static void awaitUp(RunningService service, String machine) {
		await(service, machine, "up");
	}

	private static void await(RunningService service, String machine, String state) {
		Libvirtd.until(() -> machine + " is " + state + ", not " + service.machine(machine),
				() -> service.state(machine).equals(state));
	}

}
