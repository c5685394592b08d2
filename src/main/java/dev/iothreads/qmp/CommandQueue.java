package dev.iothreads.qmp;

import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.function.Supplier;

import dev.iothreads.qmp.QmpMessage.Kind;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * The commands of one connection: those that wait to be sent, and those that were sent
 * and are not answered, never more than fit into a socket's buffer.
 * <p>
 * Its lock is held while writing, so that the commands of one caller go out in their
 * order. The JDK's timer does not take it, as it must not wait for a write.
 */
final class CommandQueue {

	private static final long NEGOTIATION_ID = 0;

	private static final Logger logger = System.getLogger(QmpClient.class.getName());

	private final MonitorAddress address;

	private final Duration timeout;

	private final Supplier<@Nullable QmpException> refusal;

	private final Consumer<String> lost;

	private final Queue<Pending> singles = new ArrayDeque<>();

	private final Queue<Pending> batches = new ArrayDeque<>();

	// In the order in which they were sent.
	private final Map<Long, Pending> unanswered = new LinkedHashMap<>();

	private int unansweredBytes;

	private long lastId = NEGOTIATION_ID;

	private boolean lostReply;

	private long unmatchedReplies;

	private @Nullable SocketChannel channel;

	private boolean accepted;

	/**
	 * Creates the queue of one connection.
	 * @param address for messages
	 * @param timeout how long a command may take
	 * @param refusal why no command is taken, {@code null} if one is
	 * @param lost ends the connection, given the reason in words
	 */
	CommandQueue(MonitorAddress address, Duration timeout, Supplier<@Nullable QmpException> refusal,
			Consumer<String> lost) {
		this.address = address;
		this.timeout = timeout;
		this.refusal = refusal;
		this.lost = lost;
	}

	/**
	 * Sends {@code qmp_capabilities}.
	 * @param start whether to send what waits in the same write, and from now on every
	 * command at once
	 */
	synchronized void negotiate(SocketChannel greeted, boolean start) {
		this.channel = greeted;
		List<Pending> first = new ArrayList<>();
		first.add(new Pending(NEGOTIATION_ID, QmpCommand.of("qmp_capabilities")));
		this.accepted = start;
		first.addAll(admitWaiting());
		write(first);
	}

	static boolean isOfNegotiation(QmpMessage reply) {
		Long id = reply.id();
		return id != null && id == NEGOTIATION_ID;
	}

	/**
	 * Sends what waits, and from now on every command at once.
	 */
	synchronized void start() {
		this.accepted = true;
		sendWaiting();
	}

	CompletableFuture<JsonNode> execute(QmpCommand command, Duration limit) {
		return submit(this.singles, List.of(command), limit).get(0);
	}

	List<CompletableFuture<JsonNode>> executeAll(List<QmpCommand> commands) {
		return submit(this.batches, commands, this.timeout);
	}

	private List<CompletableFuture<JsonNode>> submit(Queue<Pending> queue, List<QmpCommand> commands, Duration limit) {
		List<Pending> submitted = new ArrayList<>();
		QmpException refused = submit(queue, commands, limit, submitted);
		if (refused != null) {
			submitted.forEach((pending) -> pending.fail(refused));
		}
		return submitted.stream().map((pending) -> pending.reply).toList();
	}

	private synchronized @Nullable QmpException submit(Queue<Pending> queue, List<QmpCommand> commands, Duration limit,
			List<Pending> submitted) {
		for (QmpCommand command : commands) {
			submitted.add(new Pending(this.lastId + 1 + submitted.size(), command));
		}
		this.lastId += submitted.size();
		QmpException refused = this.refusal.get();
		if (refused == null) {
			limit(submitted, limit);
			queue.addAll(submitted);
			sendWaiting();
		}
		return refused;
	}

	private void limit(List<Pending> submitted, Duration limit) {
		Deadline deadline = new Deadline(limit, () -> submitted.forEach((pending) -> overdue(pending, limit)));
		CompletableFuture.allOf(submitted.stream().map((pending) -> pending.reply).toArray(CompletableFuture<?>[]::new))
			.whenComplete((done, failure) -> deadline.cancel());
	}

	/**
	 * Sends as much of what waits as may be unanswered.
	 */
	synchronized void sendWaiting() {
		write(admitWaiting());
	}

	private List<Pending> admitWaiting() {
		List<Pending> admitted = new ArrayList<>();
		for (Pending next = head(); this.accepted && next != null && hasRoomFor(next); next = head()) {
			(this.singles.isEmpty() ? this.batches : this.singles).remove();
			next.sent = true;
			this.unanswered.put(next.id, next);
			this.unansweredBytes += next.line.length;
			admitted.add(next);
		}
		return admitted;
	}

	private @Nullable Pending head() {
		for (Queue<Pending> queue : List.of(this.singles, this.batches)) {
			Pending next = queue.peek();
			while (next != null && next.reply.isDone()) {
				queue.remove();
				next = queue.peek();
			}
			if (next != null) {
				return next;
			}
		}
		return null;
	}

	private boolean hasRoomFor(Pending next) {
		return this.unanswered.size() < QmpClient.MAX_UNANSWERED
				&& this.unansweredBytes + next.line.length <= QmpClient.MAX_UNANSWERED_BYTES;
	}

