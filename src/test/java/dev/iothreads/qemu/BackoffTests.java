package dev.iothreads.qemu;

import java.time.Duration;

import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

class BackoffTests {

	@Test
	void eachWaitIsBetweenHalfOfItsStepAndAllOfIt() {
		Backoff backoff = new Backoff();
		for (long step = 100; step < 10_000; step *= 2) {
			assertThat(backoff.next()).isBetween(Duration.ofMillis(step / 2), Duration.ofMillis(step));
		}
	}

	@Test
	void howeverOftenItFailsNoPauseIsLongerThanTheLongest() {
		Backoff backoff = new Backoff();
		for (int failure = 0; failure < 10; failure++) {
			backoff.next();
		}
		for (int failure = 0; failure < 10_000; failure++) {
			assertThat(backoff.next()).isBetween(Backoff.LONGEST.dividedBy(2), Backoff.LONGEST);
		}
	}

	@Test
	void afterASuccessItBeginsAgain() {
		Backoff backoff = new Backoff();
		for (int failure = 0; failure < 10; failure++) {
			backoff.next();
		}
		backoff.reset();
		assertThat(backoff.next()).isBetween(Duration.ofMillis(50), Duration.ofMillis(100));
	}

}
