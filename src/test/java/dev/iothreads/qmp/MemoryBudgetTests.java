package dev.iothreads.qmp;

import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;

import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

class MemoryBudgetTests {

	private static final long MIB = 1024 * 1024;

	private volatile long free = Long.MAX_VALUE;

	private final MemoryBudget budget = new MemoryBudget(8 * MIB, () -> this.free);

	@Test
	void whatEachHasOfItsOwnIsNotTakenFromTheOthers() throws ProtocolViolation {
		this.budget.open().take(MemoryBudget.ALLOWANCE);
		assertThat(this.budget.available()).isEqualTo(8 * MIB);
	}

	@Test
	void whatIsTakenIsGivenBackBitByBit() throws ProtocolViolation {
		MemoryBudget.Account account = this.budget.open();
		account.take(MemoryBudget.ALLOWANCE + 3 * MIB);
		assertThat(this.budget.available()).isEqualTo(5 * MIB);
		account.giveBack(MIB + 1);
		assertThat(this.budget.available()).isEqualTo(6 * MIB);
		account.take(1);
		assertThat(this.budget.available()).isEqualTo(6 * MIB);
		account.close();
		assertThat(this.budget.available()).isEqualTo(8 * MIB);
	}

	@Test
	void whoWantsMoreThanThereIsDoesNotGetIt() {
		assertThatExceptionOfType(ProtocolViolation.class).isThrownBy(() -> this.budget.open().take(9 * MIB))
			.withMessageContaining("not enough memory");
		assertThat(this.budget.available()).isEqualTo(8 * MIB);
	}

	@Test
	void whatOthersHaveIsWaitedForAMoment() throws Exception {
		MemoryBudget.Account first = this.budget.open();
		first.take(8 * MIB);
		Thread giver = new Thread(first::close);
		MemoryBudget.Account second = this.budget.open();
		giver.start();
		second.take(8 * MIB);
		giver.join(TimeUnit.SECONDS.toMillis(60));
		assertThat(this.budget.available()).isEqualTo(MemoryBudget.ALLOWANCE);
	}

	@Test
	void whatTheHeapHasNoRoomForIsNotTaken() throws ProtocolViolation {
		this.free = 4 * MIB;
		MemoryBudget.Account account = this.budget.open();
		account.take(3 * MIB);
		assertThatExceptionOfType(ProtocolViolation.class).isThrownBy(() -> account.take(2 * MIB));
		account.close();
		assertThat(this.budget.available()).isEqualTo(8 * MIB);
	}

	@Test
	void anEighthOfTheMemoryIsTheLongestLine() {
		assertThat(QmpOptions.longestLine(32 * MIB)).isEqualTo(4 * 1024 * 1024);
		assertThat(QmpOptions.longestLine(1 * MIB)).isEqualTo(1024 * 1024);
		assertThat(QmpOptions.longestLine(Long.MAX_VALUE)).isEqualTo(64 * 1024 * 1024);
	}

	@Test
	void whatATreeTakesIsEstimatedByItsMembers() {
		assertThat(size("7")).isEqualTo(1);
		assertThat(size("{\"a\": 7, \"b\": 7}")).isBetween(250L, 350L);
		assertThat(size("[{},{},{},{}]")).isBetween(600L, 900L);
		assertThat(size("\"{[:,\\\"{[:,\"")).isLessThan(20);
	}

	private static long size(String json) {
		byte[] bytes = json.getBytes(StandardCharsets.UTF_8);
		return QmpMessage.treeSize(bytes, 0, bytes.length);
	}

}
