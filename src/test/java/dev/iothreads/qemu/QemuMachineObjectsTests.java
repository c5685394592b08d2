package dev.iothreads.qemu;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

import dev.iothreads.machine.Attachment;
import dev.iothreads.machine.Snapshot;
import dev.iothreads.testing.EveryQemu;
import dev.iothreads.testing.Monitor;
import dev.iothreads.testing.Qemu;
import dev.iothreads.testing.QemuBinary;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * A colo-compare: no device, and yet it runs on an IOThread.
 */
class QemuMachineObjectsTests {

	private static final List<String> CHARDEVS = List.of("primary", "secondary", "out");

	private Path directory = Path.of("/");

	@BeforeEach
	void createDirectory() throws IOException {
		this.directory = Files.createTempDirectory("colo");
	}

	@AfterEach
	void deleteDirectory() throws IOException {
		for (String chardev : CHARDEVS) {
			Files.deleteIfExists(socket(chardev));
		}
		Files.delete(this.directory);
	}

	// QEMU before 10.1 aborts when it is asked for the properties of that type.
	@EveryQemu
	void aColoCompareIsOnItsIOThreadAndUnharmed(QemuBinary binary) {
		try (Qemu qemu = machine()
			.add("-object",
					"colo-compare,id=compare0,primary_in=primary,secondary_in=secondary,outdev=out,iothread=io0")
			.start(binary); Watched vm = Watched.at(qemu.socket()); Monitor monitor = qemu.monitor()) {
			Snapshot snapshot = vm.read();
			assertThat(on(snapshot, "io0")).containsExactly(compare0());
			assertThat(on(snapshot, "io1")).isEmpty();
			assertThat(snapshot.devices()).isEmpty();
			assertThat(Picture.of(snapshot)).isEqualTo(Picture.of(monitor));
			assertThat(qemu.isAlive()).isTrue();
		}
	}

	// Before QEMU 10.1 the list of objects has a turn every 10 s.
	@EveryQemu
	void aColoCompareThatOthersAddAndRemoveIsSeenInItsTurn(QemuBinary binary) {
		try (Qemu qemu = machine().start(binary);
				Watched vm = Watched.at(qemu.socket());
				Monitor others = qemu.monitor()) {
			assertThat(on(vm.read(), "io0")).isEmpty();
			add(others, "io0");
			readUntil(vm, "io0", List.of(compare0()));
			assertThat(Picture.of(vm.read())).isEqualTo(Picture.of(others));
		}
	}

	@EveryQemu
	void aColoCompareWhoseIOThreadIsDeletedIsNotOnTheNextOfThatId(QemuBinary binary) {
		try (Qemu qemu = machine().start(binary); Monitor others = qemu.monitor()) {
			add(others, "io0");
			try (Watched vm = Watched.at(qemu.socket())) {
				assertThat(on(vm.read(), "io0")).containsExactly(compare0());
				Args.deleteObject(others, "io0");
				assertThat(vm.read().attachedCount()).isZero();
				Args.addIOThread(others, "io0");
				assertThat(on(vm.read(), "io0")).isEmpty();
			}
		}
	}

	private static void readUntil(Watched vm, String iothread, List<Attachment> expected) {
		long end = System.nanoTime() + Watched.LONGEST_WAIT.toNanos();
		List<Attachment> seen = on(vm.read(), iothread);
		while (!seen.equals(expected)) {
			assertThat(System.nanoTime()).as("what is on %s is still %s", iothread, seen).isLessThan(end);
			seen = on(vm.read(), iothread);
		}
	}

	private static Attachment compare0() {
		return new Attachment("colo-compare", "compare0", null, "/objects/compare0");
	}

	private static void add(Monitor monitor, String iothread) {
		monitor.execute("object-add", Map.of("qom-type", "colo-compare", "id", "compare0", "primary_in", "primary",
				"secondary_in", "secondary", "outdev", "out", "iothread", iothread));
	}

	private Args machine() {
		Args args = Args.none().iothread("io0").iothread("io1");
		CHARDEVS.forEach((chardev) -> args.add("-chardev",
				"socket,id=%s,path=%s,server=on,wait=off".formatted(chardev, socket(chardev))));
		return args;
	}

	private Path socket(String chardev) {
		return this.directory.resolve(chardev);
	}

	private static List<Attachment> on(Snapshot snapshot, String iothread) {
		return snapshot.iothread(iothread).orElseThrow().attached();
	}

}
