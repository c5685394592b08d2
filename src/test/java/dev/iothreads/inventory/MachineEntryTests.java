package dev.iothreads.inventory;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

import dev.iothreads.machine.MachineState;
import dev.iothreads.machine.MachineStatus;
import dev.iothreads.machine.MachineUnavailableException;
import dev.iothreads.machine.Snapshot;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

class MachineEntryTests {

	private static final Duration DAY = Duration.ofDays(1);

	private final FakeMachine machine = new FakeMachine();

	private final List<MachineView> told = new CopyOnWriteArrayList<>();

	private final MachineEntry entry = new MachineEntry("vm1", this.machine, false,
			(changed, took) -> this.told.add(changed.view()));

	@Test
	void howeverManyAskOneReadingIsUnderWay() {
		List<CompletableFuture<Snapshot>> asked = new ArrayList<>();
		for (int i = 0; i < 100; i++) {
			asked.add(this.entry.snapshot(Duration.ZERO));
		}
		assertThat(this.machine.begun()).isEqualTo(1);
		Snapshot snapshot = this.machine.answer(0);
		assertThat(asked).allSatisfy((reading) -> assertThat(reading.join()).isSameAs(snapshot));
	}

	@Test
	void whatIsYoungEnoughIsNotReadAgain() {
		this.entry.snapshot(DAY);
		Snapshot snapshot = this.machine.answer(0);
		assertThat(this.entry.snapshot(DAY).join()).isSameAs(snapshot);
		assertThat(this.machine.begun()).isEqualTo(1);
	}

	@Test
	void whatIsTooOldIsReadAgain() {
		this.entry.snapshot(DAY);
		this.machine.answer(0);
		CompletableFuture<Snapshot> again = this.entry.snapshot(Duration.ZERO);
		assertThat(this.machine.begun()).isEqualTo(2);
		Snapshot second = this.machine.answer(1);
		assertThat(again.join()).isSameAs(second);
	}

	@Test
	void aReadingAnewBeginsAfterTheOneUnderWay() {
		CompletableFuture<Snapshot> before = this.entry.snapshot(DAY);
		CompletableFuture<Snapshot> anew = this.entry.readAnew();
		assertThat(this.machine.begun()).isEqualTo(1);
		Snapshot first = this.machine.answer(0);
		assertThat(before.join()).isSameAs(first);
		assertThat(anew).isNotDone();
		assertThat(this.machine.begun()).isEqualTo(2);
		Snapshot second = this.machine.answer(1);
		assertThat(anew.join()).isSameAs(second);
	}

	@Test
	void allWhoWantItAnewShareTheNextReading() {
		this.entry.snapshot(DAY);
		for (int i = 0; i < 100; i++) {
			this.entry.readAnew();
		}
		this.machine.answer(0);
		this.machine.answer(1);
		assertThat(this.machine.begun()).isEqualTo(2);
	}

	@Test
	void aFailureIsEverybodysAndTheNextOneTriesAgain() {
		CompletableFuture<Snapshot> first = this.entry.snapshot(DAY);
		CompletableFuture<Snapshot> second = this.entry.snapshot(DAY);
		MachineUnavailableException failure = new MachineUnavailableException(
				new MachineStatus(MachineState.DOWN, "It is down."));
		this.machine.fail(0, failure);
		for (CompletableFuture<Snapshot> reading : List.of(first, second)) {
			assertThatExceptionOfType(MachineUnavailableException.class).isThrownBy(() -> this.entry.await(reading))
				.isSameAs(failure);
		}
		CompletableFuture<Snapshot> third = this.entry.snapshot(DAY);
		assertThat(third.isDone()).isFalse();
		Snapshot snapshot = this.machine.answer(1);
		assertThat(this.entry.await(third)).isSameAs(snapshot);
	}

	@Test
	void aFailureForgetsWhatWasReadBefore() {
		this.entry.snapshot(DAY);
		this.machine.answer(0);
		this.entry.snapshot(Duration.ZERO);
		this.machine.fail(1, new IllegalStateException("on purpose"));
		assertThat(this.entry.view().snapshot()).isNull();
	}

	@Test
	void aMachineThatIsNotUpShowsNothingAndIsReadWhenItIsUpAgain() {
		this.entry.snapshot(DAY);
		Snapshot before = this.machine.answer(0);
		assertThat(this.entry.view().snapshot()).isSameAs(before);
		this.machine.become(MachineState.DOWN);
		assertThat(this.entry.view().snapshot()).isNull();
		assertThat(this.told.get(this.told.size() - 1).status().state()).isEqualTo(MachineState.DOWN);
		this.machine.become(MachineState.UP);
		assertThat(this.entry.view().snapshot()).as("what was read before it went down").isNull();
		assertThat(this.machine.begun()).isEqualTo(2);
		Snapshot after = this.machine.answer(1);
		assertThat(this.entry.view().snapshot()).isSameAs(after);
	}

	@Test
	void whatAMachineTellsIsReadAndPassedOn() {
		this.machine.tell();
		assertThat(this.machine.begun()).isEqualTo(1);
		Snapshot snapshot = this.machine.answer(0);
		assertThat(this.told).extracting(MachineView::snapshot).containsExactly(snapshot);
	}

	@Test
	void whatIsToldWhileAReadingIsUnderWayIsInTheNext() {
		this.entry.snapshot(DAY);
		this.machine.tell();
		this.machine.answer(0);
		assertThat(this.machine.begun()).isEqualTo(2);
	}

	@Test
	void thoseWhoComeAfterThePatientAreSentAwaySoon() throws Exception {
		CompletableFuture<Snapshot> slow = this.entry.snapshot(DAY);
		int crowd = MachineEntry.PATIENT_WAITERS + 8;
		ExecutorService threads = Executors.newFixedThreadPool(crowd);
		try {
			List<Future<Snapshot>> waiting = new ArrayList<>();
			for (int i = 0; i < crowd; i++) {
				waiting.add(threads.submit(() -> this.entry.await(slow)));
			}
			List<Future<Snapshot>> sentAway = new ArrayList<>();
			long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
			while (sentAway.size() < 8 && System.nanoTime() < end) {
				sentAway = waiting.stream().filter(Future::isDone).toList();
				Thread.yield();
			}
			assertThat(sentAway).hasSize(8);
			assertThat(sentAway).allSatisfy((future) -> assertThat(future).failsWithin(Duration.ofSeconds(60))
				.withThrowableOfType(ExecutionException.class)
				.withCauseInstanceOf(MachineUnavailableException.class)
				.withMessageContaining("is slow to answer"));
			Snapshot snapshot = this.machine.answer(0);
			waiting.removeAll(sentAway);
			for (Future<Snapshot> patient : waiting) {
				assertThat(patient.get(60, TimeUnit.SECONDS)).isSameAs(snapshot);
			}
		}
		finally {
			threads.shutdownNow();
		}
	}

	@Test
	void aListenerThatFailsKeepsNobodyFromTheSnapshot() {
		FakeMachine other = new FakeMachine();
		MachineEntry told = new MachineEntry("vm2", other, false, (changed, took) -> {
			throw new IllegalStateException("on purpose");
		});
		CompletableFuture<Snapshot> reading = told.snapshot(DAY);
		Snapshot snapshot = other.answer(0);
		assertThat(reading).isCompletedWithValue(snapshot);
	}

	@Test
	void closingItClosesTheMachine() {
		this.entry.close();
		assertThat(this.machine.isClosed()).isTrue();
	}

}
