package dev.iothreads.inventory;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;

import dev.iothreads.machine.Attachable;
import dev.iothreads.machine.IOThread;
import dev.iothreads.machine.IOThreadSettings;
import dev.iothreads.machine.MachineState;
import dev.iothreads.machine.MachineStatus;
import dev.iothreads.machine.MachineUnavailableException;
import dev.iothreads.machine.Snapshot;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

class MachineEntryTests {

	private static final Duration DAY = Duration.ofDays(1);

	private final FakeMachine machine = new FakeMachine();

	private final List<MachineView> notified = new CopyOnWriteArrayList<>();

	private final MachineEntry entry = new MachineEntry("vm1", this.machine, null, new Semaphore(100),
			(changed, took) -> this.notified.add(changed.view()));

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
		assertThat(again.join()).isEqualTo(second);
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
		assertThat(anew.join()).isEqualTo(second);
	}

	@Test
	void aReadingThatFindsTheSameHasTheListsOfTheOneBefore() {
		this.entry.snapshot(DAY);
		this.machine.answer(0, iothread("io1", 1));
		Snapshot before = this.entry.snapshot(DAY).join();
		this.entry.snapshot(Duration.ZERO);
		this.machine.answer(1, iothread("io1", 1));
		assertThat(this.entry.snapshot(DAY).join().iothreads()).isSameAs(before.iothreads());
		this.entry.snapshot(Duration.ZERO);
		Snapshot changed = this.machine.answer(2, iothread("io1", 2));
		assertThat(this.entry.snapshot(DAY).join()).isEqualTo(changed);
	}

	private static IOThread iothread(String id, long threadId) {
		return new IOThread(id, threadId, IOThreadSettings.NONE, List.of());
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
		assertThat(this.notified.get(this.notified.size() - 1).status().state()).isEqualTo(MachineState.DOWN);
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
		assertThat(this.notified).extracting(MachineView::snapshot).containsExactly(snapshot);
	}

	@Test
	void anEventWhileAReadingIsUnderWayIsInTheNext() {
		this.entry.snapshot(DAY);
		this.machine.tell();
		this.machine.answer(0);
		assertThat(this.machine.begun()).isEqualTo(2);
	}

	@Test
	void oneThatWasGivenUpTwiceStragglesUntilItIsQuick() throws Exception {
		AtomicInteger asked = new AtomicInteger();
		for (int i = 0; i < 2; i++) {
			CompletableFuture<Snapshot> slow = this.entry.snapshot(Duration.ZERO);
			assertThat(this.entry.isSlow(slow)).isFalse();
			this.entry.skip(slow);
			assertThat(this.entry.isSlow(slow)).isTrue();
			// A reading takes as long as it takes: nothing tells that it has.
			Thread.sleep(MachineEntry.SLOW_READ.toMillis());
			this.machine.answer(asked.getAndIncrement());
		}
		assertThat(this.entry.isSlow(this.entry.snapshot(Duration.ZERO))).isTrue();
		await().until(() -> {
			this.machine.answer(asked.getAndIncrement());
			return !this.entry.isSlow(this.entry.snapshot(Duration.ZERO));
		});
	}

	@Test
	void thoseWhoComeAfterThePatientAreSentAwaySoon() throws Exception {
		CompletableFuture<Snapshot> slow = this.entry.snapshot(DAY);
		int crowd = MachineEntry.MAX_WAITING + 8;
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
	void aListenerThatFailsKeepsNoOtherFromTheSnapshot() {
		FakeMachine other = new FakeMachine();
		MachineEntry notified = new MachineEntry("vm2", other, null, new Semaphore(100), (changed, took) -> {
			throw new IllegalStateException("on purpose");
		});
		CompletableFuture<Snapshot> reading = notified.snapshot(DAY);
		Snapshot snapshot = other.answer(0);
		assertThat(reading).isCompletedWithValue(snapshot);
	}

	@Test
	void aReadingThatCannotEvenBeginHasFailedAndTheNextOneBegins() {
		this.machine.breakReadings(new StackOverflowError("on purpose"));
		assertThat(this.entry.snapshot(DAY)).isCompletedExceptionally();
		this.machine.breakReadings(null);
		CompletableFuture<Snapshot> next = this.entry.snapshot(DAY);
		Snapshot snapshot = this.machine.answer(0);
		assertThat(next).isCompletedWithValue(snapshot);
	}

	@Test
	void aReadingThatCannotBeginAfterAnotherKeepsNoRequestWaiting() {
		CompletableFuture<Snapshot> first = this.entry.snapshot(DAY);
		CompletableFuture<Snapshot> second = this.entry.readAnew();
		this.machine.breakReadings(new IllegalStateException("on purpose"));
		Snapshot snapshot = this.machine.answer(0);
		assertThat(first).isCompletedWithValue(snapshot);
		assertThat(second).isCompletedExceptionally();
		this.machine.breakReadings(null);
		this.entry.snapshot(Duration.ZERO);
		assertThat(this.machine.begun()).isEqualTo(2);
	}

	@Test
	void whatWasReadBeforeTheMachineWasLostIsNotKept() {
		CompletableFuture<Snapshot> before = this.entry.snapshot(DAY);
		this.machine.become(MachineState.DOWN);
		this.machine.become(MachineState.UP);
		this.machine.answer(0);
		assertThat(this.entry.view().snapshot()).isNull();
		assertThatExceptionOfType(MachineUnavailableException.class).isThrownBy(() -> this.entry.await(before))
			.withMessageContaining("was lost while it was read");
		Snapshot after = this.machine.answer(1);
		assertThat(this.entry.view().snapshot()).isSameAs(after);
	}

	@Test
	void aMachineThatIsNotUpIsNotAskedForPlaces() {
		this.machine.become(MachineState.DOWN);
		assertThatExceptionOfType(MachineUnavailableException.class)
			.isThrownBy(() -> this.entry.changes().attachable(DAY))
			.withMessage("It is DOWN");
	}

	@Test
	void placesAreAskedForOnceAndAnewWhenSomethingMayHaveChanged() {
		Attachable first = this.entry.changes().attachable(DAY);
		assertThat(this.entry.changes().attachable(DAY)).isSameAs(first);
		assertThat(this.entry.changes().attachable(Duration.ZERO)).isNotSameAs(first);
		Attachable second = this.entry.changes().attachable(DAY);
		this.machine.tell();
		assertThat(this.entry.changes().attachable(DAY)).isNotSameAs(second);
		assertThat(this.machine.questions()).isEqualTo(3);
	}

	@Test
	void manyWhoAskForPlacesAtOnceMakeOneQuestion() throws Exception {
		CountDownLatch answer = this.machine.holdQuestions();
		ExecutorService threads = Executors.newFixedThreadPool(8);
		try {
			List<Future<Attachable>> asked = new ArrayList<>();
			for (int i = 0; i < 8; i++) {
				asked.add(threads.submit(() -> this.entry.changes().attachable(DAY)));
			}
			await().until(() -> this.machine.questions() > 0 && threads instanceof ThreadPoolExecutor pool
					&& pool.getActiveCount() == 8);
			answer.countDown();
			Attachable shared = asked.get(0).get(60, TimeUnit.SECONDS);
			for (Future<Attachable> each : asked) {
				assertThat(each.get(60, TimeUnit.SECONDS)).isSameAs(shared);
			}
			assertThat(this.machine.questions()).isEqualTo(1);
		}
		finally {
			answer.countDown();
			threads.shutdownNow();
		}
	}

	@Test
	void aGuestThatNeverLetsGoHoldsAFewThreadsOnly() throws Exception {
		CompletableFuture<Void> never = new CompletableFuture<>();
		ExecutorService threads = Executors.newFixedThreadPool(ChangeQueue.MAX_WAITING_FOR_GUEST);
		try {
			for (int i = 0; i < ChangeQueue.MAX_WAITING_FOR_GUEST; i++) {
				threads.submit(() -> {
					this.entry.changes().awaitGuest(never, DAY);
					return null;
				});
			}
			await().until(() -> never.getNumberOfDependents() == ChangeQueue.MAX_WAITING_FOR_GUEST);
			assertThatExceptionOfType(TimeoutException.class)
				.isThrownBy(() -> this.entry.changes().awaitGuest(never, DAY));
			this.entry.changes().awaitGuest(CompletableFuture.completedFuture(null), DAY);
		}
		finally {
			threads.shutdownNow();
		}
	}

	@Test
	void closingItClosesTheMachine() {
		this.entry.close();
		assertThat(this.machine.isClosed()).isTrue();
	}

}
