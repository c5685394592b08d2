package dev.iothreads.web.events;

import java.nio.charset.StandardCharsets;

import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * What is kept of events.
 */
class EventHistoryTests {

	@Test
	void itKeepsNoMoreBytesThanItMay() {
		EventHistory history = new EventHistory(1000, 1000, 1);
		for (int i = 0; i < 100; i++) {
			history.add("vm1", "iothread-changed", "x".repeat(200));
		}
		assertThat(history.last()).isEqualTo(100);
		assertThat(history.read(90, (machine) -> true, Integer.MAX_VALUE)).isNull();
		EventHistory.Slice kept = history.read(96, (machine) -> true, Integer.MAX_VALUE);
		assertThat(kept).isNotNull();
		assertThat(kept.last()).isEqualTo(100);
		assertThat(kept.text()).hasSizeLessThanOrEqualTo(1000);
		assertThat(new String(kept.text(), StandardCharsets.UTF_8)).startsWith("id: 97\n");
	}

	@Test
	void oneThatIsLargerThanAllThatMayBeIsPublishedAllTheSame() {
		EventHistory history = new EventHistory(10, 100, 1);
		history.add("vm1", "iothread-changed", "small");
		history.add("vm1", "iothread-changed", "x".repeat(500));
		assertThat(history.read(0, (machine) -> true, Integer.MAX_VALUE)).isNull();
		EventHistory.Slice kept = history.read(1, (machine) -> true, Integer.MAX_VALUE);
		assertThat(kept).isNotNull();
		assertThat(kept.text()).hasSizeGreaterThan(500);
	}

	@Test
	void itKeepsNoMoreEventsThanItMay() {
		EventHistory history = new EventHistory(10, 1_000_000, 1);
		for (int i = 0; i < 25; i++) {
			history.add("vm1", "iothread-changed", "x");
		}
		assertThat(history.read(14, (machine) -> true, Integer.MAX_VALUE)).isNull();
		EventHistory.Slice kept = history.read(15, (machine) -> true, Integer.MAX_VALUE);
		assertThat(kept).isNotNull();
		assertThat(new String(kept.text(), StandardCharsets.UTF_8)).startsWith("id: 16\n").contains("id: 25\n");
	}

}
