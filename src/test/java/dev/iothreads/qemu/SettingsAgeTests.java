package dev.iothreads.qemu;

import java.time.Instant;
import java.util.Map;

import dev.iothreads.machine.IOThreadProperty;
import dev.iothreads.machine.Snapshot;
import dev.iothreads.testing.EveryQemu;
import dev.iothreads.testing.Monitor;
import dev.iothreads.testing.Qemu;
import dev.iothreads.testing.QemuBinary;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

/**
 * How old the settings of an IOThread are that no list of QEMU has.
 */
class SettingsAgeTests {

	@EveryQemu
	void aSettingThatOthersChangeIsNewOrSaysItsAge(QemuBinary binary) {
		try (Qemu qemu = Args.none().iothread("io0").iothread("io1").start(binary);
				Watched vm = Watched.at(qemu.socket());
				Monitor others = qemu.monitor()) {
			Instant before = Instant.now();
			vm.read();
			Instant read = Instant.now();
			others.execute("qom-set", Map.of("path", "/objects/io1", "property", "thread-pool-max", "value", 33));
			await().until(() -> Instant.now().isAfter(read.plusMillis(100)));
			Snapshot after = vm.read();
			Instant oldest = after.activity().settingsObservedAt();
			if (binary.isAtLeast(10, 1)) {
				assertThat(max(after)).isEqualTo(33);
				assertThat(oldest).isNull();
			}
			else {
				assertThat(max(after)).isEqualTo(64);
				assertThat(oldest).isBetween(before.minusMillis(10), read);
			}
		}
	}

	private static Long max(Snapshot snapshot) {
		return snapshot.iothread("io1").orElseThrow().settings().get(IOThreadProperty.THREAD_POOL_MAX);
	}

}
