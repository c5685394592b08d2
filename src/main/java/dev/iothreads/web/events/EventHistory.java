package dev.iothreads.web.events;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;

import org.jspecify.annotations.Nullable;

/**
 * The latest events, numbered, as they are written. Old ones make room for new ones.
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

	/**
	 * Creates an empty history.
	 * @param capacity how many events it keeps
	 * @param mostBytes how many bytes of them
	 * @param first the id of the first event
	 */
	EventHistory(int capacity, int mostBytes, long first) {
		this.ring = new Event[capacity];
		this.mostBytes = mostBytes;
		this.oldest = first;
		this.next = first;
	}

	/**
	 * Adds an event.
	 * @param machine the machine it is about
	 * @param type its type
	 * @param data what it says, a line
	 */
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
	 * Waits for what comes next.
	 * @param after the id of the last event that was read
	 * @param nanos for how long at most, in ns
	 * @param givenUp whether not to wait any more; asked anew by {@link #wake}
	 * @throws InterruptedException if the thread is interrupted
	 */
	void await(long after, long nanos, BooleanSupplier givenUp) throws InterruptedException {
		this.lock.lock();
		try {
			long left = nanos;
			while (this.next - 1 <= after && left > 0 && !givenUp.getAsBoolean()) {
				left = this.more.awaitNanos(left);
			}
		}
		finally {
			this.lock.unlock();
		}
	}

	/**
	 * Lets those who wait look whether they still want to.
	 */
	void wake() {
		this.lock.lock();
		try {
			this.more.signalAll();
		}
		finally {
			this.lock.unlock();
		}
	}

	/**
	 * Returns where the history ends.
	 * @return the id of the latest event; where there is none yet, what comes before the
	 * first
	 */
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
	 * Reads on.
	 * @param after the id of the last event that was read
	 * @param machines which machines are wanted
	 * @param atLeast how many bytes are enough
	 * @return what comes next, or {@code null} when some of it is no longer kept, or the
	 * id was never given here
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
	 * Events in a row.
	 *
	 * @param last the id of the last of them, whether it was wanted or not
	 * @param text the text of those that were wanted
	 */
	record Slice(long last, byte[] text) {

	}

}
