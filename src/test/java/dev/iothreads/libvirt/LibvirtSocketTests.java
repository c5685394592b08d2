package dev.iothreads.libvirt;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;

import dev.iothreads.fleet.RunningService;
import dev.iothreads.fleet.ServiceProcess;
import dev.iothreads.libvirt.rpc.Procedure;
import dev.iothreads.libvirt.rpc.RpcCall;
import dev.iothreads.libvirt.rpc.RpcConnection;
import dev.iothreads.libvirt.rpc.RpcOptions;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * Which of libvirt's sockets is used, which domains are machines, and that a domain whose
 * QEMU is found by a socket as well is one machine.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class LibvirtSocketTests {

	private final Libvirtd libvirtd = Libvirtd.start();

	@AfterAll
	void tidy() {
		this.libvirtd.close();
	}

	@Test
	void theReadOnlySocketWillDoToLook() {
		this.libvirtd.run(DomainXml.named("web-1").iothreads(2).disk(this.libvirtd.image("w.img"), "vda", 1));
		this.libvirtd.run(DomainXml.named("db-1").iothreads(1));
		try (RunningService service = start(this.libvirtd.readOnlySocket(), "--iothreads.libvirt.read-only=true",
				"--iothreads.libvirt.domains=web-*")) {
			awaitUp(service, "web-1");
			assertThat(service.get("/api/v1/machines").json()).hasSize(1);
			JsonNode machine = service.machine("web-1");
			assertThat(machine.path("read-only").asBoolean()).isTrue();
			assertThat(machine.path("attached").asInt()).isEqualTo(1);
			RunningService.Answer refused = service.send("DELETE", "/api/v1/machines/web-1/iothreads/iothread2",
					"application/json", "");
			assertThat(refused.status()).as(refused.body()).isEqualTo(403);
			assertThat(refused.json().path("detail").asString()).contains("iothreads.libvirt.read-only");
		}
		finally {
			this.libvirtd.virsh("destroy", "web-1");
			this.libvirtd.virsh("destroy", "db-1");
		}
	}

	@Test
	void theDaemonOutlivesConnectionsThatEndInTheMiddleOfCalls() {
		long daemon = this.libvirtd.pid();
		ScheduledExecutorService scheduler = Executors.newSingleThreadScheduledExecutor();
		try {
			RpcOptions options = new RpcOptions("qemu:///system", false, RunningService.DEADLINE,
					RunningService.DEADLINE, Thread::new, scheduler);
			for (int i = 0; i < 300; i++) {
				RpcConnection connection = RpcConnection.open(this.libvirtd.socket(), options, (event) -> {
				});
				connection.ready().join();
				for (int event : List.of(Hypervisor.LIFECYCLE, Hypervisor.DEVICE_REMOVED, Hypervisor.DEVICE_ADDED)) {
					connection.call(RpcCall.of(Procedure.CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY,
							(arguments) -> arguments.number(event).number(0)))
						.join();
				}
				connection.call(RpcCall.of(Procedure.QEMU_CONNECT_DOMAIN_MONITOR_EVENT_REGISTER,
						(arguments) -> arguments.number(0).number(0).number(0)))
					.join();
				for (int call = 0; call < 4; call++) {
					connection.call(RpcCall.of(Procedure.CONNECT_GET_LIB_VERSION, (none) -> {
					}));
				}
				connection.close();
				connection.closed().join();
			}
		}
		finally {
			scheduler.shutdownNow();
		}
		assertThat(this.libvirtd.virsh("list", "--name")).isNotNull();
		assertThat(this.libvirtd.pid()).isEqualTo(daemon);
	}

	@Test
	void aSocketThatTakesNoChangesRefusesThemInItsOwnWords() {
		this.libvirtd.run(DomainXml.named("vm1").iothreads(2));
		try (RunningService service = start(this.libvirtd.readOnlySocket())) {
			awaitUp(service, "vm1");
			RunningService.Answer refused = service.send("POST", "/api/v1/machines/vm1/iothreads", "application/json",
					"{}");
			assertThat(refused.status()).as(refused.body()).isEqualTo(403);
			assertThat(refused.json().path("detail").asString()).contains("read only access");
		}
		finally {
			this.libvirtd.virsh("destroy", "vm1");
		}
	}

	@Test
	void aDomainThatIsFoundByItsSocketAsWellIsOneMachine(@TempDir Path sockets) throws IOException {
		Path socket = sockets.resolve("second.sock");
		this.libvirtd.run(DomainXml.named("vm2").iothreads(1).qemu("-qmp", "unix:" + socket + ",server=on,wait=off"));
		assertThat(Files.exists(socket)).isTrue();
		try (RunningService service = start(this.libvirtd.socket(), "--iothreads.discovery.directory=" + sockets,
				"--iothreads.discovery.interval=100ms")) {
			awaitUp(service, "vm2");
			Libvirtd.until(() -> "one machine, not " + service.get("/api/v1/machines").body(),
					() -> service.get("/api/v1/machines").json().size() == 1);
			assertThat(service.machine("vm2").path("monitor").asString()).startsWith("qemu:///system");
		}
		finally {
			this.libvirtd.virsh("destroy", "vm2");
		}
	}

	@Test
	void aDomainThatIsConfiguredByItsSocketAsWellIsOneMachine(@TempDir Path sockets) throws IOException {
		Path socket = sockets.resolve("second.sock");
		this.libvirtd.run(DomainXml.named("vm3").iothreads(1).qemu("-qmp", "unix:" + socket + ",server=on,wait=off"));
		this.libvirtd.run(DomainXml.named("vm4"));
		Path alias = Files.createSymbolicLink(sockets.resolve("alias.sock"), socket);
		try (RunningService service = start(this.libvirtd.socket(),
				"--iothreads.machines.mine.monitor=unix:" + alias)) {
			awaitUp(service, "vm4");
			awaitUp(service, "mine");
			assertThat(service.get("/api/v1/machines").json()).hasSize(2);
			this.libvirtd.virsh("destroy", "vm4");
			Libvirtd.until(() -> "vm4 is gone", () -> service.state("vm4").isEmpty());
			assertThat(service.get("/api/v1/machines").json()).hasSize(1);
			assertThat(service.machine("mine").path("managed-by").asString()).isEqualTo("libvirt");
		}
		finally {
			this.libvirtd.virsh("destroy", "vm3");
		}
	}

	@Test
	void libvirtsOwnMonitorIsNotConnectedTo(@TempDir Path sockets) throws IOException {
		this.libvirtd.run(DomainXml.named("vm5").iothreads(1));
		String id = this.libvirtd.virsh("domid", "vm5");
		Path own = this.libvirtd.home().resolve("lib/qemu/domain-" + id + "-vm5/monitor.sock");
		assertThat(Files.exists(own)).isTrue();
		Path alias = Files.createSymbolicLink(sockets.resolve("alias.sock"), own);
		try (RunningService service = RunningService.start("--iothreads.machines.vm5.monitor=unix:" + alias)) {
			Libvirtd.until(() -> "the reason is given, not " + service.machine("vm5"),
					() -> service.machine("vm5").path("reason").asString("").contains("libvirt's own monitor"));
			assertThat(service.state("vm5")).isEqualTo("down");
			// A client in line would be the next that QEMU greets, and not libvirt.
			this.libvirtd.stop();
			this.libvirtd.startAgain();
			assertThat(this.libvirtd.virsh("domstats", "--iothread", "vm5")).contains("iothread.count=1");
		}
		finally {
			this.libvirtd.virsh("destroy", "vm5");
		}
	}

	@Test
	void aUserThatTheHostDoesNotKnowHearsWhatToDo() {
		// With the capabilities to read what only root may, as the tests may be.
		List<String> stranger = List.of("setpriv", "--reuid=23456", "--inh-caps=+dac_override,+dac_read_search",
				"--ambient-caps=+dac_override,+dac_read_search");
		try (ServiceProcess service = ServiceProcess.start(stranger, List.of(),
				"--iothreads.libvirt.uri=qemu:///system?socket=" + this.libvirtd.socket())) {
			service.awaitLog("run the service as a user that the host knows, or as root");
		}
	}

	@Test
	void aUserThatMayNotWriteToTheSocketHearsOfItsGroup() throws IOException {
		Set<PosixFilePermission> before = Files.getPosixFilePermissions(this.libvirtd.socket());
		Files.setPosixFilePermissions(this.libvirtd.socket(), PosixFilePermissions.fromString("rwx------"));
		// With the capability to read what only root may, as the tests may be.
		try (ServiceProcess service = ServiceProcess.start(
				List.of("setpriv", "--reuid=23456", "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"),
				List.of(), "--iothreads.libvirt.uri=qemu:///system?socket=" + this.libvirtd.socket())) {
			service.awaitLog("by the group libvirt, or unix_sock_group");
		}
		finally {
			Files.setPosixFilePermissions(this.libvirtd.socket(), before);
		}
	}

	private static RunningService start(Path socket, String... args) {
		List<String> all = new ArrayList<>(List.of("--iothreads.libvirt.uri=qemu:///system?socket=" + socket,
				"--iothreads.security.anonymous=operator"));
		all.addAll(List.of(args));
		return RunningService.start(all.toArray(String[]::new));
	}

	private static void awaitUp(RunningService service, String machine) {
		Libvirtd.until(() -> machine + " is up, not " + service.machine(machine),
				() -> service.state(machine).equals("up"));
	}

}