	// A command that cannot be written does not fail: what QEMU said before it left is
	// still to be read, and the end of the stream ends the commands.
	private void write(List<Pending> commands) {
		SocketChannel socket = this.channel;
		if (socket == null || commands.isEmpty()) {
			return;
		}
		ByteBuffer bytes = ByteBuffer.allocate(commands.stream().mapToInt((pending) -> pending.line.length).sum());
		commands.forEach((pending) -> bytes.put(pending.line));
		bytes.flip();
		// What may be unanswered fits into the socket's buffer, so writing does not
		// block. Should it, the other callers must not wait without end.
		Deadline blocked = new Deadline(this.timeout.multipliedBy(2),
				() -> this.lost.accept("QEMU takes no more bytes"));
		// A channel closes when an interrupted thread uses it, which would end the
		// connection for all callers.
		boolean interrupted = Thread.interrupted();
		try {
			while (bytes.hasRemaining()) {
				socket.write(bytes);
			}
		}
		catch (IOException ex) {
			logger.log(Level.DEBUG, () -> this.address + ": cannot write", ex);
		}
		finally {
			blocked.cancel();
			if (interrupted) {
				Thread.currentThread().interrupt();
			}
		}
	}

	/**
	 * Checks a command that is to be sent later.
	 * @throws IllegalArgumentException if it cannot be
	 */
	static void requireSendable(QmpCommand command) {
		encode(command, Long.MAX_VALUE);
	}

	private static byte[] encode(QmpCommand command, long id) {
		byte[] line = QmpMessage.encode(command, id);
		if (line.length > QmpClient.MAX_UNANSWERED_BYTES) {
			throw new IllegalArgumentException(command.name() + " with its arguments has " + line.length
					+ " bytes, but a command has at most " + QmpClient.MAX_UNANSWERED_BYTES);
		}
		return line;
	}

	private void overdue(Pending pending, Duration limit) {
		if (pending.reply.isDone()) {
			return;
		}
		String name = pending.command.name();
		String time = MonitorSocket.seconds(limit);
		pending.fail(pending.sent
				? new QmpTimeoutException(this.address + ": QEMU did not answer " + name + " within " + time
						+ ", and may still carry it out. It is stopped or overloaded", true)
				: new QmpTimeoutException(this.address + ": " + name + " was not sent within " + time
						+ ", because QEMU has not answered enough of what was sent before. It is stopped or overloaded",
						false));
	}

	/**
	 * Completes the command that a reply belongs to.
	 */
	void answered(QmpMessage message) throws ProtocolViolation {
		Long id = message.id();
		if (id == null && message.kind() == Kind.ERROR) {
			throw new ProtocolViolation("QEMU did not understand a command: " + message.errorDescription());
		}
		Pending pending = (id != null && message.kind() != Kind.GREETING) ? remove(id) : null;
		if (pending == null) {
			this.unmatchedReplies++;
		}
		else if (message.kind() == Kind.RETURN) {
			pending.succeed(message.content());
		}
		else {
			pending.fail(new QmpCommandException(pending.command, message.errorClass(), message.errorDescription()));
		}
	}

	private synchronized @Nullable Pending remove(long id) {
		boolean first = !this.unanswered.isEmpty() && this.unanswered.keySet().iterator().next() == id;
		Pending pending = this.unanswered.remove(id);
		if (pending != null) {
			this.unansweredBytes -= pending.line.length;
			this.lostReply = !this.unanswered.isEmpty() && (this.lostReply || !first);
		}
		return pending;
	}

	void unmatched() {
		this.unmatchedReplies++;
	}

	/**
	 * How many replies came that belong to no command. Exact on the connection's thread,
	 * and for a caller whose command was answered after them.
	 */
	long unmatchedReplies() {
		return this.unmatchedReplies;
	}

	synchronized int unanswered() {
		return this.unanswered.size();
	}

	synchronized boolean hasLostReply() {
		return this.lostReply;
	}

	/**
	 * Fails every command. From now on there is a refusal.
	 */
	void end(QmpException reason) {
		List<Pending> all = new ArrayList<>();
		boolean sent;
		synchronized (this) {
			sent = this.accepted;
			all.addAll(this.unanswered.values());
			all.addAll(this.singles);
			all.addAll(this.batches);
			this.unanswered.clear();
			this.singles.clear();
			this.batches.clear();
		}
		all.forEach((pending) -> pending.fail(sent ? new QmpInterruptedException(pending.command, reason)
				: new QmpNotSentException(pending.command.name() + " was not sent. " + reason.getMessage(), reason)));
	}

	/**
	 * A command from its call to its reply.
	 */
	private static final class Pending {

		private final long id;

		private final QmpCommand command;

		private final byte[] line;

		private final CompletableFuture<JsonNode> reply = new CompletableFuture<>();

		private volatile boolean sent;

		Pending(long id, QmpCommand command) {
			this.id = id;
			this.command = command;
			this.line = encode(command, id);
		}

		void succeed(JsonNode content) {
			this.reply.complete(content);
		}

		void fail(QmpException failure) {
			this.reply.completeExceptionally(failure);
		}

	}

}
