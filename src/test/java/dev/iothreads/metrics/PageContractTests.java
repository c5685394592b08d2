package dev.iothreads.metrics;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

import dev.iothreads.fleet.RunningService;
import dev.iothreads.testing.EveryQemu;
import dev.iothreads.testing.Qemu;
import dev.iothreads.testing.QemuBinary;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

/**
 * The names, types, help texts and labels that rules and dashboards of users build on,
 * and the values that do not change by themselves.
 */
class PageContractTests {

	private static final List<String> VARYING = List.of("iothread_cpu_", "iothread_device_operation",
			"iothread_device_bytes", "iothread_device_disk_", "iothread_observed_timestamp_seconds",
			"iothread_refresh_", "iothread_poll_grow", "iothread_poll_shrink", "iothread_poll_weight");

	@Test
	void theDemoHasTheSeriesItAlwaysHad() throws IOException {
		try (RunningService service = RunningService.start()) {
			await().atMost(RunningService.DEADLINE)
				.untilAsserted(() -> assertThat(page(service)).isEqualTo(contract("demo.txt").toList()));
		}
	}

	@EveryQemu
	void aQemuHasTheSeriesItAlwaysHad(QemuBinary binary) {
		try (Qemu qemu = Qemu.of(binary)
			.args("-object", "iothread,id=iothread0", "-object", "iothread,id=iothread1,poll-max-ns=0", "-object",
					"iothread,id=iothread2")
			.args("-blockdev", "null-co,node-name=disk0", "-device",
					"virtio-blk-pci,id=blk0,drive=disk0,iothread=iothread0")
			.args("-blockdev", "null-co,node-name=disk1", "-device", "virtio-scsi-pci,id=scsi0,iothread=iothread1",
					"-device", "scsi-hd,id=hd0,bus=scsi0.0,drive=disk1")
			.start();
				RunningService service = RunningService
					.start("--iothreads.machines.vm1.monitor=unix:" + qemu.socket())) {
			await().atMost(RunningService.DEADLINE)
				.untilAsserted(() -> assertThat(page(service)).isEqualTo(contract("qemu.txt")
					.filter((line) -> binary.isAtLeast(11, 1) || !line.contains("iothread_poll_weight"))
					.toList()));
		}
	}

	private static List<String> page(RunningService service) {
		return service.metrics()
			.stream()
			.filter((line) -> line.matches("(# (HELP|TYPE) )?iothread_.*"))
			.map(PageContractTests::withoutWhatVaries)
			.sorted()
			.toList();
	}

	private static String withoutWhatVaries(String line) {
		String masked = line.replaceAll("(thread_id|qemu_version)=\"[0-9.]+\"", "$1=\"…\"");
		return VARYING.stream().anyMatch(line::startsWith) ? masked.substring(0, masked.lastIndexOf(' ')) : masked;
	}

	private static Stream<String> contract(String file) throws IOException {
		return Files.readString(Path.of("src/test/resources/metrics", file)).lines();
	}

}
