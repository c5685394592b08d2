package dev.iothreads.libvirt;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import dev.iothreads.fleet.RunningService;
import dev.iothreads.testing.QemuBinary;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.extension.ExtendWith;
import tools.jackson.databind.JsonNode;

import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * Domains whose QEMU makes a monitor for the service, and is asked through libvirt no
 * more.
 */
@ExtendWith(OutputCaptureExtension.class)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class LibvirtOwnMonitorTests {

	private static final Pattern COMMAND = Pattern.compile("\"id\":\"libvirt-(\\d+)\"");

	private static final String DELETED = "{\"execute\":\"%s\",\"arguments\":{\"id\":\"%s\"}}";

	private Libvirtd libvirtd;

	private Path directory;

	@BeforeAll
	void start() throws IOException {
		Assumptions.assumeTrue(System.getenv().getOrDefault("LIBVIRT_ROOT", "").isEmpty(),
				"in its own root, that libvirt does not see the QEMU 11.1 of this machine");
		Optional<QemuBinary> emulator = QemuBinary.all()
			.stream()
			.filter((binary) -> binary.isAtLeast(11, 1))
			.findFirst();
		Assumptions.assumeTrue(emulator.isPresent(), "monitors are objects since QEMU 11.1");
		this.libvirtd = Libvirtd.startFor(emulator.orElseThrow().path());
		this.directory = Files.createDirectory(this.libvirtd.home().resolve("own"));
	}

	@AfterAll
	void tidy() {
		if (this.libvirtd != null) {
			this.libvirtd.close();
		}
	}

	@Test
	void itTakesThePlaceOfTheTunnelAndGoesWithTheService(CapturedOutput output) {
		run("vm1");
		try (RunningService service = start(this.directory)) {
			awaitOwn(service, "vm1");
			String path = "/api/v1/machines/vm1";
			assertThat(service.machine("vm1").path("managed-by").asString()).isEqualTo("libvirt");
			long before = commands("vm1");
			for (int i = 0; i < 5; i++) {
				assertThat(service.get(path + "/devices").json()).hasSize(1);
				assertThat(service.get(path + "/iothreads").json()).hasSize(1);
			}
			assertThat(commands("vm1")).as("the commands of this test only").isEqualTo(before + 1);
			assertThat(service.send("POST", path + "/iothreads", "application/json", "{}").status()).isEqualTo(201);
			assertThat(this.libvirtd.virsh("iothreadinfo", "vm1").lines()).hasSize(2);
			assertThat(service.get(path + "/iothreads").json()).hasSize(2);
			RunningService.Answer attached = service.send("POST", path + "/iothreads/iothread2/devices",
					"application/json", "{\"id\": \"d\", \"image\": {\"file\": \"" + this.libvirtd.image("d.img")
							+ "\", \"format\": \"raw\"}}");
			assertThat(attached.status()).as(attached.body()).isEqualTo(201);
			RunningService.Answer detached = service.send("DELETE", path + "/devices/ua-d", "application/json", "");
			assertThat(detached.status()).as(detached.body()).isEqualTo(202);
			this.libvirtd.virsh("reset", "vm1");
			Libvirtd.until(() -> "ua-d is gone", () -> service.get(path + "/devices/ua-d").status() == 404);
			assertThat(output).doesNotContain("device ua-d has gone");
			assertThat(reading(service, "vm1")).isEqualTo("monitor");
		}
		finally {
			Libvirtd.until(() -> "nothing stays, not " + chardevs("vm1"),
					() -> !chardevs("vm1").contains("iothread-inventory-"));
			this.libvirtd.virsh("destroy", "vm1");
		}
		assertThat(this.directory).isEmptyDirectory();
	}

	@Test
	void itIsMadeAgainAfterALoss() {
		run("vm2");
		try (RunningService service = start(this.directory)) {
			awaitOwn(service, "vm2");
			Matcher label = Pattern.compile("\"label\":\"(iothread-inventory-[^\"]+)\"").matcher(chardevs("vm2"));
			assertThat(label.find()).isTrue();
			this.libvirtd.virsh("qemu-monitor-command", "vm2", DELETED.formatted("object-del", label.group(1)));
			this.libvirtd.virsh("qemu-monitor-command", "vm2", DELETED.formatted("chardev-remove", label.group(1)));
			awaitOwn(service, "vm2");
			long before = commands("vm2");
			assertThat(service.get("/api/v1/machines/vm2/iothreads").json()).hasSize(1);
			assertThat(commands("vm2")).isEqualTo(before + 1);
		}
		finally {
			this.libvirtd.virsh("destroy", "vm2");
		}
	}

	@Test
	void whereQemuCannotMakeItTheTunnelStays() {
		run("vm3");
		try (RunningService service = start(this.directory.resolve("none"))) {
			await(service, "vm3", "up");
			assertThat(reading(service, "vm3")).startsWith("monitor It has no monitor of the service's own")
				.contains("Let QEMU's user write to " + this.directory.resolve("none"));
			assertThat(service.get("/api/v1/machines/vm3/iothreads").json()).hasSize(1);
			assertThat(chardevs("vm3")).doesNotContain("iothread-inventory-");
		}
		finally {
			this.libvirtd.virsh("destroy", "vm3");
		}
	}

	@Test
	void itIsReadWhileLibvirtIsAwayAndChangedWhenItIsBack() {
		run("vm4");
		try (RunningService service = start(this.directory)) {
			awaitOwn(service, "vm4");
			String path = "/api/v1/machines/vm4/iothreads";
			this.libvirtd.stop();
			Libvirtd.until(() -> "a change is refused",
					() -> service.send("POST", path, "application/json", "{}").status() == 503);
			assertThat(service.get(path).json()).hasSize(1);
			this.libvirtd.startAgain();
			Libvirtd.until(() -> "a change is made",
					() -> service.send("POST", path, "application/json", "{}").status() == 201);
			assertThat(service.get(path).json()).hasSize(2);
			this.libvirtd.virsh("destroy", "vm4");
			Libvirtd.until(() -> "vm4 is gone", () -> service.get("/api/v1/machines/vm4").status() == 404);
		}
	}

	private void run(String name) {
		this.libvirtd.run(DomainXml.named(name).iothreads(1).disk(this.libvirtd.image(name + ".img"), "vda", 1));
	}

	private RunningService start(Path own) {
		return RunningService.start("--iothreads.libvirt.uri=qemu:///system?socket=" + this.libvirtd.socket(),
				"--iothreads.libvirt.reading=monitor", "--iothreads.own-monitor.directory=" + own,
				"--iothreads.security.anonymous=operator", "--iothreads.max-age=0s",
				"--iothreads.timeouts.detach=500ms", "--iothreads.attach.images=" + this.libvirtd.home());
	}

	// What libvirt has asked so far: it numbers its commands.
	private long commands(String domain) {
		Matcher id = COMMAND.matcher(chardevs(domain));
		assertThat(id.find()).isTrue();
		return Long.parseLong(id.group(1));
	}

	private String chardevs(String domain) {
		return this.libvirtd.virsh("qemu-monitor-command", domain, "{\"execute\":\"query-chardev\"}");
	}

	private void awaitOwn(RunningService service, String machine) {
		await(service, machine, "up");
		Libvirtd.until(() -> "it has a monitor of its own: " + reading(service, machine) + chardevs(machine),
				() -> reading(service, machine).equals("monitor") && chardevs(machine).contains("iothread-inventory-"));
	}

	private static String reading(RunningService service, String machine) {
		JsonNode shown = service.machine(machine);
		return (shown.path("reading").asString("") + " " + shown.path("reading-limits").asString("")).strip();
	}

	private static void await(RunningService service, String machine, String state) {
		Libvirtd.until(() -> machine + " is " + state + ", not " + service.machine(machine),
				() -> service.state(machine).equals(state));
	}

}
