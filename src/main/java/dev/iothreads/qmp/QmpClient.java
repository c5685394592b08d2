package dev.iothreads.qmp;

import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;

import dev.iothreads.qmp.QmpConnectException.Reason;
import dev.iothreads.qmp.QmpMessage.Kind;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * One connection to a monitor's socket, from connecting to its end.
 * <p>
 * A connection has one thread, named {@code qmp-} and the address: it connects, awaits
 * the greeting, negotiates, reads, and calls the listeners. Commands are written by the
 * thread that asks for them, those of {@link #executeAll} also by the connection's.
 * Futures are completed by the connection's thread, by the JDK's timer when time is up,
 * or by the caller of {@link #close()}.
 * <p>
 * At most {@value #MAX_UNANSWERED} commands and {@value #MAX_UNANSWERED_BYTES} bytes of
 * them wait for replies at a time, as many as fit into the buffer of a socket: so sending
 * never blocks, even on a QEMU that is stopped. What comes beyond waits to be sent, the
 * commands of {@link #executeAll} behind those of {@link #execute(QmpCommand)}.
 * <p>
 * There is no reconnecting: a client that is {@link QmpState#CLOSED} stays so.
 */
public final class QmpClient implements QmpMonitor {

	/**
	 * How many commands may be unanswered, timed-out ones included.
	 */
	public static final int MAX_UNANSWERED = 64;

	/**
	 * How many bytes of commands may be unanswered; also the length of the longest
	 * command.
	 */
	public static final int MAX_UNANSWERED_BYTES = 256 * 1024;

	private static final int FILLS_IN_A_ROW = 16;

	private static final Logger logger = System.getLogger(QmpClient.class.getName());

	private final MonitorAddress address;

	private final QmpOptions options;

	private final PhaseFailures failures;

	private final CommandQueue commands;

	private final QmpListeners listeners;

	private final CompletableFuture<QmpGreeting> ready = new CompletableFuture<>();

	private final CompletableFuture<QmpException> closed = new CompletableFuture<>();

	// Held while going from one state to the next, and not while anything blocks or a
	// listener runs.
	private final ReentrantLock stateLock = new ReentrantLock();

	private volatile QmpState state = QmpState.CONNECTING;

	private volatile @Nullable QmpException reason;

	private volatile @Nullable SocketChannel channel;

	private volatile @Nullable Deadline phaseDeadline;

	private volatile @Nullable Deadline visitDeadline;

	private volatile @Nullable QmpGreeting greeting;

	private volatile @Nullable Thread thread;

	// Of the replies since all commands were answered. The connection's thread's.
	private long tokens;

	private QmpClient(MonitorAddress address, QmpOptions options) {
		this.address = address;
		this.options = options;
		this.failures = new PhaseFailures(address, options);
		this.listeners = new QmpListeners(address.toString());
		this.commands = new CommandQueue(address, options.commandTimeout(), this::refusal,
				(how) -> end(lost(how, null)));
	}

	/**
	 * Begins to connect, and returns at once; see {@link #ready()}.
	 * @param address where the monitor listens
	 * @param options deadlines, limits, and the source of the thread
	 * @param listener gets every event of this connection; see {@link #addListener}
	 * @return the client, to be closed by the caller
	 */
	public static QmpClient open(MonitorAddress address, QmpOptions options, Consumer<QmpEvent> listener) {
		QmpClient client = new QmpClient(address, options);
		client.addListener(listener);
		client.start();
		return client;
	}

	/**
	 * Asks a monitor that other clients need, too, and leaves: commands that are asked
	 * for before the monitor greets go out with {@code qmp_capabilities} in one write.
	 * The connection ends when the conversation does, at the latest after
	 * {@link QmpOptions#visitLimit()}; no reply that comes later is waited for.
	 * @param <T> what the conversation finds out
	 * @param address where the monitor listens
	 * @param options those of {@link QmpOptions#forVisit()}
	 * @param conversation asks its first commands at once, without waiting for
	 * {@link QmpMonitor#ready()}
	 * @return what the conversation found out; it fails with what the conversation failed
	 * with. Where nothing was sent, that is a {@link QmpNotSentException} with the reason
	 * as its cause
	 */
	public static <T> CompletableFuture<T> visit(MonitorAddress address, QmpOptions options,
			Function<QmpMonitor, CompletableFuture<T>> conversation) {
		QmpClient client = new QmpClient(address, options);
		client.start();
		return conversation.apply(client).whenComplete((result, failure) -> client.close());
	}

	private void start() {
		Duration limit = this.options.visitLimit();
		if (limit != null) {
			this.visitDeadline = new Deadline(limit, () -> end(
					lost("QEMU did not answer within the " + MonitorSocket.seconds(limit) + " of a visit", null)));
		}
		try {
			Thread reader = this.options.threadFactory().newThread(this::run);
			reader.setName("qmp-" + this.address);
			this.thread = reader;
			reader.start();
		}
		catch (RuntimeException | OutOfMemoryError ex) {
			end(new QmpConnectException(Reason.NOT_CONNECTED, this.address + ": the system gives no thread for it",
					ex));
		}
	}

	@Override
	public CompletableFuture<QmpGreeting> ready() {
		return this.ready.copy();
	}

	@Override
	public QmpState state() {
		return this.state;
	}

	@Override
	public CompletableFuture<JsonNode> execute(QmpCommand command) {
		return this.commands.execute(command, this.options.commandTimeout());
	}

	@Override
	public CompletableFuture<JsonNode> execute(QmpCommand command, Duration timeout) {
		return this.commands.execute(command, timeout);
	}

	@Override
	public List<CompletableFuture<JsonNode>> executeAll(List<QmpCommand> batch) {
		return this.commands.executeAll(batch);
	}

	// Why no command is taken.
	private @Nullable QmpException refusal() {
		QmpException ended = this.reason;
		if (ended != null) {
			return new QmpNotSentException("The connection has ended. " + ended.getMessage(), ended);
		}
		QmpState current = this.state;
		return (current == QmpState.READY || this.options.visitLimit() != null) ? null : new QmpNotSentException(
				this.address + ": the monitor takes no commands yet, the connection is " + current, null);
	}

	@Override
	public void addListener(Consumer<QmpEvent> listener) {
		this.listeners.add(listener);
	}

	@Override
	public CompletableFuture<QmpException> closed() {
		return this.closed.copy();
	}

	@Override
	public int unanswered() {
		return this.commands.unanswered();
	}

	@Override
	public boolean hasLostReply() {
		return this.commands.hasLostReply();
	}

	/**
	 * How many replies came that belong to no command of this client. They are ignored.
	 */
	long unmatchedReplies() {
		return this.commands.unmatchedReplies();
	}

	@Override
	public void close() {
		end(new QmpClosedException(this.address + ": this side closed the connection", null));
	}

	@Override
	public String toString() {
		return "QmpClient[" + this.address + ", " + this.state + "]";
	}

	private void run() {
		QmpException reason;
		try {
			reason = converse();
		}
		catch (QmpException ex) {
			reason = ex;
		}
		catch (ClosedByInterruptException ex) {
			reason = lost("this side's thread was interrupted", ex);
		}
		catch (IOException ex) {
			reason = lost("the connection broke (" + ex.getMessage() + ")", ex);
		}
		catch (ProtocolViolation ex) {
			reason = this.failures.violated(this.state, ex);
		}
		catch (OutOfMemoryError ex) {
			reason = new QmpClosedException(
					this.address + ": there is not enough memory for what QEMU sent. Give the service more", ex);
		}
		catch (Throwable ex) {
			reason = new QmpClosedException(this.address + ": the connection was closed because of " + ex, ex);
		}
		end(reason);
	}

	private QmpException lost(String how, @Nullable Throwable cause) {
		return this.failures.lost(this.state, how, cause);
	}

	private QmpException converse() throws IOException, ProtocolViolation {
		enter(QmpState.CONNECTING, this.options.connectTimeout(),
				() -> MonitorSocket.timedOut(this.address, this.options.connectTimeout()));
		SocketChannel connected = MonitorSocket.connect(this.address, this::adopt);
		LargeMessageTurn turn = new LargeMessageTurn(() -> end(
				lost("QEMU began a message above " + MessageReader.LARGE / 1024 + " KiB and did not end it", null)));
		try {
			return converse(new MessageReader(connected, this.options.maxMessageBytes(), turn));
		}
		finally {
			turn.giveBack();
		}
	}

	private QmpException converse(MessageReader messages) throws IOException, ProtocolViolation {
		enter(QmpState.GREETING, this.options.greetingTimeout(), this.failures::notGreeted);
		int fills = 0;
		do {
			while (messages.next()) {
				receive(messages.message());
				if (this.state == QmpState.CLOSED) {
					return lost("this side closed the connection", null);
				}
			}
			if (this.state == QmpState.GREETING && this.phaseDeadline == null && messages.isWithinMessage()) {
				// What greets has no other client to wait for.
				enter(QmpState.GREETING, this.options.commandTimeout(), this.failures::notGreetedWholly);
			}
			this.commands.sendWaiting();
			yieldToOthers(++fills);
		}
		while (messages.fill());
		return lost(messages.isWithinMessage() ? "QEMU closed the connection in the middle of a message"
				: "QEMU closed the connection", null);
	}

	// A virtual thread that never waits for bytes never gives up its processor. As many
	// QEMUs that send without a pause as there are processors would stop all other
	// connections. Thread.yield() is not enough: the processor first empties its own
	// queue, and new tasks are not in it (source: VirtualThread and ForkJoinPool of JDK
	// 25). So the thread sleeps for a moment after some reads.
	private static void yieldToOthers(int fills) {
		if (fills % FILLS_IN_A_ROW == 0) {
			LockSupport.parkNanos(1);
		}
	}

	private void adopt(SocketChannel socket) {
		this.channel = socket;
		// A caller that closes the client sees the channel, or is seen here.
		if (this.state == QmpState.CLOSED) {
			close(socket);
		}
	}

	/**
	 * Goes on to a phase, and gives it its time.
	 */
	private void enter(QmpState phase, @Nullable Duration limit, Supplier<QmpException> tooLate) {
		this.stateLock.lock();
		try {
			if (this.state == QmpState.CLOSED) {
				return;
			}
			this.state = phase;
		}
		finally {
			this.stateLock.unlock();
		}
		cancel(this.phaseDeadline);
		this.phaseDeadline = (limit != null) ? new Deadline(limit, () -> end(tooLate.get(), phase)) : null;
	}

	private static void cancel(@Nullable Deadline deadline) {
		if (deadline != null) {
			deadline.cancel();
		}
	}

	private void receive(QmpMessage message) throws ProtocolViolation {
		if (message.kind() == Kind.EVENT) {
			this.listeners.accept(message.event());
			return;
		}
		switch (this.state) {
			case GREETING -> greeted(message);
			case NEGOTIATING -> negotiated(message);
			case READY -> answered(message);
			default -> {
			}
		}
	}

	private void greeted(QmpMessage message) throws ProtocolViolation {
		if (message.kind() != Kind.GREETING) {
			throw new ProtocolViolation("A reply came before any greeting");
		}
		QmpGreeting received = message.greeting();
		SocketChannel socket = Objects.requireNonNull(this.channel);
		if (this.options.visitLimit() != null) {
			enter(QmpState.READY, null, this.failures::notNegotiated);
			this.commands.negotiate(socket, true);
			this.ready.complete(received);
			return;
		}
		this.greeting = received;
		enter(QmpState.NEGOTIATING, this.options.commandTimeout(), this.failures::notNegotiated);
		this.commands.negotiate(socket, false);
	}

	private void negotiated(QmpMessage message) {
		if (message.kind() == Kind.ERROR) {
			throw this.failures.refused(message);
		}
		QmpGreeting received = this.greeting;
		if (message.kind() != Kind.RETURN || !CommandQueue.isOfNegotiation(message) || received == null) {
			this.commands.unmatched();
			return;
		}
		enter(QmpState.READY, null, this.failures::notNegotiated);
		this.commands.start();
		this.ready.complete(received);
	}

	// The caller of a batch keeps its replies until the last of them has come.
	private void answered(QmpMessage message) throws ProtocolViolation {
		if (CommandQueue.isOfNegotiation(message)) {
			if (message.kind() == Kind.ERROR) {
				throw this.failures.refused(message);
			}
			return;
		}
		this.tokens += message.tokens();
		if (this.tokens > QmpMessage.MAX_TOKENS) {
			throw QmpMessage.tooMuch();
		}
		this.commands.answered(message);
		if (this.commands.unanswered() == 0) {
			this.tokens = 0;
		}
	}

	private void end(QmpException why) {
		end(why, null);
	}

	/**
	 * Ends the connection, for the first reason given.
	 * @param phase the phase the reason holds for, {@code null} for any
	 */
	private void end(QmpException why, @Nullable QmpState phase) {
		this.stateLock.lock();
		try {
			if (this.state == QmpState.CLOSED || (phase != null && this.state != phase)) {
				return;
			}
			this.reason = why;
			this.state = QmpState.CLOSED;
		}
		finally {
			this.stateLock.unlock();
		}
		SocketChannel socket = this.channel;
		if (socket != null) {
			close(socket);
		}
		LockSupport.unpark(this.thread);
		cancel(this.phaseDeadline);
		cancel(this.visitDeadline);
		this.commands.end(why);
		this.ready.completeExceptionally(why);
		this.closed.complete(why);
	}

	private void close(SocketChannel socket) {
		try {
			socket.close();
		}
		catch (IOException ex) {
			logger.log(Level.DEBUG, () -> this.address + ": cannot close", ex);
		}
	}

}
