package dev.iothreads.feed;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;

import dev.iothreads.inventory.Change;
import dev.iothreads.inventory.Change.OfDevice;
import dev.iothreads.inventory.Change.OfIOThread;
import dev.iothreads.inventory.Change.OfMachine;
import dev.iothreads.inventory.ChangeFeed;
import dev.iothreads.inventory.Inventory;
import dev.iothreads.machine.Activity;
import dev.iothreads.machine.DeviceState;
import dev.iothreads.machine.IOThread;
import dev.iothreads.machine.IOThreadProperty;
import dev.iothreads.machine.IOThreadSettings;
import dev.iothreads.machine.Identity;
import dev.iothreads.machine.MachineState;
import dev.iothreads.machine.Snapshot;
import dev.iothreads.metrics.PuppetMachine;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import static dev.iothreads.metrics.PuppetMachine.disk;
import static dev.iothreads.metrics.PuppetMachine.iothread;
import static dev.iothreads.metrics.PuppetMachine.snapshot;
import static org.assertj.core.api.Assertions.assertThat;

/**
 * What is published of two snapshots in a row.
 */
class ChangeFeedTests {

	private final ScheduledExecutorService scheduler = Executors.newSingleThreadScheduledExecutor();

	private final Inventory inventory = new Inventory(this.scheduler, Duration.ofDays(1), Duration.ofDays(1));

	private final List<Change> notified = new ArrayList<>();

	private final PuppetMachine vm1 = new PuppetMachine();

	@BeforeEach
	void listen() {
		this.inventory.listen(new ChangeFeed(this.notified::add));
	}

	@AfterEach
	void close() {
		this.inventory.close();
		this.scheduler.shutdownNow();
	}

	@Test
	void aMachineThatIsNewComesUpWithAllItHas() {
		this.vm1.show(snapshot(List.of(iothread("io0", 1), iothread("io1", 2)), disk("blk0", "io0"), disk("blk1")));
		add();
		assertThat(words()).containsExactly("machine-up vm1", "iothread-added io0", "iothread-added io1",
				"device-attached blk0", "device-attached blk1");
	}

	@Test
	void nothingIsPublishedWhenNothingChanges() {
		begin(snapshot(List.of(iothread("io0", 1)), disk("blk0", "io0")));
		Snapshot same = snapshot(List.of(iothread("io0", 1)), disk("blk0", "io0"));
		this.vm1.show(same);
		this.vm1.show(same.with(new Activity(Map.of(), "It is busier now.", Map.of(), null)));
		assertThat(this.notified).isEmpty();
	}

	@Test
	void anAttachmentIsAnEventOfTheDeviceAndOfItsIOThread() {
		begin(snapshot(List.of(iothread("io0", 1), iothread("io1", 2)), disk("blk0", "io0")));
		this.vm1
			.show(snapshot(List.of(iothread("io0", 1), iothread("io1", 2)), disk("blk0", "io0"), disk("blk1", "io1")));
		assertThat(words()).containsExactly("device-attached blk1", "iothread-changed io1");
		assertThat(((OfIOThread) this.notified.get(1)).iothread().attached()).hasSize(1);
	}

	@Test
	void whatGoesIsPublishedBeforeWhatComes() {
		begin(snapshot(List.of(iothread("io0", 1)), disk("blk0", "io0")));
		this.vm1.show(snapshot(List.of(iothread("io1", 2)), disk("blk1", "io1")));
		assertThat(words()).containsExactly("device-detached blk0", "iothread-removed io0", "iothread-added io1",
				"device-attached blk1");
		assertThat(((OfDevice) this.notified.get(0)).device().iothreads()).containsExactly("io0");
		assertThat(((OfIOThread) this.notified.get(1)).iothread().attached()).hasSize(1);
	}

	@Test
	void aDeviceThatWentUnaskedGoesWithTheReason() {
		begin(snapshot(List.of(iothread("io0", 1)), disk("blk0", "io0"), disk("blk1", "io0")));
		this.vm1.show(snapshot(List.of(iothread("io0", 1))).with(Activity.UNKNOWN, Identity.UNKNOWN,
				Map.of(disk("blk1", "io0").qomPath(), "The guest ejected it.")));
		assertThat(this.notified).filteredOn(OfDevice.class::isInstance)
			.extracting((change) -> ((OfDevice) change).device().reason())
			.containsExactly(null, "The guest ejected it.");
	}

	@Test
	void aTunedIOThreadHasChanged() {
		begin(snapshot(List.of(iothread("io0", 1))));
		this.vm1.show(snapshot(List
			.of(new IOThread("io0", 1, new IOThreadSettings(Map.of(IOThreadProperty.POLL_MAX_NS, 0L)), List.of()))));
		assertThat(words()).containsExactly("iothread-changed io0");
		assertThat(((OfIOThread) this.notified.get(0)).iothread().settings().get(IOThreadProperty.POLL_MAX_NS))
			.isZero();
	}

