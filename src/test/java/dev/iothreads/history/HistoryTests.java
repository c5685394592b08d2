package dev.iothreads.history;

import java.lang.reflect.Array;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

import dev.iothreads.machine.Device;
import dev.iothreads.machine.DeviceState;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

/**
 * What is kept of the readings of a machine.
 */
class HistoryTests {

	private final Recorded machine = new Recorded().iothread("pool0", 40)
		.iothread("pool1", 10)
		.disk("data0", 300, "pool0")
		.disk("data1", 100, "pool0", "pool1");

	@Test
	void ratesAreTheGrowthBetweenSamples() {
		History.Recent recent = this.machine.run(Duration.ofSeconds(21)).recent(0);
		assertThat(recent.times()).hasSize(5);
		assertThat(recent.times().get(1) - recent.times().get(0)).isEqualTo(5);
		assertThat(recent.cpuPercent().get("pool0")).containsExactly(new float[] { Float.NaN, 40, 40, 40, 40 },
				within(0.1f));
		assertThat(recent.operations().get("pool0")).containsExactly(new float[] { Float.NaN, 350, 350, 350, 350 },
				within(1f));
		assertThat(recent.operations().get("pool1")).containsExactly(new float[] { Float.NaN, 50, 50, 50, 50 },
				within(1f));
	}

	@Test
	void onlySamplesAfterTheTimeAreReturned() {
		List<Long> all = this.machine.run(Duration.ofSeconds(60)).recent(0).times();
		History.Recent recent = this.machine.recent(all.get(all.size() - 3));
		assertThat(recent.times()).isEqualTo(all.subList(all.size() - 2, all.size()));
		assertThat(recent.cpuPercent().get("pool0")).hasSize(2);
		assertThat(this.machine.recent(all.get(all.size() - 1)).times()).isEmpty();
	}

	@Test
	void fifteenMinutesAreKept() {
		List<Long> times = this.machine.run(Duration.ofMinutes(20)).recent(0).times();
		assertThat(this.machine.now().getEpochSecond() - times.get(0)).isBetween(890L, 900L);
		assertThat(times).hasSizeBetween(178, 181).isSorted();
		assertThat(this.machine.recent(0).cpuPercent().get("pool0")[0]).isCloseTo(40, within(0.1f));
	}

	@Test
	void aMachineThatIsReadOnceAMinuteHasTheSameMeans() {
		for (int i = 0; i < 16; i++) {
			this.machine.step(Duration.ofMinutes(1));
		}
		assertThat(this.machine.recent(0).times()).hasSize(15);
		History.Means means = this.machine.history().means();
		assertThat(means.observed()).isEqualTo(History.KEPT);
		assertThat(means.iothreads()).extracting((load) -> Math.round(Objects.requireNonNull(load.cpuPercent())))
			.containsExactly(40L, 10L);
		assertThat(means.iothreads()).extracting((load) -> Math.round(Objects.requireNonNull(load.operations())))
			.containsExactly(350L, 50L);
		assertThat(this.machine.history().balance().measure()).isEqualTo(Balance.Measure.CPU);
	}

	@Test
	void theRingHoldsFifteenMinutesOfTheClosestSamples() {
		for (int i = 0; i < 300; i++) {
			this.machine.step(Duration.ofMillis(4500));
		}
		List<Long> times = this.machine.recent(0).times();
		assertThat(this.machine.now().getEpochSecond() - times.get(0)).isBetween(893L, 900L);
	}

	@Test
	void aSpreadDeviceCountsByTheVirtqueuesThatAnIOThreadServes() {
		Recorded spread = new Recorded().iothread("pool0", 1).iothread("pool1", 1).iothread("pool2", 1);
		spread
			.device(new Device("data0", "virtio-blk-pci", Recorded.path("data0"), List.of("pool0", "pool1", "pool2"),
					DeviceState.ATTACHED, null, "node0", false, true,
					Map.of("pool0", List.of(0, 1, 2), "pool1", List.of(3), "pool2", List.of()), List.of(), null), 400)
			.run(Duration.ofSeconds(11));
		Map<String, float[]> operations = spread.recent(0).operations();
		assertThat(List.of("pool0", "pool1", "pool2")).extracting((id) -> Math.round(last(operations.get(id))))
			.containsExactly(300, 100, 0);
	}

	private static float last(float[] values) {
		return values[values.length - 1];
	}

	@Test
	void anIOThreadThatIsNewHasNoValuesBefore() {
		this.machine.run(Duration.ofSeconds(11)).iothread("pool2", 7).run(Duration.ofSeconds(10));
		float[] values = this.machine.recent(0).cpuPercent().get("pool2");
		assertThat(values).containsExactly(new float[] { Float.NaN, Float.NaN, Float.NaN, Float.NaN, 7 }, within(0.1f));
	}

	@Test
	void anIOThreadThatWasRemovedIsForgotten() {
		this.machine.iothread("pool2", 7).run(Duration.ofSeconds(11)).without("pool2").run(Duration.ofSeconds(6));
		assertThat(this.machine.recent(0).cpuPercent()).containsOnlyKeys("pool0", "pool1");
	}

