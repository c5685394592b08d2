package dev.iothreads.web.events;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;

import dev.iothreads.inventory.Inventory;
import dev.iothreads.web.problem.TooManyReadersException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.json.JsonMapper;

import org.springframework.boot.task.SimpleAsyncTaskExecutorBuilder;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

/**
 * How many read the stream at once.
 */
class EventStreamTests {

	private static final int PER_ADDRESS = 10;

	// Each takes one of the places for all, or two if it goes wrong.
	private static final int ROUNDS = EventStream.MOST_READERS / 2;

	private static final String ADDRESS = "10.0.0.7";

	private final ScheduledExecutorService scheduler = Executors.newSingleThreadScheduledExecutor();

	private final EventStream stream = stream(PER_ADDRESS);

	@AfterEach
	void stop() {
		this.stream.close();
		this.scheduler.shutdownNow();
	}

	// Threads of its own: those that the JVM has for all may be fewer than two.
	@Test
	void ofTwoWhoComeAtOnceFromOneAddressTheLastPlaceIsGivenToOne() throws Exception {
		AtomicInteger arrived = new AtomicInteger();
		AtomicIntegerArray admitted = new AtomicIntegerArray(ROUNDS);
		List<Thread> visitors = new ArrayList<>();
		EventStream narrow = stream(1);
		for (int i = 0; i < 2; i++) {
			Thread visitor = new Thread(() -> {
				for (int round = 0; round < ROUNDS; round++) {
					arrived.incrementAndGet();
					while (arrived.get() < 2 * (round + 1)) {
						Thread.onSpinWait();
					}
					try {
						narrow.open(null, (machine) -> true, "10.0.1." + round);
						admitted.incrementAndGet(round);
					}
					catch (TooManyReadersException ex) {
						// the other has the place
					}
				}
			});
			visitor.start();
			visitors.add(visitor);
		}
		for (Thread visitor : visitors) {
			visitor.join();
		}
		narrow.close();
		for (int round = 0; round < ROUNDS; round++) {
			assertThat(admitted.get(round)).as("round %d", round).isOne();
		}
	}

	@Test
	void whoIsRefusedTakesNoPlace() {
		fill(ADDRESS);
		fill("10.0.0.8");
		this.stream.endAll();
		await().until(() -> this.stream.readers() == 0);
		fill(ADDRESS);
	}

	@Test
	void whenAllPlacesAreTakenThoseOfAnAddressAreNot() {
		for (int i = 0; i < EventStream.MOST_READERS; i++) {
			open("127.0.0.1");
		}
		for (int i = 0; i < 2 * PER_ADDRESS; i++) {
			assertThatExceptionOfType(TooManyReadersException.class).isThrownBy(() -> open(ADDRESS))
				.withMessageContaining(String.valueOf(EventStream.MOST_READERS));
		}
		this.stream.endAll();
		await().until(() -> this.stream.readers() == 0);
		fill(ADDRESS);
	}

	private void fill(String address) {
		for (int i = 0; i < PER_ADDRESS; i++) {
			open(address);
		}
		assertThatExceptionOfType(TooManyReadersException.class).isThrownBy(() -> open(address));
	}

	private EventStream stream(int perAddress) {
		return new EventStream(new Inventory(this.scheduler, Duration.ofDays(1)), JsonMapper.shared(),
				new SimpleAsyncTaskExecutorBuilder(), perAddress);
	}

	private void open(String address) {
		this.stream.open(null, (machine) -> true, address);
	}

}
