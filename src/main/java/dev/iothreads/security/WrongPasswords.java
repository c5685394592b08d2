package dev.iothreads.security;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.LongSupplier;

import org.springframework.security.authentication.LockedException;

/**
 * How many wrong passwords have come from where. Whoever has sent some within a minute is
 * not listened to until it is over. Of those who do this it remembers the latest
 * {@value #MOST_ADDRESSES}.
 */
final class WrongPasswords {

	static final int MOST = 20;

	static final int MOST_ADDRESSES = 10_000;

	static final Duration SPAN = Duration.ofMinutes(1);

	private final LongSupplier nanos;

	private final Map<String, Count> counts = new LinkedHashMap<>() {

		@Override
		protected boolean removeEldestEntry(Map.Entry<String, Count> eldest) {
			return size() > MOST_ADDRESSES;
		}

	};

	WrongPasswords() {
		this(System::nanoTime);
	}

	WrongPasswords(LongSupplier nanos) {
		this.nanos = nanos;
	}

	/**
	 * Lets nobody pass who has guessed too often.
	 * @param address where a password comes from
	 * @throws LockedException when too many from there were wrong
	 */
	synchronized void check(String address) {
		Count count = this.counts.get(source(address));
		if (count != null && count.wrong >= MOST && !isOver(count)) {
			throw new LockedException("Too many wrong passwords have come from your address. Try again in a minute.");
		}
	}

	/**
	 * Counts a wrong password.
	 * @param address where it has come from
	 */
	synchronized void add(String address) {
		String source = source(address);
		Count count = this.counts.get(source);
		if (count == null || isOver(count)) {
			this.counts.remove(source);
			count = new Count(this.nanos.getAsLong());
			this.counts.put(source, count);
		}
		count.wrong++;
	}

	synchronized int addresses() {
		return this.counts.size();
	}

	private boolean isOver(Count count) {
		return this.nanos.getAsLong() - count.since >= SPAN.toNanos();
	}

	// Whoever has one address of IPv6 has the other 2^64 of its network, too.
	private static String source(String address) {
		String[] groups = address.split(":", -1);
		return (groups.length == 8) ? String.join(":", groups[0], groups[1], groups[2], groups[3]) : address;
	}

	/**
	 * The wrong ones of a while.
	 */
	private static final class Count {

		private final long since;

		private int wrong;

		Count(long since) {
			this.since = since;
		}

	}

}
