package dev.iothreads.qemu;

import java.time.Duration;

import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

class PortHistoryTests {

	private final PortHistory history = new PortHistory();

	@Test
	void aPortThatASlowGuestHasLeftIsLeftAloneForLonger() {
		assertThat(settling(Duration.ofSeconds(3))).isBetween(Duration.ofSeconds(4), Duration.ofSeconds(9));
	}

	@Test
	void aPortIsLeftAloneForThreeSecondsAtLeastAndTenAtMost() {
		assertThat(settling(Duration.ZERO)).isBetween(Duration.ZERO, Duration.ofSeconds(3));
		assertThat(settling(Duration.ofHours(1))).isBetween(Duration.ofSeconds(4), Duration.ofSeconds(10));
	}

	@Test
	void aBusThatASlowGuestHasLeftStaysSoWhenItReleasesTheNextDeviceAtOnce() {
		settling(Duration.ofSeconds(3));
		assertThat(settling(Duration.ZERO)).isGreaterThan(Duration.ofSeconds(4));
	}

	@Test
	void aPortInWhichNothingWasSeenIsFreeWhenTheConnectionIsOldEnough() {
		assertThat(this.history.emptyFor("rp2")).isEqualTo(Long.MAX_VALUE);
		assertThat(Duration.ofNanos(this.history.unsettledFor("rp2"))).isLessThanOrEqualTo(Duration.ofSeconds(3));
	}

	private Duration settling(Duration took) {
		this.history.onOccupied("/machine/peripheral/blk0", "rp1");
		this.history.onDeleted("/machine/peripheral/blk0", took.toNanos());
		return Duration.ofNanos(this.history.unsettledFor("rp1"));
	}

}
