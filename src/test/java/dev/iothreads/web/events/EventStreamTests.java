package dev.iothreads.web.events;

import java.time.Duration;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;

import dev.iothreads.inventory.Inventory;
import dev.iothreads.web.problem.TooManyReadersException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.json.JsonMapper;

import org.springframework.boot.task.SimpleAsyncTaskExecutorBuilder;

import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

/**
 * How many clients may read the stream at once.
 */
class EventStreamTests {

	private final ScheduledExecutorService scheduler = Executors.newSingleThreadScheduledExecutor();

	private final EventStream stream = new EventStream(
			new Inventory(this.scheduler, Duration.ofDays(1), Duration.ofDays(1)), JsonMapper.shared(),
			new SimpleAsyncTaskExecutorBuilder());

	@AfterEach
	void stop() {
		this.stream.close();
		this.scheduler.shutdownNow();
	}

	@Test
	void aReaderBeyondTheLimitIsRefused() {
		fill();
		assertThatExceptionOfType(TooManyReadersException.class).isThrownBy(this::open)
			.withMessageContaining(String.valueOf(EventStream.MOST_READERS));
	}

	@Test
	void aRefusedReaderTakesNoPlace() {
		fill();
		assertThatExceptionOfType(TooManyReadersException.class).isThrownBy(this::open);
		this.stream.endAll();
		await().until(() -> this.stream.readers() == 0);
		fill();
	}

	private void fill() {
		for (int i = 0; i < EventStream.MOST_READERS; i++) {
			open();
		}
	}

	private void open() {
		this.stream.open(null, (machine) -> true, () -> true);
	}

}
