package dev.iothreads.inventory;

import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.atomic.AtomicBoolean;

import dev.iothreads.inventory.MachineSource.Sink;
import dev.iothreads.machine.StubMachine;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

/**
 * What an inventory does with the machines of its sources.
 */
class MachineSourceTests {

	private final ScheduledThreadPoolExecutor scheduler = new ScheduledThreadPoolExecutor(1);

	private final Inventory inventory = new Inventory(this.scheduler, Duration.ofDays(1), Duration.ofDays(1));

	private Sink sink;

	@AfterEach
	void close() {
		this.inventory.close();
		this.scheduler.shutdownNow();
	}

	@Test
	void aMachineIsThereFromBeingFoundUntilBeingLost() {
		start();
		FakeMachine machine = new FakeMachine();
		this.sink.found("vm1", () -> machine);
		assertThat(this.inventory.views()).extracting(MachineView::name).containsExactly("vm1");
		this.sink.lost("vm1");
		assertThat(this.inventory.views()).isEmpty();
		assertThat(machine.isClosed()).isTrue();
	}

	@Test
	void aMachineOfAnotherSourceIsNotLost() {
		this.inventory.start(MachineSource.of(Map.of("vm1", FakeMachine::new)));
		start();
		this.sink.lost("vm1");
		assertThat(this.inventory.views()).extracting(MachineView::name).containsExactly("vm1");
	}

	@Test
	void aNameIsGivenOnceAndTheSecondMachineIsNotConnectedTo() {
		this.inventory.start(MachineSource.of(Map.of("vm1", FakeMachine::new)));
		start();
		AtomicBoolean connected = new AtomicBoolean();
		assertThatIllegalArgumentException().isThrownBy(() -> this.sink.found("vm1", () -> {
			connected.set(true);
			return new FakeMachine();
		})).withMessage("There is a machine named 'vm1' already. Rename one of them.");
		assertThat(connected).isFalse();
	}

	@Test
	void aNameThatDoesNotFitIntoAnAddressIsRefused() {
		start();
		assertThatIllegalArgumentException().isThrownBy(() -> this.sink.found("a/b", FakeMachine::new))
			.withMessageStartingWith("'a/b' cannot be the name of a machine: use up to 128 letters");
	}

	@Test
	void theSourcesAreClosedWithTheInventoryAndAddNothingAfterwards() {
		AtomicBoolean closed = new AtomicBoolean();
		this.inventory.start(new MachineSource() {

			@Override
			public void start(Sink sink) {
				MachineSourceTests.this.sink = sink;
			}

			@Override
			public void close() {
				closed.set(true);
			}

		});
		this.inventory.close();
		assertThat(closed).isTrue();
		this.sink.found("vm1", FakeMachine::new);
		assertThat(this.inventory.views()).isEmpty();
	}

	@Test
	@Timeout(60)
	void machinesThatAreSlowToCloseAreClosedSideBySideAndOneThatHangsIsNotWaitedFor() throws InterruptedException {
		CountDownLatch closing = new CountDownLatch(50);
		CountDownLatch closed = new CountDownLatch(50);
		CountDownLatch end = new CountDownLatch(1);
		for (int i = 0; i < 50; i++) {
			this.inventory.add("vm" + i, closedBy(() -> {
				closing.countDown();
				closing.await();
				closed.countDown();
			}));
		}
		this.inventory.add("hangs", closedBy(end::await));
		AtomicBoolean sourceClosed = new AtomicBoolean();
		this.inventory.start(new MachineSource() {

			@Override
			public void start(Sink sink) {
				// It finds none.
			}

			@Override
			public void close() {
				sourceClosed.set(closed.getCount() == 0);
			}

		});
		this.inventory.close();
		end.countDown();
		assertThat(sourceClosed).isTrue();
	}

	private static StubMachine closedBy(Closing closing) {
		return new StubMachine() {

			@Override
			public void close() {
				try {
					closing.run();
				}
				catch (InterruptedException ex) {
					Thread.currentThread().interrupt();
				}
			}

		};
	}

	private void start() {
		this.inventory.start((inventorysSink) -> this.sink = inventorysSink);
	}

	private interface Closing {

		void run() throws InterruptedException;

	}

}
