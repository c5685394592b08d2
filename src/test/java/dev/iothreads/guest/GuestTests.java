package dev.iothreads.guest;

import java.time.Duration;
import java.util.Map;
import java.util.Set;

import dev.iothreads.testing.Monitor;
import dev.iothreads.testing.QemuBinary;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

class GuestTests {

	@Test
	void aGuestSeesItsDisksAndWhatIsPlugged() {
		QemusAtOnce.run(GuestTests::seesItsDisksAndWhatIsPlugged);
	}

	private static void seesItsDisksAndWhatIsPlugged(QemuBinary binary) {
		try (Guest guest = Guest.of(binary)
			.args("-object", "iothread,id=io0", "-blockdev", "null-co,node-name=disk0,size=1048576,read-zeroes=on",
					"-blockdev", "null-co,node-name=disk1,size=2097152,read-zeroes=on", "-device",
					"virtio-blk-pci,id=blk0,drive=disk0,iothread=io0", "-device", "pcie-root-port,id=rp1,chassis=1")
			.boot()) {
			assertThat(guest.run("cat /sys/block/vda/size")).isEqualTo("2048");
			assertThat(guest.tryToRun("false", Duration.ofSeconds(10)).status()).isOne();
			assertThatExceptionOfType(AssertionError.class).isThrownBy(() -> guest.run("echo why; exit 3"))
				.withMessageContaining("status 3 in the guest: why");
			try (Monitor monitor = guest.qemu().monitor()) {
				monitor.execute("device_add", Map.of("driver", "virtio-blk-pci", "id", "blk1", "drive", "disk1",
						"iothread", "io0", "bus", "rp1"));
			}
			assertThat(guest.await("cat /sys/block/vdb/size")).isEqualTo("4096");
			assertThat(guest.attached()).isEqualTo(Map.of("io0", Set.of("blk0", "blk1")));
			try (Monitor monitor = guest.qemu().monitor()) {
				monitor.execute("device_del", Map.of("id", "blk1"));
				monitor.awaitEvent("DEVICE_DELETED", (data) -> data.path("device").asString("").equals("blk1"),
						Duration.ofSeconds(30));
			}
			assertThat(guest.run("ls /sys/block").split("\\s+")).contains("vda").doesNotContain("vdb");
		}
	}

}
