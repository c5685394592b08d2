package dev.iothreads.libvirt;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

import dev.iothreads.fleet.RunningService;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * Domains of a real libvirt are machines, and follow what becomes of the domains.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class LibvirtReadingTests {

	private final Libvirtd libvirtd = Libvirtd.start();

	private RunningService service;

	LibvirtReadingTests() {
		this.libvirtd.run(DomainXml.named("vm1")
			.title("The first")
			.iothreads(3)
			.disk(this.libvirtd.image("a.img"), "vda", 1)
			.disk(this.libvirtd.image("b.img"), "vdb", 2)
			.disk(this.libvirtd.image("c.img"), "vdc", 2)
			.disk(this.libvirtd.image("d.img"), "vdd", 0)
			.device("<controller type='scsi' index='0' model='virtio-scsi'><driver iothread='3'/></controller>")
			.device("<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='%s'/><target dev='sda' bus='scsi'/><address type='drive' controller='0' bus='0' target='0' unit='2'/></disk>"
				.formatted(this.libvirtd.image("e.img"))));
		this.libvirtd.run(DomainXml.named("vm2").iothreads(1));
		this.service = RunningService.start("--iothreads.libvirt.uri=" + uri(), "--iothreads.max-age=0s",
				"--iothreads.timeouts.command=2s");
	}

	private String uri() {
		return "qemu:///system?socket=" + this.libvirtd.socket();
	}

	@BeforeAll
	void await() {
		awaitState("vm1", "up");
		awaitState("vm2", "up");
	}

	@AfterAll
	void tidy() {
		this.service.close();
		this.libvirtd.close();
	}

	@Test
	void theIOThreadsAreThoseThatVirshShowsWithTheirThreads() throws IOException {
		JsonNode iothreads = this.service.get("/api/v1/machines/vm1/iothreads").json();
		assertThat(ids(iothreads)).containsExactly("iothread1", "iothread2", "iothread3");
		assertThat(iothreads.path(0).path("attached-cnt").asInt()).isEqualTo(1);
		assertThat(iothreads.path(1).path("attached-cnt").asInt()).isEqualTo(2);
		assertThat(iothreads.path(2).path("attached-cnt").asInt()).isEqualTo(1);
		assertThat(iothreads.path(0).path("poll-max-ns").asLong()).isEqualTo(32768);
		List<Long> threads = new ArrayList<>();
		for (JsonNode iothread : iothreads) {
			threads.add(iothread.path("thread-id").asLong());
		}
		assertThat(threads).containsExactlyElementsOf(threadsNamed("vm1", "IO iothread"));
		assertThat(this.libvirtd.virsh("iothreadinfo", "vm1").lines()).hasSize(3);
	}

	@Test
	void theDevicesAreNamedAsQemuNamesThem() {
		JsonNode devices = this.service.get("/api/v1/machines/vm1/devices").json();
		List<String> seen = new ArrayList<>();
		for (JsonNode device : devices) {
			seen.add(device.path("id").asString() + " " + device.path("driver").asString() + " "
					+ device.path("iothreads"));
		}
		assertThat(seen).containsExactly("scsi0 virtio-scsi-pci [\"iothread3\"]",
				"virtio-disk0 virtio-blk-pci [\"iothread1\"]", "virtio-disk1 virtio-blk-pci [\"iothread2\"]",
				"virtio-disk2 virtio-blk-pci [\"iothread2\"]", "virtio-disk3 virtio-blk-pci []");
		JsonNode disk = devices.path(0).path("disks").path(0);
		assertThat(disk.path("id").asString()).isEqualTo("scsi0-0-0-2");
		assertThat(disk.path("driver").asString()).isEqualTo("scsi-hd");
		assertThat(disk.path("target").asInt(-1)).isZero();
		assertThat(disk.path("lun").asInt()).isEqualTo(2);
		assertThat(this.service.metrics()).anyMatch((line) -> line
			.startsWith("iothread_device_disk_operations_total{controller=\"scsi0\",device=\"scsi0-0-0-2\""));
	}

	@Test
	void whatADiskDidStaysWithItsControllerWhenItGoes() {
		this.libvirtd.run(DomainXml.named("scsi")
			.iothreads(1)
			.device("<controller type='scsi' index='0' model='virtio-scsi'><driver iothread='1'/></controller>")
			.device("<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='%s'/><target dev='sda' bus='scsi'/></disk>"
				.formatted(this.libvirtd.image("gone.img"))));
		awaitState("scsi", "up");
		// The firmware looks for a boot sector.
		this.libvirtd.virsh("resume", "scsi");
		Libvirtd.until(() -> "reads of the disk: " + reads("scsi"), () -> reads("scsi") > 0);
		this.libvirtd.virsh("suspend", "scsi");
		Libvirtd.until(() -> "the counts of QEMU: " + reads("scsi"),
				() -> reads("scsi") == this.libvirtd.virsh("domblkstat", "scsi", "sda")
					.lines()
					.filter((line) -> line.contains("rd_req"))
					.mapToLong((line) -> Long.parseLong(line.strip().replaceAll(".* ", "")))
					.sum());
		long before = reads("scsi");
		this.libvirtd.virsh("detach-disk", "scsi", "sda", "--live");
		Libvirtd.until(() -> "the disk goes",
				() -> !this.service.get("/api/v1/machines/scsi/devices/scsi0").json().has("disks"));
		assertThat(reads("scsi")).isEqualTo(before);
		this.libvirtd.virsh("destroy", "scsi");
	}

	private long reads(String machine) {
		return this.service.get("/api/v1/activity?machine=" + machine)
			.json()
			.path(0)
			.path("devices")
			.path(0)
			.path("operations")
			.path("read")
			.path("count")
			.asLong();
	}

	@Test
	void itSaysWhoManagesItAndLeavesNoTrace() {
		JsonNode machine = this.service.machine("vm1");
		assertThat(machine.path("managed-by").asString()).isEqualTo("libvirt");
		assertThat(machine.path("monitor").asString()).isEqualTo(uri() + " vm1");
		assertThat(machine.path("read-only").asBoolean(true)).isFalse();
		assertThat(machine.path("title").asString()).isEqualTo("The first");
		assertThat(machine.path("uuid").asString()).isEqualTo(this.libvirtd.virsh("domuuid", "vm1"));
		assertThat(machine.path("run-state").asString()).isEqualTo("paused");
		assertThat(machine.path("pid").asLong()).isEqualTo(this.libvirtd.qemu("vm1"));
		assertThat(machine.path("reading").asString()).isEqualTo("xml");
		assertThat(machine.path("reading-limits").asString()).contains("reading=monitor");
		assertThat(machine.has("incomplete")).isFalse();
		assertThat(this.libvirtd.virsh("dominfo", "vm1")).doesNotContain("custom monitor");
	}

	@Test
	void whatVirshChangesIsSeen() {
		this.libvirtd.virsh("iothreadadd", "vm2", "7", "--live");
		assertThat(ids(this.service.get("/api/v1/machines/vm2/iothreads").json())).containsExactly("iothread1",
				"iothread7");
		this.libvirtd.virsh("iothreadset", "vm2", "7", "--poll-max-ns", "5000", "--live");
		assertThat(this.service.get("/api/v1/machines/vm2/iothreads/iothread7").json().path("poll-max-ns").asLong())
			.isEqualTo(5000);
		this.libvirtd.virsh("iothreaddel", "vm2", "7", "--live");
		assertThat(ids(this.service.get("/api/v1/machines/vm2/iothreads").json())).containsExactly("iothread1");
	}

	@Test
	void aDomainIsFoundAndLost() {
		this.libvirtd.define(DomainXml.named("vm3").iothreads(2));
		assertThat(this.service.state("vm3")).isEmpty();
		this.libvirtd.virsh("start", "--paused", "vm3");
		awaitState("vm3", "up");
		this.libvirtd.virsh("destroy", "vm3");
		awaitState("vm3", "");
		this.libvirtd.virsh("start", "--paused", "vm3");
		awaitState("vm3", "up");
		assertThat(this.service.get("/api/v1/machines/vm3/iothreads").json()).hasSize(2);
		Libvirtd.signal(this.libvirtd.qemu("vm3"), "KILL");
		awaitState("vm3", "");
	}

	@Test
	void aDomainThatIsSavedAndRestoredIsTheSameMachine() {
		this.libvirtd.run(DomainXml.named("vm4").iothreads(2));
		awaitState("vm4", "up");
		Path file = this.libvirtd.home().resolve("vm4.save");
		this.libvirtd.virsh("save", "vm4", file.toString());
		awaitState("vm4", "");
		this.libvirtd.virsh("restore", "--paused", file.toString());
		awaitState("vm4", "up");
		assertThat(this.service.get("/api/v1/machines/vm4/iothreads").json()).hasSize(2);
		this.libvirtd.virsh("destroy", "vm4");
		awaitState("vm4", "");
	}

	@Test
	void aDomainWithDevicesThatLibvirtDoesNotKnowIsIncomplete() {
		this.libvirtd.run(DomainXml.named("vm6").iothreads(1).qemu("-device", "virtio-rng-pci,id=mine,addr=0x1e"));
		awaitState("vm6", "up");
		assertThat(this.service.machine("vm6").path("incomplete").asBoolean()).isTrue();
		this.libvirtd.virsh("destroy", "vm6");
	}

	@Test
	void aDomainThatIsRenamedIsAMachineOfItsNewName() {
		this.libvirtd.run(DomainXml.named("vm7").iothreads(1));
		awaitState("vm7", "up");
		this.libvirtd.virsh("destroy", "vm7");
		this.libvirtd.virsh("domrename", "vm7", "vm8");
		this.libvirtd.virsh("start", "--paused", "vm8");
		awaitState("vm8", "up");
		awaitState("vm7", "");
		this.libvirtd.virsh("destroy", "vm8");
		awaitState("vm8", "");
	}

	@Test
	void aNameThatDoesNotFitIntoAUrlIsMadeFit() {
		DomainXml odd = DomainXml.named("two words");
		this.libvirtd.run(odd);
		awaitState("two_words~" + odd.uuid().toString().substring(0, 8), "up");
		this.libvirtd.virsh("destroy", "two words");
	}

	@Test
	void aDaemonThatIsRestartedChangesNothing() {
		long thread = this.service.get("/api/v1/machines/vm1/iothreads/iothread1").json().path("thread-id").asLong();
		this.libvirtd.stop();
		awaitState("vm1", "down");
		assertThat(this.service.machine("vm1").path("reason").asString()).contains("libvirt");
		this.libvirtd.startAgain();
		awaitState("vm1", "up");
		assertThat(this.service.get("/api/v1/machines/vm1/iothreads/iothread1").json().path("thread-id").asLong())
			.isEqualTo(thread);
	}

	@Test
	void aStoppedQemuHurtsNeitherOthersNorTheDaemon() {
		this.libvirtd.run(DomainXml.named("vm5").iothreads(1));
		awaitState("vm5", "up");
		long qemu = this.libvirtd.qemu("vm5");
		Libvirtd.signal(qemu, "STOP");
		try {
			awaitState("vm5", "down");
			assertThat(this.service.machine("vm5").path("reason").asString()).contains("does not answer libvirt");
			for (int i = 0; i < 10; i++) {
				assertThat(this.service.get("/api/v1/machines/vm1/iothreads").status()).isEqualTo(200);
				assertThat(this.libvirtd.virsh("domstats", "--iothread", "vm2")).contains("iothread.count");
			}
		}
		finally {
			Libvirtd.signal(qemu, "CONT");
		}
		awaitState("vm5", "up");
		this.libvirtd.virsh("destroy", "vm5");
	}

	/**
	 * Each keeps one of the four calls that may be under way.
	 */
	@Test
	void threeStoppedQemusHurtNoOtherAndWithFourTheReasonIsTheirs() {
		List<String> stopped = List.of("stopped1", "stopped2", "stopped3", "stopped4");
		stopped.forEach((name) -> this.libvirtd.run(DomainXml.named(name).iothreads(1)));
		stopped.forEach((name) -> awaitState(name, "up"));
		try {
			for (String name : stopped.subList(0, 3)) {
				Libvirtd.signal(this.libvirtd.qemu(name), "STOP");
			}
			stopped.subList(0, 3).forEach((name) -> awaitState(name, "down"));
			for (int i = 0; i < 10; i++) {
				assertThat(this.service.get("/api/v1/machines/vm1/iothreads").status()).isEqualTo(200);
				assertThat(this.libvirtd.virsh("domstats", "--iothread", "vm2")).contains("iothread.count");
			}
			Libvirtd.signal(this.libvirtd.qemu("stopped4"), "STOP");
			RunningService.Answer unasked = this.service.get("/api/v1/machines/stopped4/iothreads");
			assertThat(unasked.status()).isEqualTo(504);
			Libvirtd.until(() -> "the reason is another's",
					() -> this.service.get("/api/v1/machines/vm1/iothreads").body().contains("vm1 was not asked"));
			assertThat(this.libvirtd.virsh("domstats", "--iothread", "vm2")).contains("iothread.count");
		}
		finally {
			stopped.forEach((name) -> Libvirtd.signal(this.libvirtd.qemu(name), "CONT"));
		}
		stopped.forEach((name) -> awaitState(name, "up"));
		awaitState("vm1", "up");
		stopped.forEach((name) -> this.libvirtd.virsh("destroy", name));
	}

	private void awaitState(String machine, String state) {
		Libvirtd.until(() -> machine + " is '" + state + "' and not " + this.service.machine(machine),
				() -> this.service.state(machine).equals(state));
	}

	private List<Long> threadsNamed(String domain, String prefix) throws IOException {
		try (Stream<Path> tasks = Files.list(Path.of("/proc/" + this.libvirtd.qemu(domain) + "/task"))) {
			return tasks.filter((task) -> read(task.resolve("comm")).startsWith(prefix))
				.map((task) -> Long.valueOf(task.getFileName().toString()))
				.sorted()
				.toList();
		}
	}

	private static String read(Path file) {
		try {
			return Files.readString(file);
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
	}

	private static List<String> ids(JsonNode all) {
		List<String> ids = new ArrayList<>();
		all.forEach((each) -> ids.add(each.path("id").asString()));
		return ids;
	}

}
