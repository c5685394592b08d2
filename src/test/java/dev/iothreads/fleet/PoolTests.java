package dev.iothreads.fleet;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Stream;

import dev.iothreads.inventory.Inventory;
import dev.iothreads.inventory.InventoryListener;
import dev.iothreads.inventory.MachineView;
import dev.iothreads.testing.EveryQemu;
import dev.iothreads.testing.Monitor;
import dev.iothreads.testing.Qemu;
import dev.iothreads.testing.QemuBinary;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

/**
 * What the service does to a QEMU without being asked.
 */
@ExtendWith(OutputCaptureExtension.class)
class PoolTests {

	private static final int RESTARTS = 10;

	@TempDir
	private Path directory;

	@EveryQemu
	void thePoolIsThereAgainAfterEachRestart(QemuBinary binary, CapturedOutput output) {
		try (Qemu qemu = Qemu.of(binary)
			.args("-object", "iothread,id=io0,poll-max-ns=7", "-object", "iothread,id=pool1,poll-max-ns=7")
			.monitor("vm1")
			.in(this.directory)
			.start();
				RunningService service = start("--iothreads.pools[vm*].size=3", "--iothreads.pools[vm*].id=pool{n}",
						"--iothreads.pools[vm*].settings.poll-max-ns=9000", "--iothreads.pools[vm1].size=2",
						"--iothreads.pools[vm1].settings.poll-max-ns=4000", "--iothreads.refresh-interval=1h",
						"--iothreads.idle-interval=1h")) {
			List<MachineView> readings = new CopyOnWriteArrayList<>();
			service.part(Inventory.class).listen(new Readings(readings));
			for (int restart = 0; restart <= RESTARTS; restart++) {
				// No request reads the machine meanwhile.
				await().atMost(RunningService.DEADLINE)
					.until(() -> readings.stream().anyMatch((reading) -> missing(reading) == 0));
				// The first one, and that before the change.
				assertThat(readings.stream().takeWhile((reading) -> missing(reading) != 0).toList())
					.hasSizeLessThanOrEqualTo(2);
				await().atMost(RunningService.DEADLINE).untilAsserted(() -> {
					JsonNode machine = service.get("/api/v1/machines/vm1").json();
					assertThat(machine.path("pid").asLong()).isEqualTo(qemu.pid());
					assertThat(machine.path("pool-missing").asInt(-1)).isZero();
				});
				try (Monitor monitor = qemu.monitor()) {
					assertThat(setting(monitor, "io0")).isEqualTo(7);
					assertThat(setting(monitor, "pool0")).isEqualTo(4000);
					assertThat(setting(monitor, "pool1")).isEqualTo(4000);
					assertThat(monitor.property("/objects", "pool2")).isNull();
				}
				assertThat(service.metrics()).contains("iothread_pool_missing{machine=\"vm1\"} 0.0");
				readings.clear();
				qemu.restart();
			}
			assertThat(output).contains("who=pool by=configuration machine=vm1 what=\"add IOThread pool0\"",
					"what=\"tune IOThread pool1\"");
		}
	}

	@EveryQemu
	void whatTheServiceHasLeftIsRemovedAtItsNextStartAndNothingElse(QemuBinary binary) {
		try (Qemu qemu = Qemu.of(binary)
			.args("-device", "virtio-scsi-pci,id=scsi0", "-blockdev", "null-co,node-name=others", "-blockdev",
					"null-co,node-name=iot-used", "-device", "virtio-blk-pci,id=used,drive=iot-used")
			.monitor("vm1")
			.in(this.directory)
			.start(); Monitor monitor = qemu.monitor()) {
			monitor.execute("blockdev-add", Map.of("driver", "null-co", "node-name", "iot-left"));
			try (RunningService service = start("--iothreads.attach.images=" + this.directory)) {
				await().atMost(RunningService.DEADLINE)
					.untilAsserted(() -> assertThat(monitor.execute("query-named-block-nodes").valueStream())
						.extracting((node) -> node.path("node-name").asString())
						.containsExactlyInAnyOrder("others", "iot-used"));
				assertThat(service.state("vm1")).isEqualTo("up");
			}
		}
	}

	private static int missing(MachineView reading) {
		return Objects.requireNonNull(reading.pool()).missing();
	}

	private static long setting(Monitor monitor, String iothread) {
		return Objects.requireNonNull(monitor.property("/objects/" + iothread, "poll-max-ns")).asLong();
	}

	private RunningService start(String... args) {
		String[] all = Stream
			.concat(Stream.of(args), Stream.of("--iothreads.max-age=0s",
					"--iothreads.discovery.directory=" + this.directory, "--iothreads.discovery.interval=100ms"))
			.toArray(String[]::new);
		return RunningService.start(all);
	}

	private record Readings(List<MachineView> views) implements InventoryListener {

		@Override
		public void changed(MachineView view) {
			if (view.snapshot() != null) {
				this.views.add(view);
			}
		}

		@Override
		public void removed(String machine) {
			// None is removed.
		}

	}

}
