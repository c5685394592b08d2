package dev.iothreads.web.events;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;

import org.jspecify.annotations.Nullable;

/**
 * The latest events with their ids, in the text that is sent to readers.
 */
final class EventHistory {

	private final ReentrantLock lock = new ReentrantLock();

	private final Condition more = this.lock.newCondition();

	private final @Nullable Event[] ring;

	private final int mostBytes;

	private int bytes;

	/** The id of the oldest event that is kept. */
	private long oldest;

	private long next;

	EventHistory(int capacity, int mostBytes, long first) {
		this.ring = new Event[capacity];
		this.mostBytes = mostBytes;
		this.oldest = first;
		this.next = first;
	}

	void add(String machine, String type, String data) {
		this.lock.lock();
		try {
			long id = this.next++;
			byte[] text = "id: %d\nevent: %s\ndata: %s\n\n".formatted(id, type, data).getBytes(StandardCharsets.UTF_8);
			if (id - this.oldest >= this.ring.length) {
				forgetOldest();
			}
			this.ring[index(id)] = new Event(machine, text);
			this.bytes += text.length;
			while (this.bytes > this.mostBytes && this.oldest < id) {
				forgetOldest();
			}
			this.more.signalAll();
		}
		finally {
			this.lock.unlock();
		}
	}

	private void forgetOldest() {
		int index = index(this.oldest++);
		Event event = this.ring[index];
		this.bytes -= (event != null) ? event.text().length : 0;
		this.ring[index] = null;
	}

	/**
	 * Waits for the next event.
	 * @param after the id of the last event that was read
	 * @param nanos for how long at most, in ns
	 * @param ended whether to stop waiting; evaluated again by {@link #wake}
	 * @throws InterruptedException if the thread is interrupted
	 */
	void await(long after, long nanos, BooleanSupplier ended) throws InterruptedException {
		this.lock.lock();
		try {
			long left = nanos;
			while (this.next - 1 <= after && left > 0 && !ended.getAsBoolean()) {
				left = this.more.awaitNanos(left);
			}
		}
		finally {
			this.lock.unlock();
		}
	}

	void wake() {
		this.lock.lock();
		try {
			this.more.signalAll();
		}
		finally {
			this.lock.unlock();
		}
	}

	// The id of the latest event, or the id before the first while there is none.
	long last() {
		this.lock.lock();
		try {
			return this.next - 1;
		}
		finally {
			this.lock.unlock();
		}
	}

	/**
	 * Reads the next events.
	 * @param after the id of the last event that was read
	 * @param machines whether events of a machine are wanted
	 * @param atLeast stop after this many bytes
	 * @return the events, or {@code null} when some of them are no longer kept, or the id
	 * is unknown
	 */
	@Nullable Slice read(long after, Predicate<String> machines, int atLeast) {
		this.lock.lock();
		try {
			if (after < this.oldest - 1 || after >= this.next) {
				return null;
			}
			ByteArrayOutputStream text = new ByteArrayOutputStream();
			long id = after;
			while (id + 1 < this.next && text.size() < atLeast) {
				id++;
				Event event = this.ring[index(id)];
				if (event != null && machines.test(event.machine())) {
					text.writeBytes(event.text());
				}
			}
			return new Slice(id, text.toByteArray());
		}
		finally {
			this.lock.unlock();
		}
	}

	private int index(long id) {
		return (int) (id % this.ring.length);
	}

	private record Event(String machine, byte[] text) {

	}

	/**
	 * Consecutive events.
	 *
	 * @param last the id of the last one, wanted or not
	 * @param text the text of the wanted ones
	 */
	record Slice(long last, byte[] text) {

	}

}
