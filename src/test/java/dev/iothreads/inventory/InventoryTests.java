package dev.iothreads.inventory;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionService;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;

import dev.iothreads.machine.MachineState;
import dev.iothreads.machine.MachineStatus;
import dev.iothreads.machine.MachineUnavailableException;
import dev.iothreads.machine.NotFoundException;
import dev.iothreads.machine.Snapshot;
import dev.iothreads.machine.StubMachine;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.awaitility.Awaitility.await;

/**
 * The registry, and what can be asked of it through the service.
 */
class InventoryTests {

	private final ScheduledThreadPoolExecutor scheduler = new ScheduledThreadPoolExecutor(1);

	private final Inventory inventory = new Inventory(this.scheduler, Duration.ofDays(1), Duration.ofDays(1));

	private final IOThreadService service = new IOThreadService(this.inventory, Duration.ofDays(1));

	private final List<String> notified = new CopyOnWriteArrayList<>();

	@AfterEach
	void close() {
		this.inventory.close();
		this.scheduler.shutdownNow();
	}

	@Test
	void aMachineIsReadAsSoonAsItIsAdded() {
		FakeMachine machine = add("vm1");
		assertThat(machine.begun()).isEqualTo(1);
		machine.answer(0);
		assertThat(this.service.snapshot("vm1").qemuVersion()).isEqualTo("fake-0");
		assertThat(machine.begun()).isEqualTo(1);
	}

	@Test
	void machinesAreSortedByName() {
		add("vm2");
		add("a");
		add("vm10");
		assertThat(this.inventory.views()).extracting(MachineView::name).containsExactly("a", "vm10", "vm2");
	}

	@Test
	void aNameIsGivenOnce() {
		add("vm1");
		assertThatIllegalArgumentException().isThrownBy(() -> add("vm1")).withMessageContaining("vm1");
		assertThat(this.inventory.views()).hasSize(1);
	}

	@Test
	void anUnknownMachineIsNotFound() {
		assertThatExceptionOfType(NotFoundException.class).isThrownBy(() -> this.service.snapshot("nope"))
			.withMessageContaining("nope")
			.satisfies((failure) -> assertThat(failure.kind()).isEqualTo(NotFoundException.Kind.MACHINE));
	}

	@Test
	void listenersAreNotifiedOfWhatIsThereOfEachReadingAndOfTheEnd() {
		FakeMachine machine = add("vm1");
		machine.answer(0);
		listen();
		machine.tell();
		machine.answer(1);
		machine.become(MachineState.DOWN);
		this.inventory.remove("vm1");
		assertThat(this.notified).containsExactly("vm1 UP fake-0", "vm1 UP fake-1", "vm1 DOWN", "vm1 removed");
	}

	@Test
	void aMachineThatWasRemovedIsClosedAndHeardOfNoMore() {
		FakeMachine machine = add("vm1");
		listen();
		this.inventory.remove("vm1");
		assertThat(machine.isClosed()).isTrue();
		this.notified.clear();
		machine.answer(0);
		machine.tell();
		assertThat(this.notified).isEmpty();
		assertThat(this.inventory.views()).isEmpty();
		assertThatExceptionOfType(NotFoundException.class).isThrownBy(() -> this.service.machine("vm1"));
	}

	@Test
	void removingWhatIsNotThereNotifiesNoListener() {
		listen();
		this.inventory.remove("nope");
		assertThat(this.notified).isEmpty();
	}

	@Test
	void aNameIsFreeAgainAfterItsMachineWasRemoved() {
		add("vm1");
		this.inventory.remove("vm1");
		FakeMachine second = add("vm1");
		second.answer(0);
		assertThat(this.service.snapshot("vm1").qemuVersion()).isEqualTo("fake-0");
	}

	@Test
	void closingClosesEveryMachineAndEndsEveryTask() {
		FakeMachine one = add("vm1");
		FakeMachine two = add("vm2");
		this.scheduler.setRemoveOnCancelPolicy(true);
		this.inventory.close();
		assertThat(one.isClosed()).isTrue();
		assertThat(two.isClosed()).isTrue();
		assertThat(this.inventory.views()).isEmpty();
	}

	@Test
	void aMachineThatFailsInAnUnforeseenWayIsAskedAgainAndAgain() {
		AtomicInteger asked = new AtomicInteger();
		try (Inventory quick = new Inventory(this.scheduler, Duration.ofMillis(5), Duration.ofMillis(5))) {
			quick.add("vm1", new StubMachine() {

				@Override
				public CompletableFuture<Snapshot> read() {
					return CompletableFuture
						.completedFuture(new Snapshot(Instant.now(), "1.0.0", null, List.of(), List.of()));
				}

				@Override
				public MachineStatus status() {
					asked.incrementAndGet();
					throw new StackOverflowError("on purpose");
				}

			});
			await().until(() -> asked.get() > 2);
		}
	}

