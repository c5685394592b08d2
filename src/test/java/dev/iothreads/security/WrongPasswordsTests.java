package dev.iothreads.security;

import java.util.concurrent.atomic.AtomicLong;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import org.springframework.security.authentication.LockedException;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

/**
 * How often one may guess.
 */
class WrongPasswordsTests {

	private final AtomicLong now = new AtomicLong();

	private final WrongPasswords wrong = new WrongPasswords(this.now::get);

	@Test
	void whoHasGuessedTooOftenMayNotForTheRestOfTheMinute() {
		guess("10.0.0.7", WrongPasswords.MOST - 1);
		assertThatCode(() -> this.wrong.check("10.0.0.7")).doesNotThrowAnyException();
		guess("10.0.0.7", 1);
		this.now.addAndGet(WrongPasswords.SPAN.toNanos() - 1);
		assertThatThrownBy(() -> this.wrong.check("10.0.0.7")).isInstanceOf(LockedException.class);
		this.now.addAndGet(1);
		assertThatCode(() -> this.wrong.check("10.0.0.7")).doesNotThrowAnyException();
		guess("10.0.0.7", 1);
		assertThatCode(() -> this.wrong.check("10.0.0.7")).doesNotThrowAnyException();
	}

	@ParameterizedTest
	@CsvSource({ "10.0.0.7,10.0.0.8,false", "2001:db8:0:1:0:0:0:1,2001:db8:0:1:ffff:0:0:2,true",
			"2001:db8:0:1:0:0:0:1,2001:db8:0:2:0:0:0:1,false" })
	void aNetworkOfIPv6IsOneAddress(String one, String other, boolean same) {
		guess(one, WrongPasswords.MOST);
		if (same) {
			assertThatThrownBy(() -> this.wrong.check(other)).isInstanceOf(LockedException.class);
		}
		else {
			assertThatCode(() -> this.wrong.check(other)).doesNotThrowAnyException();
		}
	}

	@Test
	void itDoesNotRememberEverybodyForEver() {
		for (int i = 0; i < 2 * WrongPasswords.MOST_ADDRESSES; i++) {
			this.wrong.add("address" + i);
		}
		assertThat(this.wrong.addresses()).isEqualTo(WrongPasswords.MOST_ADDRESSES);
	}

	private void guess(String address, int times) {
		for (int i = 0; i < times; i++) {
			this.wrong.add(address);
		}
	}

}
