package dev.iothreads.qmp;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Collections;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

class LargeMessageTurnTests {

	private static final long MIB = 1024 * 1024;

	private final Semaphore shared = new Semaphore(1);

	@Test
	void theTurnIsTakenOnceAndGivenBackOnce() throws ProtocolViolation {
		LargeMessageTurn turn = turn(60_000, 60_000);
		turn.take();
		turn.take();
		assertThat(this.shared.availablePermits()).isZero();
		turn.giveBack();
		turn.giveBack();
		assertThat(this.shared.availablePermits()).isOne();
	}

	@Test
	void whatOthersHaveIsWaitedFor() throws Exception {
		LargeMessageTurn first = turn(60_000, 60_000);
		first.take();
		Thread giver = new Thread(first::giveBack);
		giver.start();
		turn(60_000, 60_000).take();
		giver.join(TimeUnit.SECONDS.toMillis(60));
		assertThat(this.shared.availablePermits()).isZero();
	}

	@Test
	void whatOthersHaveForTooLongIsNotWaitedFor() throws ProtocolViolation {
		turn(60_000, 60_000).take();
		assertThatExceptionOfType(ProtocolViolation.class).isThrownBy(() -> turn(60_000, 20).take())
			.withMessageContaining("Other monitors send messages above 256 KiB all the time");
	}

	@Test
	void aConnectionThatHasItForTooLongIsEnded() throws ProtocolViolation {
		CompletableFuture<Boolean> ended = new CompletableFuture<>();
		new LargeMessageTurn(this.shared, Duration.ofMillis(20), Duration.ofSeconds(60), () -> ended.complete(true))
			.take();
		assertThat(Futures.await(ended)).isTrue();
	}

	@Test
	void oneThatDoesNotEndALargeMessageLosesItsConnectionAndNotTheOthersTheirs() {
		CountDownLatch begun = new CountDownLatch(1);
		String large = "{\"return\": \"" + "x".repeat(1 << 20);
		try (ScriptedMonitor slow = ScriptedMonitor.onUnixSocket((client) -> {
			client.negotiate();
			client.read();
			client.sendRaw(large.getBytes(StandardCharsets.UTF_8));
			begun.countDown();
			client.awaitEnd();
		});
				ScriptedMonitor other = ScriptedMonitor
					.onUnixSocket(ScriptedMonitor.Script.answering((request) -> large + "\"}"));
				QmpClient first = Clients.connect(slow.address(), QmpOptions.defaults());
				QmpClient second = Clients.connect(other.address(),
						QmpOptions.defaults().withCommandTimeout(Duration.ofSeconds(60)))) {
			first.execute(QmpCommand.of("query-name"));
			begun.await();
			assertThat(Futures.await(second.execute(QmpCommand.of("query-name"))).stringValue()).hasSize(1 << 20);
			assertThat(Futures.await(first.closed())).hasMessageContaining("began a message above 256 KiB");
		}
		catch (InterruptedException ex) {
			throw new AssertionError(ex);
		}
	}

	@Test
	void repliesToOneBatchThatAreTooMuchTogetherEndTheConnection() {
		String values = "{\"return\": [" + "0,".repeat((int) (QmpMessage.MAX_TOKENS / 3)) + "0]}";
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket((client) -> {
			client.negotiate();
			client.read();
			for (int i = 0; i < 4; i++) {
				client.reply(client.read(), values);
			}
			client.awaitEnd();
		}); QmpClient client = Clients.connect(monitor.address(), QmpOptions.defaults())) {
			client.executeAll(Collections.nCopies(5, QmpCommand.of("query-name")));
			assertThat(Futures.await(client.closed())).hasMessageContaining("There is not enough memory");
		}
	}

	@Test
	void anEighthOfTheSpareMemoryIsTheLongestMessage() {
		assertThat(QmpOptions.longestMessage(32 * MIB)).isEqualTo(2 * 1024 * 1024);
		assertThat(QmpOptions.longestMessage(1 * MIB)).isEqualTo(1024 * 1024);
		assertThat(QmpOptions.longestMessage(Long.MAX_VALUE)).isEqualTo(64 * 1024 * 1024);
	}

	private LargeMessageTurn turn(long longestUseMillis, long longestWaitMillis) {
		return new LargeMessageTurn(this.shared, Duration.ofMillis(longestUseMillis),
				Duration.ofMillis(longestWaitMillis), () -> {
				});
	}

}