	@Test
	void aMachineThatNoClientWatchesIsReadSeldom() {
		AtomicInteger readings = new AtomicInteger();
		AtomicBoolean watched = new AtomicBoolean();
		try (Inventory quick = new Inventory(this.scheduler, Duration.ofMillis(5), Duration.ofDays(1))) {
			quick.readOftenWhile(watched::get);
			quick.add("vm1", new StubMachine() {

				@Override
				public CompletableFuture<Snapshot> read() {
					readings.incrementAndGet();
					return CompletableFuture
						.completedFuture(new Snapshot(Instant.now(), "1.0.0", null, List.of(), List.of()));
				}

			});
			// One when it is added, and the first by the timer.
			await().until(() -> readings.get() == 2);
			long before = this.scheduler.getCompletedTaskCount();
			await().until(() -> this.scheduler.getCompletedTaskCount() > before + 5);
			assertThat(readings).hasValue(2);
			watched.set(true);
			await().until(() -> readings.get() > 3);
		}
	}

	@Test
	void aMachineThatARequestHasReadIsReadAgainAnIntervalAfterThat() {
		Duration interval = Duration.ofSeconds(2);
		List<Long> begun = new CopyOnWriteArrayList<>();
		try (Inventory quick = new Inventory(this.scheduler, interval, interval)) {
			quick.add("vm1", new StubMachine() {

				@Override
				public CompletableFuture<Snapshot> read() {
					begun.add(System.nanoTime());
					return CompletableFuture
						.completedFuture(new Snapshot(Instant.now(), "1.0.0", null, List.of(), List.of()));
				}

			});
			// The first by the timer has a phase of its own.
			await().until(() -> begun.size() == 2);
			await().until(() -> System.nanoTime() - begun.get(1) > interval.dividedBy(2).toNanos());
			quick.entry("vm1").readAnew();
			assertThat(begun).hasSize(3);
			await().until(() -> begun.size() == 4);
			assertThat(Duration.ofNanos(begun.get(3) - begun.get(2)))
				.isGreaterThanOrEqualTo(interval.multipliedBy(9).dividedBy(10));
		}
	}

	@Test
	void aRefreshReadsWhatIsTooOldAndDoesNotWaitForWhatHangs() {
		IOThreadService always = new IOThreadService(this.inventory, Duration.ZERO);
		FakeMachine fast = add("fast");
		fast.answer(0);
		FakeMachine slow = add("slow");
		always.refresh(Duration.ofMillis(1));
		assertThat(fast.begun()).isEqualTo(2);
		assertThat(slow.begun()).isEqualTo(1);
		fast.answer(1);
		slow.answer(0);
		this.service.refresh(Duration.ofDays(1));
		assertThat(fast.begun()).isEqualTo(2);
	}

	@Test
	void aStragglerIsLeftOutAndNamed() {
		add("fast").answer(0);
		add("slow");
		FleetView fleet = this.service.fleet();
		assertThat(fleet.snapshots()).containsOnlyKeys("fast");
		assertThat(fleet.unavailable()).containsExactly("slow");
	}

	@Test
	void whatWasWaitedForInVainIsNotWaitedForAgain() {
		add("fast").answer(0);
		FakeMachine slow = add("slow");
		this.service.fleet();
		List<Duration> times = new ArrayList<>();
		for (int i = 0; i < 20; i++) {
			long begun = System.nanoTime();
			assertThat(this.service.fleet().unavailable()).containsExactly("slow");
			times.add(Duration.ofNanos(System.nanoTime() - begun));
		}
		assertThat(times).as("%s", times).anyMatch((time) -> time.compareTo(MachineEntry.SLOW_READ) < 0);
		slow.answer(0);
		assertThat(this.service.fleet().snapshots()).containsOnlyKeys("fast", "slow");
	}

	@Test
	void aSlowMachineIsWaitedForWhereThereIsNoOther() {
		FakeMachine broken = add("broken");
		FakeMachine machine = add("vm1");
		this.inventory.entries().forEach((entry) -> entry.skip(entry.snapshot(Duration.ofDays(1))));
		broken.fail(0, new IllegalStateException("on purpose"));
		this.scheduler.schedule(() -> machine.answer(0), 10, TimeUnit.MILLISECONDS);
		assertThat(this.service.fleet().snapshots()).containsOnlyKeys("vm1");
	}

