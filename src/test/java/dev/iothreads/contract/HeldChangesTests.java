package dev.iothreads.contract;

import java.time.Instant;
import java.util.List;
import java.util.concurrent.CompletableFuture;

import dev.iothreads.machine.Changes;
import dev.iothreads.machine.IOThreadSettings;
import dev.iothreads.machine.MachineTimeoutException;
import dev.iothreads.machine.Snapshot;
import dev.iothreads.machine.StubMachine;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * Behind the same monitor there may be another machine from one moment to the next.
 */
class HeldChangesTests {

	@Test
	void aMachineIsHeldBeforeItIsReadSoThatNoOtherIsChanged() {
		Replaced machine = new Replaced();
		String name = Service.newName("replaced");
		Service.shared().add(name, machine, false);
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

		}, false);
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
