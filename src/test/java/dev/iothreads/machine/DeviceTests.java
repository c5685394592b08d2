package dev.iothreads.machine;

import java.util.List;
import java.util.Map;

import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * A device, and the same device in another state.
 */
class DeviceTests {

	private static final Device DEVICE = new Device("blk0", "virtio-blk-pci", "/machine/peripheral/blk0/virtio-backend",
			List.of("io10", "io2", "io2"), DeviceState.ATTACHED, null, "disk0", true, true,
			Map.of("io2", List.of(0, 2), "io10", List.of(1)), List.of(), null);

	@Test
	void aReasonChangesNothingElse() {
		assertThat(DEVICE.because("It was asked to go.")).usingRecursiveComparison()
			.ignoringFields("reason")
			.isEqualTo(DEVICE);
		assertThat(DEVICE.because("It was asked to go.").reason()).isEqualTo("It was asked to go.");
	}

	@Test
	void anotherStateChangesNothingElse() {
		Device leaving = DEVICE.as(DeviceState.DETACHING, "The guest has not let go.");
		assertThat(leaving).usingRecursiveComparison().ignoringFields("state", "reason").isEqualTo(DEVICE);
		assertThat(leaving.state()).isEqualTo(DeviceState.DETACHING);
	}

	@Test
	void itsIOThreadsAreSortedByNumberEachOnce() {
		assertThat(DEVICE.iothreads()).containsExactly("io2", "io10");
	}

}
