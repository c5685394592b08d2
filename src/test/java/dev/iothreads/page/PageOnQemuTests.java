package dev.iothreads.page;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

import dev.iothreads.fleet.RunningService;
import dev.iothreads.testing.EveryQemu;
import dev.iothreads.testing.Monitor;
import dev.iothreads.testing.MonitorException;
import dev.iothreads.testing.Qemu;
import dev.iothreads.testing.QemuBinary;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

/**
 * The page in front of a real QEMU, which another client changes, too.
 */
class PageOnQemuTests {

	// Sockets have short paths only.
	@TempDir
	private static Path directory;

	private static RunningService service;

	@BeforeAll
	static void start() {
		Browser.get();
		service = RunningService.start("--iothreads.security.anonymous=operator",
				"--iothreads.discovery.directory=" + directory, "--iothreads.discovery.interval=100ms",
				"--iothreads.refresh-interval=200ms");
	}

	@AfterAll
	static void stop() {
		if (service != null) {
			service.close();
		}
	}

	@EveryQemu
	void whatIsPluggedElsewhereAppearsAndWhatIsPluggedHereIsThere(QemuBinary binary) {
		try (Qemu qemu = start(binary); Monitor others = qemu.monitor()) {
			Page page = Page.open(service.port(), "");
			page.awaitDevices("vm1", "iothread0");
			others.execute("device_add", Map.of("driver", "virtio-blk-pci", "id", "blk0", "drive", "disk0", "bus",
					"rp1", "addr", "0", "iothread", "iothread0"));
			page.awaitDevices("vm1", "iothread0", "blk0");
			page.pressLabelled("Attach a device to iothread1 of vm1");
			page.awaitDialog();
			assertThat(page.choices("drive")).containsExactly("disk1", "disk2");
			assertThat(page.choices("bus")).containsExactly("the first with room: rp2", "rp2", "rp3");
			page.submit();
			page.awaitNoDialog();
			page.awaitDevices("vm1", "iothread1", "blk1");
			page.pressLabelled("Detach blk0 from vm1");
			page.awaitDialog();
			page.submit();
			page.awaitNoDialog();
			page.awaitDevices("vm1", "iothread0");
			assertThat(others.execute("qom-list", Map.of("path", "/machine/peripheral")).valueStream())
				.noneMatch((child) -> child.path("name").asString().equals("blk0"))
				.anyMatch((child) -> child.path("name").asString().equals("blk1"));
			assertThat(page.isTheOneThatWasOpened()).isTrue();
			assertThat(page.browser().complaints()).isEmpty();
		}
	}

	@EveryQemu
	void aDeviceOnABusWithoutHotPlugIsNotDetached(QemuBinary binary) {
		try (Qemu qemu = start(binary, "-device", "virtio-blk-pci,id=fixed0,drive=disk0,bus=pcie.0,iothread=iothread0",
				"-device", "virtio-blk-pci,id=blk0,drive=disk1,bus=rp1,iothread=iothread0");
				Monitor others = qemu.monitor()) {
			Page page = Page.open(service.port(), "");
			page.awaitDevices("vm1", "iothread0", "blk0", "fixed0");
			page.pressLabelled("Detach fixed0 from vm1");
			assertThat(page.awaitDialog().getText()).contains("fixed0 cannot be detached while vm1 runs");
			assertThat(page.find("dialog [type=submit]").isEnabled()).isFalse();
			page.cancel();
			page.awaitNoDialog();
			page.pressLabelled("Detach blk0 from vm1");
			page.awaitDialog();
			assertThat(page.find("dialog [type=submit]").isEnabled()).isTrue();
			assertThat(page.find("[aria-label='Select fixed0 of vm1']").isDisplayed()).isFalse();
			assertThatExceptionOfType(MonitorException.class)
				.isThrownBy(() -> others.execute("device_del", Map.of("id", "fixed0")))
				.withMessageContaining("does not support hotplugging");
		}
	}

	// Both have no device, so that the lists of devices before and after are alike.
	@EveryQemu
	void aMachineThatWasDownWhenThePageWasOpenedIsShownWhenItIsUp(QemuBinary binary) {
		try (Qemu qemu = start(binary)) {
			Page page = Page.open(service.port(), "");
			page.awaitDevices("vm1", "iothread0");
			qemu.kill();
			page.await(() -> assertThat(page.texts("[data-machine=vm1] .state")).containsExactly("down"));
			Page opened = Page.open(service.port(), "");
			qemu.restart();
			opened.awaitDevices("vm1", "iothread0");
		}
	}

	private static Qemu start(QemuBinary binary, String... more) {
		// Ports that give and take devices at once, without a guest that agrees.
		List<String> args = new ArrayList<>(List.of("-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off",
				"-object", "iothread,id=iothread0", "-object", "iothread,id=iothread1"));
		for (int i = 0; i < 3; i++) {
			args.addAll(List.of("-blockdev", "null-co,read-zeroes=on,size=1048576,node-name=disk" + i));
			args.addAll(List.of("-device", "pcie-root-port,id=rp%d,chassis=%1$d".formatted(i + 1)));
		}
		args.addAll(List.of(more));
		return Qemu.of(binary).args(args.toArray(String[]::new)).in(directory).monitor("vm1").start();
	}

}
