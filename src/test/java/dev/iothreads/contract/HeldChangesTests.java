package dev.iothreads.contract;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

import dev.iothreads.machine.Changes;
import dev.iothreads.machine.IOThreadSettings;
import dev.iothreads.machine.MachineTimeoutException;
import dev.iothreads.machine.Snapshot;
import dev.iothreads.machine.StubMachine;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

/**
 * Behind the same monitor there may be another machine from one moment to the next.
 */
class HeldChangesTests {

	@Test
	void aMachineIsHeldBeforeItIsReadSoThatNoOtherIsChanged() {
		Replaced machine = new Replaced();
		String name = Service.newName("replaced");
		Service.shared().add(name, machine);
		try {
			Service.shared().send("POST", "/api/v1/machines/" + name + "/iothreads", "{\"id\": \"pool0\"}");
			assertThat(machine.changed).isNotNull();
			assertThat(machine.changed).isLessThan(machine.read);
		}
		finally {
			Service.shared().remove(name);
		}
	}

	@Test
	void aMachineThatCannotBeReadInTimeIsNotChanged() {
		String name = Service.newName("silent");
		Service.shared().add(name, new StubMachine() {

			@Override
			public CompletableFuture<Snapshot> read() {
				return CompletableFuture.failedFuture(new MachineTimeoutException("It does not answer."));
			}

		});
		try {
			assertThat(Service.shared()
				.send("POST", "/api/v1/machines/" + name + "/iothreads", "{\"id\": \"pool0\"}")
				.isProblem(504, "machine-timeout")
				.path("detail")
				.asString()).isEqualTo("Nothing was changed. It does not answer.");
		}
		finally {
			Service.shared().remove(name);
		}
	}

	@Test
	void ofManyChangesOneIsMade32WaitAndTheOthersAreSentAway() throws Exception {
		CountDownLatch held = new CountDownLatch(1);
		AtomicInteger made = new AtomicInteger();
		String name = Service.newName("slow");
		Service.shared().add(name, new StubMachine() {

			@Override
			public CompletableFuture<Snapshot> read() {
				return CompletableFuture
					.completedFuture(new Snapshot(Instant.now(), "1.0.0", null, List.of(), List.of()));
			}

			@Override
			public void addIOThread(String id, IOThreadSettings settings) {
				try {
					held.await();
				}
				catch (InterruptedException ex) {
					throw new IllegalStateException(ex);
				}
				made.incrementAndGet();
			}

		});
		ExecutorService clients = Executors.newFixedThreadPool(40);
		try {
			List<Future<Answer>> answers = new ArrayList<>();
			for (int i = 0; i < 40; i++) {
				String body = "{\"id\": \"pool" + i + "\"}";
				answers.add(clients
					.submit(() -> Service.shared().send("POST", "/api/v1/machines/" + name + "/iothreads", body)));
			}
			await().until(() -> answers.stream().filter(Future::isDone).count() == 7);
			for (Future<Answer> answer : answers.stream().filter(Future::isDone).toList()) {
				assertThat(answer.get().isProblem(429, "too-many-changes").path("detail").asString())
					.startsWith("32 changes of " + name + " wait for their turn already.");
				assertThat(answer.get().header("Retry-After")).isEqualTo("1");
			}
			held.countDown();
			for (Future<Answer> answer : answers) {
				answer.get(60, TimeUnit.SECONDS);
			}
			assertThat(made).hasValue(33);
		}
		finally {
			held.countDown();
			clients.shutdownNow();
			Service.shared().remove(name);
		}
	}

	/**
	 * It is another one with every reading.
	 */
	private static final class Replaced extends StubMachine {

		private volatile int read;

		private volatile Integer changed;

		@Override
		public synchronized CompletableFuture<Snapshot> read() {
			this.read++;
			return CompletableFuture.completedFuture(new Snapshot(Instant.now(), "1.0.0", null, List.of(), List.of()));
		}

		@Override
		public Changes changes() {
			int held = this.read;
			return new StubMachine() {

				@Override
				public void addIOThread(String id, IOThreadSettings settings) {
					Replaced.this.changed = held;
				}

			};
		}

	}

}
