package dev.iothreads.history;

import java.time.Duration;
import java.util.List;

import dev.iothreads.history.Balance.Measure;
import dev.iothreads.history.Balance.State;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * When a machine's work is called uneven.
 */
class BalanceTests {

	@ParameterizedTest
	@CsvSource({ "84, 3, UNEVEN", "84, 70, EVEN", "49, 1, EVEN", "51, 1, UNEVEN", "51, 16, UNEVEN", "51, 18, EVEN",
			"4, 0, IDLE", "0, 0, IDLE", "6, 0, EVEN" })
	void byCpuTimeWhereItIsKnown(double one, double other, State state) {
		Balance balance = balance(Balance.UNKNOWN, one, other);
		assertThat(balance.state()).isEqualTo(state);
		assertThat(balance.measure()).isEqualTo(Measure.CPU);
		assertThat(balance.busiest()).isEqualTo((state != State.IDLE) ? "pool0" : null);
	}

	@ParameterizedTest
	@CsvSource({ "5000, 10, UNEVEN", "999, 0, EVEN", "1001, 0, UNEVEN", "19, 0, IDLE", "3000, 2500, EVEN" })
	void byOperationsElse(double one, double other, State state) {
		Balance balance = Balance.of(List.of(new Load("pool0", 90.0, one), new Load("pool1", null, other)),
				Balance.UNKNOWN);
		assertThat(balance.state()).isEqualTo(state);
		assertThat(balance.measure()).isEqualTo(Measure.OPERATIONS);
	}

	@Test
	void aLoadThatSwingsAroundTheLimitDoesNotSwitchTheWarning() {
		Balance balance = balance(Balance.UNKNOWN, 49, 1);
		assertThat(balance.state()).isEqualTo(State.EVEN);
		balance = balance(balance, 51, 1);
		assertThat(balance.state()).isEqualTo(State.UNEVEN);
		balance = balance(balance, 49, 1);
		assertThat(balance.state()).isEqualTo(State.UNEVEN);
		balance = balance(balance, 49, 26);
		assertThat(balance.state()).isEqualTo(State.UNEVEN);
		assertThat(balance(balance, 49, 31).state()).isEqualTo(State.EVEN);
		assertThat(balance(balance, 39, 1).state()).isEqualTo(State.EVEN);
	}

	@Test
	void theSentenceHasTheFigures() {
		assertThat(balance(Balance.UNKNOWN, 84, 3).sentence())
			.isEqualTo("pool0 uses 84 % of a CPU; the mean of its 2 IOThreads is 44 %.");
		assertThat(Balance.of(List.of(new Load("pool0", null, 1234.0)), Balance.UNKNOWN).sentence())
			.isEqualTo("pool0 does 1,234 operations a second, and is its only IOThread.");
		assertThat(balance(Balance.UNKNOWN, 3, 1).sentence())
			.isEqualTo("The busiest of its IOThreads, pool0, uses 3 % of a CPU.");
		assertThat(Balance.of(List.of(), Balance.UNKNOWN).state()).isEqualTo(State.UNKNOWN);
	}

	@Test
	void itIsOfTheIOThreadsThatAreThere() {
		Duration second = Duration.ofSeconds(1);
		Recorded machine = new Recorded().step(second);
		assertThat(machine.history().balance()).isEqualTo(Balance.NO_IOTHREAD);
		assertThat(machine.iothread("pool0", 90).step(second).history().balance()).isEqualTo(Balance.UNKNOWN);
		assertThat(machine.without("pool0").step(second).history().balance()).isEqualTo(Balance.NO_IOTHREAD);
		machine.iothread("pool0", 90).iothread("pool1", 1).run(Duration.ofSeconds(60));
		assertThat(machine.history().balance().busiest()).isEqualTo("pool0");
		assertThat(machine.without("pool0").step(second).history().balance().busiest()).isNull();
	}

	@Test
	void itIsOfTheLastMinute() {
		Recorded machine = new Recorded().iothread("pool0", 90)
			.iothread("pool1", 1)
			.disk("data0", 10, "pool0")
			.run(Duration.ofSeconds(25));
		assertThat(machine.history().balance()).isEqualTo(Balance.UNKNOWN);
		assertThat(machine.run(Duration.ofSeconds(15)).history().balance().state()).isEqualTo(State.UNEVEN);
		machine.iothread("pool0", 2).iothread("pool1", 1).run(Duration.ofSeconds(15));
		assertThat(machine.history().balance().state()).isEqualTo(State.UNEVEN);
		assertThat(machine.run(Duration.ofSeconds(60)).history().balance().state()).isEqualTo(State.IDLE);
	}

	private static Balance balance(Balance before, double one, double other) {
		return Balance.of(List.of(new Load("pool0", one, null), new Load("pool1", other, 5000.0)), before);
	}

}