	@Test
	void theOnlyMachineIsWaitedForThoughItTakesAWhile() {
		FakeMachine machine = add("vm1");
		this.scheduler.schedule(() -> machine.answer(0), 600, TimeUnit.MILLISECONDS);
		assertThat(this.service.fleet().snapshots()).containsOnlyKeys("vm1");
	}

	@Test
	void theOnlyMachineThatAnswersIsWaitedForThoughOthersFailAtOnce() {
		add("broken").fail(0, new IllegalStateException("on purpose"));
		FakeMachine machine = add("vm1");
		this.scheduler.schedule(() -> machine.answer(0), 600, TimeUnit.MILLISECONDS);
		assertThat(this.service.fleet().snapshots()).containsOnlyKeys("vm1");
	}

	@Test
	void whereNoMachineAnswersNoneIsWaitedFor() {
		add("broken").fail(0, new IllegalStateException("on purpose"));
		FakeMachine machine = add("vm1");
		this.scheduler.schedule(() -> machine.fail(0, new IllegalStateException("on purpose")), 10,
				TimeUnit.MILLISECONDS);
		assertThat(this.service.fleet(List.of("vm1")).unavailable()).containsExactly("vm1");
	}

	@Test
	void aMachineThatFailsIsNamedAndTheOthersAreThere() {
		FakeMachine broken = add("broken");
		add("fast").answer(0);
		broken.fail(0, new IllegalStateException("on purpose"));
		this.service.fleet(List.of("fast"));
		assertThat(this.service.fleet().snapshots()).containsOnlyKeys("fast");
		assertThat(this.service.fleet().unavailable()).containsExactly("broken");
	}

	@Test
	void oneOfSomeMachinesThatIsUnknownIsNotFound() {
		add("vm1").answer(0);
		assertThatExceptionOfType(NotFoundException.class).isThrownBy(() -> this.service.fleet(List.of("vm1", "nope")))
			.withMessageContaining("nope");
	}

	@Test
	void manyMachinesThatStopTogetherHoldNotEveryThread() throws Exception {
		List<String> stopped = IntStream.range(0, 7).mapToObj((number) -> "vm" + number).toList();
		List<FakeMachine> machines = stopped.stream().map(this::add).toList();
		add("well").answer(0);
		int crowd = 200;
		int excess = crowd - Inventory.MAX_WAITING;
		ExecutorService threads = Executors.newFixedThreadPool(crowd);
		try {
			CompletionService<Snapshot> requests = new ExecutorCompletionService<>(threads);
			for (int i = 0; i < crowd; i++) {
				String name = stopped.get(i % stopped.size());
				requests.submit(() -> this.service.snapshot(name));
			}
			for (int i = 0; i < excess; i++) {
				Future<Snapshot> sentAway = requests.poll(60, TimeUnit.SECONDS);
				assertThat(sentAway).as("the one after %d", i).isNotNull();
				assertThat(sentAway).failsWithin(Duration.ZERO)
					.withThrowableOfType(ExecutionException.class)
					.withCauseInstanceOf(MachineUnavailableException.class)
					.withMessageContaining("is slow to answer and too many requests wait");
			}
			assertThat(this.service.snapshot("well").qemuVersion()).isEqualTo("fake-0");
			machines.forEach((machine) -> machine.answer(0));
			for (int i = 0; i < Inventory.MAX_WAITING; i++) {
				assertThat(requests.poll(60, TimeUnit.SECONDS)).isNotNull().succeedsWithin(Duration.ZERO);
			}
		}
		finally {
			threads.shutdownNow();
		}
		assertThat(stopped).allSatisfy((name) -> assertThat(this.service.snapshot(name)).isNotNull());
	}

	@Test
	void aMachineThatCannotBeReadIsShownAllTheSame() {
		FakeMachine machine = add("vm1");
		machine.become(MachineState.BUSY);
		machine.fail(0, new MachineUnavailableException(machine.status()));
		if (machine.begun() > 1) {
			machine.fail(1, new MachineUnavailableException(machine.status()));
		}
		assertThat(this.inventory.views()).extracting((view) -> view.status().state())
			.containsExactly(MachineState.BUSY);
		assertThat(this.inventory.views().get(0).snapshot()).isNull();
	}

	private FakeMachine add(String name) {
		FakeMachine machine = new FakeMachine();
		this.inventory.add(name, machine);
		return machine;
	}

	private void listen() {
		this.inventory.listen(new InventoryListener() {

			@Override
			public void changed(MachineView machine) {
				InventoryTests.this.notified.add(machine.name() + " " + machine.status().state()
						+ ((machine.snapshot() != null) ? " " + machine.snapshot().qemuVersion() : ""));
			}

			@Override
			public void removed(String machine) {
				InventoryTests.this.notified.add(machine + " removed");
			}

		});
	}

}
