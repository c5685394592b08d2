package dev.iothreads.qemu;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

import dev.iothreads.machine.Attachment;
import dev.iothreads.machine.Device;
import dev.iothreads.machine.DeviceState;
import dev.iothreads.machine.IOThread;
import dev.iothreads.machine.IOThreadProperty;
import dev.iothreads.machine.Snapshot;
import dev.iothreads.qmp.ScriptedMonitor;
import dev.iothreads.qmp.Transcript;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * What is made of QEMUs that were recorded, one with the patch that adds
 * {@code attached-cnt} and {@code attached-dev} among them.
 */
class RecordedReadingTests {

	@ParameterizedTest
	@CsvSource({ "qemu-7.2.jsonl, 7.2.22", "qemu-10.0.jsonl, 10.0.13", "qemu-11.1.jsonl, 11.1.3" })
	void theDevicesOnTheFirstIOThreadAndOnNone(String name, String version) {
		Snapshot snapshot = snapshot(Transcript.read(name).before("object-add"));
		assertThat(snapshot.qemuVersion()).isEqualTo(version);
		assertThat(snapshot.iothreads()).extracting(IOThread::id)
			.containsExactly("iothread0", "iothread1", "iothread2");
		assertThat(on(snapshot, "iothread0")).containsExactly("blk0", "scsi0");
		assertThat(snapshot.device("blk3").orElseThrow().iothreads()).isEmpty();
		assertThat(snapshot.devices()).extracting(Device::id)
			.containsExactly("device[0]", "balloon0", "blk0", "blk1", "blk3", "scsi0");
		assertThat(snapshot.devices()).allSatisfy((device) -> assertThat(device.state())
			.isEqualTo(device.iothreads().isEmpty() ? DeviceState.MAIN_LOOP : DeviceState.ATTACHED));
	}

	@Test
	void beforeMappingsADeviceIsOnOneIOThread() {
		Snapshot snapshot = snapshot(Transcript.read("qemu-7.2.jsonl").before("object-add"));
		assertThat(on(snapshot, "iothread1")).containsExactly("device[0]", "balloon0", "blk1");
		assertThat(on(snapshot, "iothread2")).isEmpty();
		assertThat(snapshot.attachedCount()).isEqualTo(5);
	}

	@ParameterizedTest
	@ValueSource(strings = { "qemu-10.0.jsonl", "qemu-11.1.jsonl" })
	void aMappedDeviceIsOnEachOfItsIOThreads(String name) {
		Snapshot snapshot = snapshot(Transcript.read(name).before("object-add"));
		assertThat(on(snapshot, "iothread1")).containsExactly("device[0]", "balloon0", "blk1");
		assertThat(on(snapshot, "iothread2")).containsExactly("blk1");
		assertThat(snapshot.attachedCount()).isEqualTo(6);
	}

	@Test
	void settingsAreThoseThatQemuReported() {
		Snapshot old = snapshot(Transcript.read("qemu-10.0.jsonl").before("object-add"));
		assertThat(old.iothread("iothread1").orElseThrow().settings().get(IOThreadProperty.POLL_MAX_NS))
			.isEqualTo(65536L);
		assertThat(old.iothread("iothread1").orElseThrow().settings().get(IOThreadProperty.POLL_WEIGHT)).isNull();
		Snapshot recent = snapshot(Transcript.read("qemu-11.1.jsonl").before("object-add"));
		assertThat(recent.iothread("iothread0").orElseThrow().settings().get(IOThreadProperty.POLL_WEIGHT))
			.isEqualTo(3L);
		assertThat(recent.iothread("iothread0").orElseThrow().settings().get(IOThreadProperty.POLL_GROW)).isEqualTo(2L);
		assertThat(recent.iothread("iothread0").orElseThrow().threadId()).isEqualTo(10000L);
	}

	// Its own count misses scsi0, balloon0, and blk3 on both of its IOThreads.
	@Test
	void whatThePatchedQemuReportsIsJoinedWithWhatItsDevicesShow() {
		Snapshot snapshot = snapshot(Transcript.read("qemu-seed-v4.jsonl").before("blockdev-add"));
		assertThat(snapshot.qemuVersion()).isEqualTo("10.2.50");
		assertThat(places(snapshot, "iothread0")).containsExactly("/machine/peripheral/blk0/virtio-backend",
				"/machine/peripheral/blk1/virtio-backend", "/machine/peripheral/scsi0/virtio-backend");
		assertThat(places(snapshot, "iothread1")).containsExactly("/machine/peripheral-anon/device[0]/virtio-backend",
				"/machine/peripheral/balloon0/virtio-backend", "/machine/peripheral/blk3/virtio-backend");
		assertThat(places(snapshot, "iothread2")).containsExactly("/machine/peripheral/blk3/virtio-backend");
		assertThat(snapshot.iothreads()).allSatisfy((iothread) -> assertThat(iothread.attached())
			.allSatisfy((attachment) -> assertThat(attachment.kind()).isEqualTo(Attachment.DEVICE)));
		assertThat(snapshot.device("blk3").orElseThrow().iothreads()).containsExactly("iothread1", "iothread2");
	}

	@Test
	void thePatchedQemusIOThreadIsDeletedUnderneathItsDevices() {
		Transcript whole = Transcript.read("qemu-seed-v4.jsonl");
		RecordedQemu qemu = RecordedQemu.of(whole.before("blockdev-add"));
		try (ScriptedMonitor monitor = qemu.listen(); Watched vm = Watched.at(monitor.address())) {
			assertThat(on(vm.read(), "iothread0")).containsExactly("blk0", "blk1", "scsi0");
			List<Transcript.Exchange> lastFirst = new ArrayList<>(whole.exchanges());
			Collections.reverse(lastFirst);
			qemu.become(lastFirst);
			Snapshot snapshot = vm.read();
			assertThat(snapshot.iothreads()).extracting(IOThread::id).containsExactly("iothread1", "iothread2");
			assertThat(snapshot.devices()).filteredOn((device) -> device.state() == DeviceState.ORPHANED)
				.extracting(Device::id)
				.containsExactly("blk0", "blk1", "scsi0");
			assertThat(on(snapshot, "iothread1")).containsExactly("device[0]", "balloon0", "blk3");
		}
	}

	private static Snapshot snapshot(Transcript transcript) {
		try (ScriptedMonitor monitor = RecordedQemu.of(transcript).listen();
				Watched vm = Watched.at(monitor.address())) {
			return vm.read();
		}
	}

	private static List<String> on(Snapshot snapshot, String iothread) {
		return snapshot.iothread(iothread).orElseThrow().attached().stream().map(Attachment::id).toList();
	}

	private static List<String> places(Snapshot snapshot, String iothread) {
		return snapshot.iothread(iothread).orElseThrow().attached().stream().map(Attachment::place).toList();
	}

}
