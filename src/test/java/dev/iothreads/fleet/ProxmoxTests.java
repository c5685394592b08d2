package dev.iothreads.fleet;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

import dev.iothreads.testing.EveryQemu;
import dev.iothreads.testing.Monitor;
import dev.iothreads.testing.Qemu;
import dev.iothreads.testing.QemuBinary;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

/**
 * VMs with the command lines of Proxmox VE 7, 8 and 9 (source: {@code test/cfg2cmd} of
 * qemu-server), found as they are on a node of it. Left out is what its own QEMU alone
 * knows, and what takes hardware: {@code -id}, the machine versions {@code +pve}, KVM and
 * the CPU models that need it, tap devices, io_uring.
 */
class ProxmoxTests {

	private static final int DISK = 1 << 20;

	@TempDir
	Path directory;

	@EveryQemu
	void itsVmsAreShownWithTheIOThreadOfEachDisk(QemuBinary binary) throws IOException {
		try (Qemu seven = i440fx("100", "web,debug-threads=on").single().drives().start(binary);
				Qemu eight = q35("101", "db,debug-threads=on").single().drives().start(binary);
				Qemu nine = i440fx("102", "mail").single().blockNodes().start(binary);
				Qemu nineOnQ35 = q35("103", "files").single().blockNodes().start(binary);
				RunningService service = RunningService.start("--iothreads.discovery.directory=" + this.directory,
						"--iothreads.discovery.pattern=*.qmp", "--iothreads.security.anonymous=operator")) {
			assertIsShown(service, "100", "web");
			assertIsShown(service, "101", "db");
			assertIsShown(service, "102", "mail");
			assertIsShown(service, "103", "files");
			assertThat(service.get("/api/v1/machines").json()).hasSize(4);
			for (Qemu vm : List.of(seven, eight, nine, nineOnQ35)) {
				assertThat(vm.isAlive()).isTrue();
			}
			assertIsFree("100");
			RunningService.Answer refused = service.send("POST", "/api/v1/machines/103/iothreads", "application/json",
					"{}");
			assertThat(refused.status()).as(refused.body()).isEqualTo(409);
			assertThat(refused.json().path("detail").asString()).contains("qm set 103 --scsihw virtio-scsi-single",
					"iothread=1");
		}
	}

	@EveryQemu
	void disksOnAControllerThatTheyShareAreMarked(QemuBinary binary) throws IOException {
		try (Qemu eight = i440fx("104", "old").shared().drives().start(binary);
				Qemu nine = q35("105", "new").shared().blockNodes().start(binary);
				RunningService service = RunningService.start("--iothreads.discovery.directory=" + this.directory,
						"--iothreads.discovery.pattern=*.qmp")) {
			for (String vm : List.of("104", "105")) {
				awaitUp(service, vm);
				JsonNode shared = device(service, vm, "scsihw0");
				assertThat(shared.path("state").asString()).isEqualTo("main-loop");
				assertThat(shared.path("reason").asString()).contains("qm set VMID --scsihw virtio-scsi-single");
				assertThat(shared.path("disks")).hasSize(2);
				assertThat(device(service, vm, "virtio2").path("iothreads").path(0).asString())
					.isEqualTo("iothread-virtio2");
			}
			assertThat(eight.isAlive() && nine.isAlive()).isTrue();
		}
	}

	@EveryQemu
	void whatQmAndABackupDoNeverNoticesTheService(QemuBinary binary) throws IOException {
		try (Qemu seven = i440fx("100", "web").single().drives().start(binary);
				Qemu eight = q35("101", "db").single().drives().start(binary);
				Qemu nine = i440fx("102", "mail").single().blockNodes().start(binary);
				RunningService service = RunningService.start("--iothreads.discovery.directory=" + this.directory,
						"--iothreads.discovery.pattern=*.qmp", "--iothreads.max-age=0s")) {
			List<String> vms = List.of("100", "101", "102");
			vms.forEach((vm) -> awaitUp(service, vm));
			for (int i = 0; i < 10; i++) {
				for (String vm : vms) {
					CompletableFuture<RunningService.Answer> page = service
						.ask("/api/v1/machines/" + vm + "/iothreads");
					assertThat(qm(vm, "query-status", Map.of()).path("status").asString()).isEqualTo("prelaunch");
					assertThat(qm(vm, "human-monitor-command", Map.of("command-line", "info name")).asString())
						.isNotEmpty();
					page.join();
				}
			}
			for (String vm : vms) {
				backUp(vm);
				awaitUp(service, vm);
			}
			assertThat(seven.isAlive() && eight.isAlive() && nine.isAlive()).isTrue();
		}
	}

