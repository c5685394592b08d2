package dev.iothreads.soak;

import java.util.Map;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.LongAdder;

/**
 * How often something has happened.
 */
final class Tally {

	private final Map<String, LongAdder> counts = new ConcurrentSkipListMap<>();

	void add(String what) {
		this.counts.computeIfAbsent(what, (key) -> new LongAdder()).increment();
	}

	long of(String what) {
		LongAdder count = this.counts.get(what);
		return (count != null) ? count.sum() : 0;
	}

	@Override
	public String toString() {
		return this.counts.toString();
	}

}
