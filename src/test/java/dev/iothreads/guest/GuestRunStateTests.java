package dev.iothreads.guest;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

import dev.iothreads.fleet.RunningService;
import dev.iothreads.testing.Monitor;
import dev.iothreads.testing.QemuBinary;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

/**
 * Whether a guest runs, as the service says it.
 */
class GuestRunStateTests {

	private static final Duration DEADLINE = Duration.ofSeconds(60);

	@TempDir
	private Path directory;

	@Test
	void aGuestThatStopsIsSeenAndLetsGoWhenItRunsAgain() {
		QemusAtOnce.run(this::stopsIsSeenAndLetsGo);
	}

	private void stopsIsSeenAndLetsGo(QemuBinary binary) throws IOException {
		try (Guest guest = Guest.of(binary)
			.args("-object", "iothread,id=io0", "-blockdev",
					"{\"driver\": \"blkdebug\", \"node-name\": \"disk0\", \"image\": {\"driver\": \"null-co\", \"size\": 1048576, \"read-zeroes\": true}, \"inject-error\": [{\"event\": \"none\", \"iotype\": \"write\", \"once\": true}]}",
					"-device", "pcie-root-port,id=rp1,chassis=1", "-device",
					"virtio-blk-pci,id=blk0,bus=rp1,drive=disk0,iothread=io0,werror=stop")
			.monitor("vm1")
			.in(Files.createTempDirectory(this.directory, ""))
			.boot();
				RunningService service = RunningService.start("--iothreads.security.anonymous=operator",
						"--iothreads.machines.vm1.monitor=unix:" + guest.qemu().socket("vm1"),
						"--iothreads.timeouts.detach=1s");
				Monitor monitor = guest.qemu().monitor()) {
			isInState(service, "running");
			// It ends with the guest's first write, and the guest goes on with that.
			guest.run("(dd if=/dev/zero of=/dev/vda bs=4096 count=1 conv=fsync; echo $? >/written) >/dev/null 2>&1 &");
			isInState(service, "io-error");
			monitor.execute("cont");
			isInState(service, "running");
			assertThat(guest.await("cat /written")).isEqualTo("0");
			monitor.execute("stop");
			isInState(service, "paused");
			RunningService.Answer asked = service.send("DELETE", "/api/v1/machines/vm1/devices/blk0",
					"application/json", "");
			assertThat(asked.status()).as(asked.body()).isEqualTo(202);
			assertThat(asked.json().path("reason").asString()).contains("The machine is paused");
			assertThat(service.get("/api/v1/machines/vm1/devices/blk0").json().path("state").asString())
				.isEqualTo("detaching");
			monitor.execute("cont");
			isInState(service, "running");
			await().atMost(DEADLINE).until(() -> service.get("/api/v1/machines/vm1/devices/blk0").status() == 404);
			assertThat(guest.run("ls /sys/block")).doesNotContain("vda");
		}
	}

	private static void isInState(RunningService service, String state) {
		await().atMost(DEADLINE)
			.until(() -> service.get("/api/v1/machines/vm1").json().path("run-state").asString("").equals(state));
		await().atMost(DEADLINE)
			.until(() -> service.metrics()
				.stream()
				.anyMatch((line) -> line.startsWith("iothread_machine_info{")
						&& line.contains("run_state=\"" + state + "\"")));
	}

}
