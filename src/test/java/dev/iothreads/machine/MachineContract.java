package dev.iothreads.machine;

import java.util.List;
import java.util.concurrent.TimeUnit;

import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

/**
 * What holds for every {@link Machine}, whatever stands behind it. The machine is that of
 * QEMU's own example: {@code blk0} and {@code blk1} on {@code iothread0}, {@code blk3} on
 * {@code iothread1}.
 */
public interface MachineContract {

	/**
	 * The machine, up.
	 * @return a machine that nothing has been done to
	 */
	Machine machine();

	private Snapshot snapshot() throws Exception {
		return machine().read().get(60, TimeUnit.SECONDS);
	}

	@Test
	default void theIOThreadsAreThoseOfTheExampleSortedById() throws Exception {
		assertThat(snapshot().iothreads()).extracting(IOThread::id, (iothread) -> iothread.attached().size())
			.containsExactly(tuple("iothread0", 2), tuple("iothread1", 1));
	}

	@Test
	default void theDevicesAreThoseOfTheExampleSortedByPath() throws Exception {
		assertThat(snapshot().devices()).extracting(Device::id, Device::driver, Device::iothreads, Device::drive)
			.containsExactly(tuple("blk0", "virtio-blk-pci", List.of("iothread0"), "disk0"),
					tuple("blk1", "virtio-blk-pci", List.of("iothread0"), "disk1"),
					tuple("blk3", "virtio-blk-pci", List.of("iothread1"), "disk3"));
		assertThat(snapshot().devices()).isSorted();
	}

	@Test
	default void whatIsOnAnIOThreadIsWhatSaysToBeOnIt() throws Exception {
		Snapshot snapshot = snapshot();
		assertThat(snapshot.iothreads()).allSatisfy((iothread) -> assertThat(iothread.attached()).isSorted()
			.doesNotHaveDuplicates()
			.extracting(Attachment::qomPath)
			.containsExactlyElementsOf(snapshot.devices()
				.stream()
				.filter((device) -> device.iothreads().contains(iothread.id()))
				.map(Device::qomPath)
				.toList()));
		assertThat(snapshot.attachedCount()).isEqualTo(3);
	}

	@Test
	default void everyDeviceIsAttachedWithoutFurtherReason() throws Exception {
		assertThat(snapshot().devices()).extracting(Device::state, Device::reason)
			.containsOnly(tuple(DeviceState.ATTACHED, null));
	}

	@Test
	default void theBackendIsTheDeviceThatWorks() throws Exception {
		assertThat(snapshot().devices()).allSatisfy((device) -> assertThat(device.qomPath())
			.isEqualTo("/machine/peripheral/" + device.id() + "/virtio-backend"));
	}

	@Test
	default void everyIOThreadHasAThreadOfItsOwn() throws Exception {
		assertThat(snapshot().iothreads()).extracting(IOThread::threadId)
			.doesNotHaveDuplicates()
			.allSatisfy((id) -> assertThat(id).isPositive());
	}

	@Test
	default void theSettingsThatEveryQemuHasAreThereAndInRange() throws Exception {
		assertThat(snapshot().iothreads()).allSatisfy((iothread) -> {
			assertThat(iothread.settings().values()).containsKeys(IOThreadProperty.POLL_MAX_NS,
					IOThreadProperty.POLL_GROW, IOThreadProperty.POLL_SHRINK, IOThreadProperty.AIO_MAX_BATCH,
					IOThreadProperty.THREAD_POOL_MIN, IOThreadProperty.THREAD_POOL_MAX);
			assertThat(iothread.settings().values())
				.allSatisfy((property, value) -> assertThat(property.allows(value)).as("%s", property).isTrue());
		});
	}

	@Test
	default void readingChangesNothing() throws Exception {
		Snapshot first = snapshot();
		Snapshot second = snapshot();
		assertThat(second.iothreads()).isEqualTo(first.iothreads());
		assertThat(second.devices()).isEqualTo(first.devices());
	}

	@Test
	default void itIsUpAndSaysWhereItIsAsked() throws Exception {
		snapshot();
		assertThat(machine().status()).isEqualTo(MachineStatus.UP);
		assertThat(machine().monitor()).isNotBlank();
	}

}