	@Test
	void aGuestThatIsPausedIsAChangeOfItsMachine() {
		begin(snapshot(List.of()).with(new Identity("running", null, null, null)));
		this.vm1.show(snapshot(List.of()).with(new Identity("paused", null, null, null)));
		assertThat(words()).containsExactly("machine-changed vm1");
	}

	@Test
	void anIOThreadThatComesBackUnderItsIdIsAnother() {
		begin(snapshot(List.of(iothread("io0", 1))));
		this.vm1.show(snapshot(List.of(iothread("io0", 2))));
		assertThat(words()).containsExactly("iothread-removed io0", "iothread-added io0");
	}

	@Test
	void aDeviceThatIsToGoOrLosesItsIOThreadHasChanged() {
		begin(snapshot(List.of(iothread("io0", 1), iothread("io1", 2)), disk("blk0", "io0"), disk("blk1", "io1")));
		this.vm1.show(snapshot(List.of(iothread("io0", 1)), disk("blk0", DeviceState.DETACHING, "io0"),
				disk("blk1", DeviceState.ORPHANED)));
		assertThat(words()).containsExactly("iothread-removed io1", "device-changed blk0", "device-changed blk1");
	}

	@Test
	void aDeviceThatComesBackUnderItsIdOnAnotherIOThreadIsAnother() {
		begin(snapshot(List.of(iothread("io0", 1), iothread("io1", 2)), disk("blk0", "io0")));
		this.vm1.show(snapshot(List.of(iothread("io0", 1), iothread("io1", 2)), disk("blk0", "io1")));
		assertThat(words()).containsExactly("device-detached blk0", "device-attached blk0", "iothread-changed io0",
				"iothread-changed io1");
	}

	@Test
	void aMachineThatGoesDownIsPublishedOnceAndKeepsWhatItHad() {
		Snapshot before = snapshot(List.of(iothread("io0", 1)), disk("blk0", "io0"));
		begin(before);
		this.vm1.fall("it was stopped");
		this.vm1.fall("it was stopped for good");
		assertThat(words()).containsExactly("machine-down vm1");
		assertThat(((OfMachine) this.notified.get(0)).view().status().reason()).isEqualTo("it was stopped");
		this.notified.clear();
		this.vm1.show(before);
		assertThat(words()).containsExactly("machine-up vm1");
	}

	@Test
	void whatHasChangedWhileAMachineWasDownIsPublishedWhenItIsUp() {
		begin(snapshot(List.of(iothread("io0", 1)), disk("blk0", "io0")));
		this.vm1.fall("it was restarted");
		this.notified.clear();
		this.vm1.show(snapshot(List.of(iothread("io0", 7)), disk("blk1", "io0")));
		assertThat(words()).containsExactly("machine-up vm1", "device-detached blk0", "iothread-removed io0",
				"iothread-added io0", "device-attached blk1");
	}

	@Test
	void aMachineThatLeavesTakesAllItHadWithIt() {
		begin(snapshot(List.of(iothread("io0", 1)), disk("blk0", "io0")));
		this.inventory.remove("vm1");
		assertThat(words()).containsExactly("device-detached blk0", "iothread-removed io0", "machine-down vm1");
		assertThat(((OfMachine) this.notified.get(2)).view().status().state()).isEqualTo(MachineState.DOWN);
		this.notified.clear();
		add();
		assertThat(words()).containsExactly("machine-up vm1", "iothread-added io0", "device-attached blk0");
	}

	@Test
	void aMachineThatWasNeverUpIsPublishedWhenItIsDown() {
		this.vm1.fall("it does not start");
		add();
		assertThat(words()).containsExactly("machine-down vm1");
	}

	@Test
	void machinesAreComparedEachWithItself() {
		PuppetMachine vm2 = new PuppetMachine();
		this.inventory.add("vm2", vm2);
		begin(snapshot(List.of(iothread("io0", 1))));
		vm2.show(snapshot(List.of(iothread("io0", 1))));
		assertThat(words()).containsExactly("iothread-added io0");
		assertThat(this.notified.get(0).machine()).isEqualTo("vm2");
	}

	private void begin(Snapshot snapshot) {
		this.vm1.show(snapshot);
		add();
		this.notified.clear();
	}

	private void add() {
		this.inventory.add("vm1", this.vm1);
	}

	private List<String> words() {
		return this.notified.stream().map((change) -> change.kind().wireName() + " " + subject(change)).toList();
	}

	private static String subject(Change change) {
		if (change instanceof OfIOThread iothread) {
			return iothread.iothread().id();
		}
		return (change instanceof OfDevice device) ? device.device().id() : change.machine();
	}

}
