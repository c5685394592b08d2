package dev.iothreads.qmp;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.locks.ReentrantLock;

import org.jspecify.annotations.Nullable;

/**
 * The commands of one connection that have been asked for and not answered: those that
 * may be sent, never more than fit into a socket's buffer, and those of batches that wait
 * for their turn.
 */
final class CommandWindow {

	// A long batch leaves a quarter to others, so that it does not get them refused.
	private static final int MAX_OF_BATCHES = QmpClient.MAX_UNANSWERED * 3 / 4;

	private static final int MAX_BYTES_OF_BATCHES = QmpClient.MAX_UNANSWERED_BYTES * 3 / 4;

	private final ReentrantLock lock = new ReentrantLock();

	// In the order in which they were sent.
	private final Map<Long, PendingCommand> unanswered = new LinkedHashMap<>();

	private boolean passedOver;

	private int unansweredBytes;

	private final Queue<Queue<PendingCommand>> batches = new ArrayDeque<>();

	private boolean closed;

	/**
	 * Makes room for a single command.
	 */
	Admission admit(PendingCommand command) {
		this.lock.lock();
		try {
			if (this.closed) {
				return Admission.CLOSED;
			}
			if (this.unanswered.size() >= QmpClient.MAX_UNANSWERED
					|| this.unansweredBytes + command.line().length > QmpClient.MAX_UNANSWERED_BYTES) {
				return Admission.FULL;
			}
			add(command);
			return Admission.ADMITTED;
		}
		finally {
			this.lock.unlock();
		}
	}

	/**
	 * Lets a batch wait for its turn.
	 * @param batch at least one command
	 * @return {@code false} if the window is closed
	 */
	boolean enqueue(Collection<PendingCommand> batch) {
		this.lock.lock();
		try {
			return !this.closed && this.batches.add(new ArrayDeque<>(batch));
		}
		finally {
			this.lock.unlock();
		}
	}

	boolean isAnyWaiting() {
		this.lock.lock();
		try {
			return !this.batches.isEmpty();
		}
		finally {
			this.lock.unlock();
		}
	}

	/**
	 * Makes room for as many waiting commands as may be sent, one of each batch in turn.
	 */
	List<PendingCommand> admitWaiting() {
		List<PendingCommand> admitted = new ArrayList<>();
		this.lock.lock();
		try {
			Queue<PendingCommand> batch = this.batches.peek();
			while (batch != null && hasRoomFor(batch.element())) {
				this.batches.remove();
				PendingCommand next = batch.remove();
				add(next);
				admitted.add(next);
				if (!batch.isEmpty()) {
					this.batches.add(batch);
				}
				batch = this.batches.peek();
			}
			return admitted;
		}
		finally {
			this.lock.unlock();
		}
	}

	private boolean hasRoomFor(PendingCommand waiting) {
		return this.unanswered.isEmpty() || (this.unanswered.size() < MAX_OF_BATCHES
				&& this.unansweredBytes + waiting.line().length <= MAX_BYTES_OF_BATCHES);
	}

	private void add(PendingCommand command) {
		this.unanswered.put(command.id(), command);
		this.unansweredBytes += command.line().length;
	}

	/**
	 * The commands whose turn is next, one of each batch.
	 */
	List<PendingCommand> heads() {
		this.lock.lock();
		try {
			return this.batches.stream().map(Queue::element).toList();
		}
		finally {
			this.lock.unlock();
		}
	}

	/**
	 * Takes a batch back that has waited for too long.
	 * @param head the command that was next when it began to wait
	 * @return the commands of its batch, none if its turn has come since
	 */
	List<PendingCommand> takeBack(PendingCommand head) {
		this.lock.lock();
		try {
			for (Queue<PendingCommand> batch : this.batches) {
				if (batch.element() == head) {
					this.batches.remove(batch);
					return List.copyOf(batch);
				}
			}
			return List.of();
		}
		finally {
			this.lock.unlock();
		}
	}

	/**
	 * The command a reply belongs to.
	 */
	@Nullable PendingCommand find(long id) {
		this.lock.lock();
		try {
			return this.unanswered.get(id);
		}
		finally {
			this.lock.unlock();
		}
	}

	void remove(PendingCommand answered) {
		this.lock.lock();
		try {
			if (this.unanswered.isEmpty()) {
				return;
			}
			boolean first = this.unanswered.values().iterator().next() == answered;
			if (this.unanswered.remove(answered.id(), answered)) {
				this.unansweredBytes -= answered.line().length;
				this.passedOver = !this.unanswered.isEmpty() && (this.passedOver || !first);
			}
		}
		finally {
			this.lock.unlock();
		}
	}

	/**
	 * Takes no command any more.
	 * @return those that were there, sent or not
	 */
	List<PendingCommand> close() {
		this.lock.lock();
		try {
			this.closed = true;
			List<PendingCommand> all = new ArrayList<>(this.unanswered.values());
			this.batches.forEach(all::addAll);
			this.unanswered.clear();
			this.unansweredBytes = 0;
			this.batches.clear();
			return all;
		}
		finally {
			this.lock.unlock();
		}
	}

	/**
	 * Whether a command waits that was sent before one that is answered.
	 */
	boolean hasLostReply() {
		this.lock.lock();
		try {
			return this.passedOver;
		}
		finally {
			this.lock.unlock();
		}
	}

	int size() {
		this.lock.lock();
		try {
			return this.unanswered.size();
		}
		finally {
			this.lock.unlock();
		}
	}

	@Override
	public String toString() {
		this.lock.lock();
		try {
			return this.unanswered.size() + " commands (" + this.unansweredBytes + " bytes)";
		}
		finally {
			this.lock.unlock();
		}
	}

	/**
	 * What came of asking for room.
	 */
	enum Admission {

		ADMITTED, FULL, CLOSED

	}

}
