package dev.iothreads.qemu;

import java.util.Set;
import java.util.concurrent.CompletableFuture;

import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

class UnplugsTests {

	private final Unplugs unplugs = new Unplugs((device) -> device.equals("ua-disk0"));

	@Test
	void nothingIsKeptOfAnUnknownDevice() {
		this.unplugs.onRefused("/machine/peripheral/blk0", false);
		assertThat(this.unplugs.refusal("/machine/peripheral/blk0")).isNull();
	}

	@Test
	void aResetEndsTheUnplugOfADeviceThatIsListedAfterIt() {
		CompletableFuture<Void> lost = this.unplugs.begin("/machine/peripheral/blk0");
		CompletableFuture<Void> going = this.unplugs.begin("/machine/peripheral/blk1");
		long before = System.nanoTime();
		this.unplugs.onReset();
		this.unplugs.onListedAfterReset(Set.of("/machine/peripheral/blk0", "/machine/peripheral/blk1"), before);
		assertThat(lost).as("listed before the reset").isNotDone();
		this.unplugs.onListedAfterReset(Set.of("/machine/peripheral/blk0"), System.nanoTime());
		assertThat(lost).isCompletedExceptionally();
		assertThat(this.unplugs.refusal("/machine/peripheral/blk0")).contains("was reset");
		assertThat(going).isNotDone();
	}

	@Test
	void aDeviceThatWasAskedToGoByOtherMeansIsNotUnasked() {
		this.unplugs.onDeleted("/machine/peripheral/ua-disk0");
		this.unplugs.onDeleted("/machine/peripheral/ua-disk1");
		assertThat(this.unplugs.unasked()).containsOnlyKeys("/machine/peripheral/ua-disk1");
	}

	@Test
	void theClientThatAskedGetsTheRefusalThoughTheDeviceHasNotBeenRead() {
		CompletableFuture<Void> gone = this.unplugs.begin("/machine/peripheral/blk0");
		this.unplugs.onRefused("/machine/peripheral/blk0", false);
		assertThat(gone).isCompletedExceptionally();
		assertThat(this.unplugs.refusal("/machine/peripheral/blk0")).contains("The guest refused");
	}

}