	// Each command has a connection of its own, and a backup is looked at until it ends.
	private void backUp(String vm) {
		qm(vm, "blockdev-add", Map.of("driver", "null-co", "node-name", "backup", "size", DISK));
		qm(vm, "blockdev-backup", Map.of("job-id", "backup", "device", "drive-scsi0", "target", "backup", "sync",
				"full", "speed", DISK / 4));
		await().atMost(RunningService.DEADLINE).until(() -> qm(vm, "query-block-jobs", Map.of()).isEmpty());
		qm(vm, "blockdev-del", Map.of("node-name", "backup"));
	}

	private JsonNode qm(String vm, String command, Map<String, ?> arguments) {
		try (Monitor monitor = Monitor.connect(this.directory.resolve(vm + ".qmp"))) {
			return monitor.execute(command, arguments);
		}
	}

	private void assertIsShown(RunningService service, String vm, String name) {
		awaitUp(service, vm);
		JsonNode machine = service.machine(vm);
		assertThat(machine.path("managed-by").asString()).isEqualTo("proxmox");
		assertThat(machine.path("guest-name").asString()).isEqualTo(name);
		assertThat(machine.path("reading").asString()).isEqualTo("visit");
		JsonNode threaded = device(service, vm, "virtioscsi0");
		assertThat(threaded.path("state").asString()).as(threaded.toString()).isEqualTo("attached");
		assertThat(threaded.path("iothreads").path(0).asString()).isEqualTo("iothread-virtioscsi0");
		assertThat(threaded.path("disks").path(0).path("id").asString()).isEqualTo("scsi0");
		JsonNode unthreaded = device(service, vm, "virtioscsi1");
		assertThat(unthreaded.path("state").asString()).isEqualTo("main-loop");
		assertThat(unthreaded.path("disks").path(0).path("id").asString()).isEqualTo("scsi1");
		assertThat(device(service, vm, "virtio2").path("iothreads").path(0).asString()).isEqualTo("iothread-virtio2");
	}

	private void assertIsFree(String vm) {
		try (Monitor qm = Monitor.connect(this.directory.resolve(vm + ".qmp"))) {
			assertThat(qm.execute("query-status").has("status")).isTrue();
		}
	}

	private static void awaitUp(RunningService service, String vm) {
		await().atMost(RunningService.DEADLINE)
			.untilAsserted(() -> assertThat(service.machine(vm).path("state").asString("")).isEqualTo("up"));
	}

	private static JsonNode device(RunningService service, String vm, String id) {
		return service.get("/api/v1/machines/" + vm + "/devices/" + id).json();
	}

	private Vm i440fx(String vm, String name) {
		return new Vm(vm, name, "type=pc", "PIIX4_PM").device("pci-bridge,id=pci.1,chassis_nr=1,bus=pci.0,addr=0x1e")
			.device("pci-bridge,id=pci.2,chassis_nr=2,bus=pci.0,addr=0x1f")
			.device("pci-bridge,id=pci.3,chassis_nr=3,bus=pci.0,addr=0x5")
			.device("piix3-usb-uhci,id=uhci,bus=pci.0,addr=0x1.0x2")
			.device("usb-tablet,id=tablet,bus=uhci.0,port=1")
			.device("VGA,id=vga,bus=pci.0,addr=0x2");
	}

	// As pve-q35-4.0.cfg has it.
	private Vm q35(String vm, String name) {
		return new Vm(vm, name, "type=q35", "ICH9-LPC")
			.add("-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off")
			.device("ich9-usb-ehci1,id=ehci,multifunction=on,bus=pcie.0,addr=1d.7")
			.device("pcie-root-port,id=ich9-pcie-port-1,bus=pcie.0,addr=1c.0,multifunction=on,port=1,chassis=1")
			.device("i82801b11-bridge,id=pcidmi,bus=pcie.0,addr=1e.0")
			.device("pci-bridge,id=pci.0,bus=pcidmi,addr=1.0,chassis_nr=1")
			.device("pci-bridge,id=pci.1,bus=pcidmi,addr=2.0,chassis_nr=2")
			.device("pci-bridge,id=pci.2,bus=pcidmi,addr=3.0,chassis_nr=3")
			.device("pci-bridge,id=pci.3,bus=pci.0,addr=0x5,chassis_nr=4")
			.device("usb-tablet,id=tablet,bus=ehci.0,port=1")
			.device("VGA,id=vga,bus=pcie.0,addr=0x1");
	}