	@Test
	void thereIsNoRateOverALoss() {
		this.machine.run(Duration.ofSeconds(11));
		this.machine.history().interrupt();
		this.machine.step(Duration.ofSeconds(40)).run(Duration.ofSeconds(5));
		History.Recent recent = this.machine.recent(0);
		assertThat(recent.cpuPercent().get("pool0")).containsExactly(new float[] { Float.NaN, 40, 40, Float.NaN, 40 },
				within(0.1f));
		assertThat(recent.operations().get("pool0"))
			.containsExactly(new float[] { Float.NaN, 350, 350, Float.NaN, 350 }, within(1f));
	}

	@Test
	void aClockThatIsSetBackBeginsAnew() {
		this.machine.run(Duration.ofSeconds(30));
		Recorded sooner = this.machine;
		Instant before = sooner.now();
		sooner.setBack(Duration.ofHours(1));
		sooner.history().add(sooner.snapshot(), before.plusSeconds(5).getEpochSecond() * 1_000_000_000);
		assertThat(sooner.history().means().iothreads()).allMatch((load) -> load.cpuPercent() == null);
	}

	@Test
	void whatIsNotKnownIsNotANumber() {
		Recorded unknown = new Recorded().iothread("pool0", -1)
			.disk("data0", 300, "pool0")
			.withoutStatistics()
			.run(Duration.ofMinutes(2));
		assertThat(unknown.recent(0).cpuPercent().get("pool0")).containsOnly(Float.NaN);
		assertThat(unknown.recent(0).operations().get("pool0")).containsOnly(Float.NaN);
		assertThat(unknown.history().balance()).isEqualTo(Balance.UNKNOWN);
	}

	@Test
	void aHundredMachinesWithEightIOThreadsTakeNoMoreThanFourMegabytes() {
		History history = full();
		double megabytes = 100 * size(history, Collections.newSetFromMap(new IdentityHashMap<>())) / 1e6;
		assertThat(megabytes).as("MB").isBetween(1.0, 4.0);
		assertThat(history.balance().state()).isEqualTo(Balance.State.EVEN);
	}

	private static History full() {
		Recorded one = new Recorded();
		for (int i = 0; i < 8; i++) {
			one.iothread("pool" + i, 30);
			one.disk("data" + i, 100, "pool" + i).disk("log" + i, 10, "pool" + i);
		}
		for (int i = 0; i < 181; i++) {
			one.step(History.INTERVAL);
		}
		assertThat(one.recent(0).times()).hasSizeGreaterThan(178);
		return one.history();
	}

	// What the heap has of it cannot be distinguished from what other tests leave there.
	// A header
	// has 16 bytes, a reference or a number 8 at most, an entry of a map 48.
	private static long size(@Nullable Object value, Set<Object> seen) {
		if (value == null || value instanceof Enum || !seen.add(value)) {
			return 0;
		}
		if (value instanceof Map<?, ?> map) {
			return 64 + map.entrySet()
				.stream()
				.mapToLong((entry) -> 48 + size(entry.getKey(), seen) + size(entry.getValue(), seen))
				.sum();
		}
		if (value instanceof Collection<?> collection) {
			return 64 + collection.stream().mapToLong((element) -> 48 + size(element, seen)).sum();
		}
		if (value instanceof String text) {
			return 48 + 2L * text.length();
		}
		Class<?> type = value.getClass();
		if (type.isArray()) {
			boolean small = type == float[].class || type == int[].class;
			return 16 + Array.getLength(value) * (small ? 4L : 8L);
		}
		long size = 16;
		for (Field field : type.getDeclaredFields()) {
			if (!Modifier.isStatic(field.getModifiers())) {
				size += 8;
				if (type.getName().startsWith("dev.iothreads") && !field.getType().isPrimitive()) {
					size += size(read(field, value), seen);
				}
			}
		}
		return size;
	}

	private static @Nullable Object read(Field field, Object owner) {
		try {
			field.setAccessible(true);
			return field.get(owner);
		}
		catch (IllegalAccessException ex) {
			throw new IllegalStateException(ex);
		}
	}

	@Test
	void meansAreThoseSinceTheLastChange() {
		this.machine.run(Duration.ofMinutes(5)).iothread("pool0", 80, 1_000_000, null).run(Duration.ofMinutes(3));
		History.Means means = this.machine.history().means();
		assertThat(means.observed().toSeconds()).isBetween(170L, 180L);
		assertThat(means.iothreads().get(0).cpuPercent()).isCloseTo(80, within(0.5));
		assertThat(means.operations().get(Recorded.path("data0"))).isCloseTo(300, within(1.0));
	}

	@Test
	void aGuestThatIsPausedIsWatchedAnew() {
		this.machine.run(Duration.ofMinutes(5)).in("paused").run(Duration.ofMinutes(1));
		assertThat(this.machine.history().means().observed()).isLessThan(Duration.ofSeconds(61));
	}

}
