package dev.iothreads.qemu;

import java.util.concurrent.CompletableFuture;

import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

class UnplugsTests {

	private final Unplugs unplugs = new Unplugs();

	@Test
	void nothingIsKeptOfAnUnknownDevice() {
		this.unplugs.onRefused("/machine/peripheral/blk0", false);
		assertThat(this.unplugs.refusal("/machine/peripheral/blk0")).isNull();
	}

	@Test
	void theClientThatAskedGetsTheRefusalThoughTheDeviceHasNotBeenRead() {
		CompletableFuture<Void> gone = this.unplugs.begin("/machine/peripheral/blk0");
		this.unplugs.onRefused("/machine/peripheral/blk0", false);
		assertThat(gone).isCompletedExceptionally();
		assertThat(this.unplugs.refusal("/machine/peripheral/blk0")).contains("The guest refused");
	}

}