	/**
	 * A VM with the disks scsi0 and virtio2, which have {@code iothread=1}, and scsi1.
	 */
	private final class Vm {

		private final String id;

		private final List<String> machine;

		private final List<String> args = new ArrayList<>();

		private boolean single;

		private Vm(String id, String name, String machine, String bridge) {
			this.id = id;
			this.machine = List.of("-machine", machine, "-accel", "tcg,tb-size=1", "-S", "-nodefaults", "-display",
					"none", "-m", "64", "-smp", "2,sockets=1,cores=2,maxcpus=2", "-name", name, "-no-shutdown");
			add("-global", bridge + ".disable_s3=1", "-global", bridge + ".disable_s4=1");
			add("-boot", "menu=on,strict=on,reboot-timeout=1000");
			add("-object", "iothread,id=iothread-virtio2");
		}

		private Vm add(String... more) {
			this.args.addAll(List.of(more));
			return this;
		}

		private Vm device(String description) {
			return add("-device", description);
		}

		private Vm single() {
			this.single = true;
			return add("-object", "iothread,id=iothread-virtioscsi0")
				.device("virtio-scsi-pci,id=virtioscsi0,bus=pci.3,addr=0x1,iothread=iothread-virtioscsi0")
				.device("virtio-scsi-pci,id=virtioscsi1,bus=pci.3,addr=0x2");
		}

		private Vm shared() {
			this.single = false;
			return device("virtio-scsi-pci,id=scsihw0,bus=pci.0,addr=0x8");
		}

		private Vm drives() throws IOException {
			for (String disk : List.of("scsi0", "scsi1", "virtio2")) {
				add("-drive", "file=" + image(disk) + ",if=none,id=drive-" + disk
						+ ",format=raw,cache=writeback,aio=threads,detect-zeroes=on");
			}
			return scsi("").add("-device",
					"virtio-blk-pci,drive=drive-virtio2,id=virtio2,bus=pci.0,addr=0xc,iothread=iothread-virtio2");
		}

		private Vm blockNodes() throws IOException {
			for (String disk : List.of("scsi0", "scsi1", "virtio2")) {
				String common = "'cache':{'direct':false,'no-flush':false},'detect-zeroes':'on','discard':'ignore','read-only':false";
				add("-object", "{'id':'throttle-drive-%s','limits':{},'qom-type':'throttle-group'}".formatted(disk)
					.replace('\'', '"'));
				add("-blockdev",
						"{'driver':'throttle','node-name':'drive-%1$s','throttle-group':'throttle-drive-%1$s','detect-zeroes':'on','discard':'ignore','read-only':false,'file':{'driver':'raw','node-name':'f%1$s',%2$s,'file':{'driver':'file','node-name':'e%1$s','aio':'threads','filename':'%3$s',%2$s}}}"
							.formatted(disk, common, image(disk))
							.replace('\'', '"'));
			}
			return scsi(",write-cache=on").add("-device",
					"virtio-blk-pci,drive=drive-virtio2,id=virtio2,bus=pci.0,addr=0xc,iothread=iothread-virtio2,write-cache=on");
		}

		private Vm scsi(String more) {
			for (int i = 0; i < 2; i++) {
				add("-device",
						"scsi-hd,bus=%s.0,channel=0,scsi-id=%d,lun=%d,drive=drive-scsi%d,id=scsi%4$d,device_id=drive-scsi%4$d%s"
							.formatted(this.single ? "virtioscsi" + i : "scsihw0", this.single ? 0 : i,
									this.single ? i : 0, i, more));
			}
			return this;
		}

		private Path image(String disk) throws IOException {
			Path image = ProxmoxTests.this.directory.resolve("vm-" + this.id + "-disk-" + disk + ".raw");
			try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
				file.setLength(DISK);
			}
			return image;
		}

		private Qemu start(QemuBinary binary) {
			Path socket = ProxmoxTests.this.directory.resolve(this.id + ".qmp");
			String again = binary.isAtLeast(9, 2) ? "reconnect-ms=5000" : "reconnect=5";
			return Qemu.of(binary)
				.machine(this.machine.toArray(String[]::new))
				.args(this.args.toArray(String[]::new))
				.args("-chardev", "socket,id=qmp,path=" + socket + ",server=on,wait=off", "-mon",
						"chardev=qmp,mode=control", "-chardev",
						"socket,id=qmp-event,path=" + socket + ".event," + again, "-mon",
						"chardev=qmp-event,mode=control")
				.monitor("unused")
				.start();
		}

	}

}
