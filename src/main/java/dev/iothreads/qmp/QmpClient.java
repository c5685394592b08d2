package dev.iothreads.qmp;

import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Supplier;

import dev.iothreads.qmp.QmpConnectException.Reason;
import dev.iothreads.qmp.QmpMessage.Kind;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * One connection to one monitor, from connecting to its end.
 * <p>
 * A connection has one thread, named {@code qmp-} and the address: it connects, awaits
 * the greeting, negotiates, reads, and calls the listeners. Commands are written by the
 * thread that asks for them, those of {@link #executeAll} also by the connection's.
 * Futures are completed by the connection's thread, by the JDK's timer when time is up,
 * or by whoever calls {@link #close()}: <strong>continuations and listeners must not
 * block</strong>, and must not wait for another reply of this client; use the
 * {@code …Async} methods of the future where that is needed.
 * <p>
 * At most {@value #MAX_UNANSWERED} commands and {@value #MAX_UNANSWERED_BYTES} bytes of
 * them wait for replies at a time, as many as fit into the buffer of a socket: so sending
 * never blocks, even on a QEMU that is stopped.
 * <p>
 * All methods may be called from any thread. There is no reconnecting: a client that is
 * {@link QmpState#CLOSED} stays so.
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

	private static final long NEGOTIATION_ID = 0;

	private static final int FILLS_IN_A_ROW = 16;

	private static final Duration RETRY_PAUSE = Duration.ofMillis(20);

	private static final Logger logger = System.getLogger(QmpClient.class.getName());

	private final MonitorAddress address;

	private final QmpOptions options;

	private final List<Consumer<QmpEvent>> listeners = new CopyOnWriteArrayList<>();

	private final CompletableFuture<QmpGreeting> ready = new CompletableFuture<>();

	private final CompletableFuture<QmpException> closed = new CompletableFuture<>();

	private final AtomicLong nextId = new AtomicLong(NEGOTIATION_ID + 1);

	private final AtomicLong unmatchedReplies = new AtomicLong();

	private final CommandWindow window = new CommandWindow();

	/**
	 * Held while writing, so that the commands of one caller go out in their order.
	 */
	private final ReentrantLock writeLock = new ReentrantLock();

	/**
	 * Held while going from one state to the next. Nothing that blocks, and nobody else's
	 * code, runs under it.
	 */
	private final ReentrantLock stateLock = new ReentrantLock();

	private volatile QmpState state = QmpState.CONNECTING;

	private volatile @Nullable QmpException reason;

	private volatile @Nullable SocketChannel channel;

	private volatile @Nullable Deadline phaseDeadline;

	private volatile @Nullable QmpGreeting greeting;

	private volatile @Nullable Thread thread;

	private QmpClient(MonitorAddress address, QmpOptions options) {
		this.address = address;
		this.options = options;
	}

	/**
	 * Begins to connect, and returns at once; {@link #ready()} tells how it went.
	 * @param address where the monitor listens
	 * @param options deadlines, limits, and the source of the thread
	 * @param listener sees every event of this connection, from the very first, in the
	 * order QEMU sent them; see {@link #addListener}
	 * @return the client, to be closed by the caller
	 */
	public static QmpClient open(MonitorAddress address, QmpOptions options, Consumer<QmpEvent> listener) {
		QmpClient client = new QmpClient(address, options);
		client.addListener(listener);
		client.start();
		return client;
	}

	/**
	 * Connects, and waits until the client is {@link QmpState#READY}.
	 * @param address where the monitor listens
	 * @param options deadlines, limits, and the source of the thread
	 * @return the client, to be closed by the caller
	 * @throws QmpConnectException if there is no connection, or the waiting thread is
	 * interrupted
	 * @throws QmpGreetingException if no QMP monitor greets
	 * @throws QmpNegotiationException if it greets and goes no further
	 */
	public static QmpClient connect(MonitorAddress address, QmpOptions options) {
		QmpClient client = new QmpClient(address, options);
		client.start();
		try {
			client.ready.get();
			return client;
		}
		catch (ExecutionException ex) {
			if (ex.getCause() instanceof QmpException reason) {
				throw reason;
			}
			throw new IllegalStateException(ex);
		}
		catch (InterruptedException ex) {
			client.close();
			Thread.currentThread().interrupt();
			throw new QmpConnectException(Reason.OTHER, address + ": interrupted while connecting", ex);
		}
	}

	private void start() {
		try {
			Thread reader = this.options.threadFactory().newThread(this::run);
			reader.setName("qmp-" + this.address);
			this.thread = reader;
			reader.start();
		}
		catch (RuntimeException | OutOfMemoryError ex) {
			end(new QmpConnectException(Reason.OTHER, this.address + ": there is no thread to be had for it", ex));
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
		return execute(command, this.options.commandTimeout());
	}

	@Override
	public CompletableFuture<JsonNode> execute(QmpCommand command, Duration timeout) {
		PendingCommand pending = pending(command, timeout);
		this.writeLock.lock();
		try {
			QmpException refusal = admit(pending);
			if (refusal == null) {
				send(List.of(pending));
			}
			else {
				pending.fail(refusal);
			}
		}
		finally {
			this.writeLock.unlock();
		}
		return pending.reply();
	}

	@Override
	public List<CompletableFuture<JsonNode>> executeAll(List<QmpCommand> commands) {
		List<PendingCommand> batch = commands.stream()
			.map((command) -> pending(command, this.options.commandTimeout()))
			.toList();
		if (!batch.isEmpty()) {
			QmpState current = this.state;
			if (current == QmpState.READY && this.window.enqueue(batch)) {
				sendWaiting();
			}
			else {
				QmpException refusal = refusal(current);
				batch.forEach((pending) -> pending.fail(refusal));
			}
		}
		return batch.stream().map(PendingCommand::reply).toList();
	}

	private PendingCommand pending(QmpCommand command, Duration timeout) {
		PendingCommand pending = new PendingCommand(this.nextId.getAndIncrement(), command, timeout);
		if (pending.line().length > MAX_UNANSWERED_BYTES) {
			throw new IllegalArgumentException(command.name() + " with its arguments has " + pending.line().length
					+ " bytes, but a command has at most " + MAX_UNANSWERED_BYTES);
		}
		return pending;
	}

	@Override
	public void addListener(Consumer<QmpEvent> listener) {
		this.listeners.add(listener);
	}

	/**
	 * Removes a listener; an event that is being delivered may still reach it.
	 * @param listener the listener, ignored if it is not there
	 */
	public void removeListener(Consumer<QmpEvent> listener) {
		this.listeners.remove(listener);
	}

	@Override
	public CompletableFuture<QmpException> closed() {
		return this.closed.copy();
	}

	@Override
	public int unanswered() {
		return this.window.size();
	}

	@Override
	public boolean hasLostReply() {
		return this.window.hasLostReply();
	}

	/**
	 * How many replies came that belong to no command of this client. They are ignored.
	 * @return 0, unless the monitor is not what it should be
	 */
	public long unmatchedReplies() {
		return this.unmatchedReplies.get();
	}

	@Override
	public void close() {
		end(new QmpClosedException(true, this.address + ": this side closed the connection", null));
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
			reason = violated(ex);
		}
		catch (OutOfMemoryError ex) {
			reason = new QmpProtocolException(
					this.address + ": there is not enough memory for what QEMU sent. Give the service more", ex);
		}
		catch (Throwable ex) {
			reason = new QmpProtocolException(this.address + ": the connection was closed because of " + ex, ex);
		}
		end(reason);
	}

	private QmpException converse() throws IOException, ProtocolViolation {
		SocketChannel connected = connect();
		MemoryBudget.Account lineMemory = MemoryBudget.SHARED.open();
		MemoryBudget.Account replyMemory = MemoryBudget.SHARED.open();
		try {
			return converse(new LineReader(connected, this.options.maxLineBytes(), lineMemory), replyMemory);
		}
		finally {
			lineMemory.close();
			replyMemory.close();
		}
	}

	private QmpException converse(LineReader lines, MemoryBudget.Account replies)
			throws IOException, ProtocolViolation {
		enter(QmpState.GREETING, this.options.greetingTimeout(), this::notGreeted);
		int fills = 0;
		do {
			while (lines.next()) {
				receive(lines, replies);
				if (this.state == QmpState.CLOSED) {
					return lost("this side closed the connection", null);
				}
			}
			if (this.window.isAnyWaiting()) {
				sendWaiting();
			}
			makeWay(++fills);
		}
		while (lines.fill());
		return lost((lines.unfinished(1).length == 0) ? "QEMU closed the connection"
				: "QEMU closed the connection in the middle of a message", null);
	}

	// A virtual thread that never waits for bytes never makes way either: as many floods
	// as there are processors would keep all the others waiting. One that yields goes to
	// the end of its processor's own queue while there is another in it, and what comes
	// from elsewhere is not run before that queue is empty (source: VirtualThread and
	// ForkJoinPool of JDK 25): so, now and then, it waits.
	private static void makeWay(int fills) {
		if (fills % FILLS_IN_A_ROW == 0) {
			LockSupport.parkNanos(1);
		}
		else {
			Thread.yield();
		}
	}

	// Whoever has asked keeps the replies until the last of them has come.
	private void receive(LineReader lines, MemoryBudget.Account replies) throws IOException, ProtocolViolation {
		long size = QmpMessage.treeSize(lines.bytes(), lines.lineOffset(), lines.lineLength());
		replies.take(size);
		QmpMessage message = QmpMessage.of(lines.bytes(), lines.lineOffset(), lines.lineLength());
		receive(message);
		if (this.window.size() == 0) {
			replies.close();
		}
		else if (message.kind() == Kind.EVENT) {
			replies.giveBack(size);
		}
	}

	private SocketChannel connect() throws IOException {
		enter(QmpState.CONNECTING, this.options.connectTimeout(),
				() -> MonitorSocket.timedOut(this.address, this.options.connectTimeout()));
		SocketAddress target = MonitorSocket.resolve(this.address);
		while (true) {
			SocketChannel socket = MonitorSocket.open(target);
			try {
				adopt(socket);
				socket.connect(target);
				return socket;
			}
			catch (IOException | RuntimeException ex) {
				socket.close();
				if (this.state == QmpState.CLOSED || ex instanceof ClosedByInterruptException
						|| !(ex instanceof IOException failure)) {
					throw ex;
				}
				if (!MonitorSocket.isBacklogFull(failure)) {
					throw MonitorSocket.failed(this.address, failure);
				}
			}
			LockSupport.parkNanos(RETRY_PAUSE.toNanos());
		}
	}

	private void adopt(SocketChannel socket) throws IOException {
		this.channel = socket;
		// Whoever closes the client sees the channel, or is seen here.
		if (this.state == QmpState.CLOSED) {
			socket.close();
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
		Deadline before = this.phaseDeadline;
		if (before != null) {
			before.cancel();
		}
		this.phaseDeadline = (limit != null) ? new Deadline(limit, () -> end(tooLate.get(), phase)) : null;
	}

	private void receive(QmpMessage message) throws IOException, ProtocolViolation {
		if (message.kind() == Kind.EVENT) {
			deliver(message.event());
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

	private void greeted(QmpMessage message) throws IOException, ProtocolViolation {
		if (message.kind() != Kind.GREETING) {
			throw new ProtocolViolation("A reply came before any greeting", null);
		}
		this.greeting = message.greeting();
		enter(QmpState.NEGOTIATING, this.options.commandTimeout(), this::notNegotiated);
		write(ByteBuffer.wrap(QmpMessage.encode(QmpCommand.of("qmp_capabilities"), NEGOTIATION_ID)));
	}

	private void negotiated(QmpMessage message) throws ProtocolViolation {
		if (message.kind() == Kind.ERROR) {
			throw new QmpNegotiationException(
					this.address + ": QEMU refused qmp_capabilities: " + message.errorDescription(), null);
		}
		Long id = message.id();
		QmpGreeting received = this.greeting;
		if (message.kind() != Kind.RETURN || id == null || id != NEGOTIATION_ID || received == null) {
			this.unmatchedReplies.incrementAndGet();
			return;
		}
		enter(QmpState.READY, null, this::notNegotiated);
		this.ready.complete(received);
	}

	private void answered(QmpMessage message) throws ProtocolViolation {
		Long id = message.id();
		if (id == null && message.kind() == Kind.ERROR) {
			throw new ProtocolViolation("QEMU did not understand a command: " + message.errorDescription(), null);
		}
		PendingCommand pending = (id != null && message.kind() != Kind.GREETING) ? this.window.find(id) : null;
		if (pending == null) {
			this.unmatchedReplies.incrementAndGet();
			return;
		}
		// Until it has been read it stays pending: should that fail, it fails with the
		// connection.
		Runnable outcome = outcome(pending, message);
		this.window.remove(pending);
		outcome.run();
	}

	private static Runnable outcome(PendingCommand pending, QmpMessage message) {
		if (pending.isAbandoned()) {
			return () -> {
			};
		}
		if (message.kind() == Kind.RETURN) {
			JsonNode content = message.content();
			return () -> pending.succeed(content);
		}
		QmpException refusal = new QmpCommandException(pending.command(), message.errorClass(),
				message.errorDescription());
		return () -> pending.fail(refusal);
	}

	private void deliver(QmpEvent event) {
		for (Consumer<QmpEvent> listener : this.listeners) {
			try {
				listener.accept(event);
			}
			catch (Exception ex) {
				logger.log(Level.WARNING, () -> this.address + ": a listener failed on " + event.name(), ex);
			}
		}
	}

	private @Nullable QmpException admit(PendingCommand pending) {
		QmpState current = this.state;
		if (current != QmpState.READY) {
			return refusal(current);
		}
		return switch (this.window.admit(pending)) {
			case ADMITTED -> null;
			case FULL -> new QmpBusyException(this.address + ": " + pending.name() + " was not sent, because "
					+ this.window + " wait for replies already. QEMU is stopped or overloaded");
			case CLOSED -> refusal(QmpState.CLOSED);
		};
	}

	private QmpException refusal(QmpState current) {
		QmpException ended = this.reason;
		if (ended != null) {
			return new QmpStateException(QmpState.CLOSED, "The connection has ended. " + ended.getMessage(), ended);
		}
		return new QmpStateException(current,
				this.address + ": the monitor takes no commands yet, the connection is " + current, null);
	}

	/**
	 * Sends as much of the batches as may be unanswered.
	 */
	private void sendWaiting() {
		this.writeLock.lock();
		try {
			send(this.window.admitWaiting());
			for (PendingCommand head : this.window.heads()) {
				head.startWaiting(() -> giveUp(head));
			}
		}
		finally {
			this.writeLock.unlock();
		}
	}

	/**
	 * Writes commands that have been admitted. A failure to write is none of the
	 * commands': what QEMU said before it left is still to be read, and the end of the
	 * stream will end them.
	 */
	private void send(List<PendingCommand> commands) {
		int length = 0;
		for (PendingCommand pending : commands) {
			pending.startDeadline(() -> overdue(pending));
			length += pending.line().length;
		}
		ByteBuffer bytes = ByteBuffer.allocate(length);
		for (PendingCommand pending : commands) {
			bytes.put(pending.line());
		}
		try {
			write(bytes.flip());
		}
		catch (IOException ex) {
			logger.log(Level.DEBUG, () -> this.address + ": cannot write", ex);
			return;
		}
		commands.forEach(PendingCommand::markWritten);
	}

	private void write(ByteBuffer bytes) throws IOException {
		SocketChannel socket = Objects.requireNonNull(this.channel);
		// A channel closes when an interrupted thread uses it, which would end the
		// connection of everybody else too.
		boolean interrupted = Thread.interrupted();
		try {
			while (bytes.hasRemaining()) {
				socket.write(bytes);
			}
		}
		finally {
			if (interrupted) {
				Thread.currentThread().interrupt();
			}
		}
	}

	private void overdue(PendingCommand pending) {
		pending.fail(new QmpTimeoutException(
				this.address + ": QEMU did not answer " + pending.name() + " within "
						+ MonitorSocket.seconds(pending.timeout())
						+ ", and may still carry it out. It is stopped or overloaded",
				pending.command(), pending.timeout(), true));
		if (!pending.isWritten()) {
			new Deadline(this.options.commandTimeout(), () -> endIfUnwritten(pending));
		}
	}

	/**
	 * Frees whoever is held up by writing, which should not happen.
	 */
	private void endIfUnwritten(PendingCommand pending) {
		if (!pending.isWritten()) {
			end(lost("QEMU takes no more bytes", null));
		}
	}

	private void giveUp(PendingCommand head) {
		for (PendingCommand pending : this.window.takeBack(head)) {
			pending.fail(new QmpTimeoutException(this.address + ": " + pending.name()
					+ " was not sent, because QEMU has not answered enough of what was sent before for "
					+ MonitorSocket.seconds(pending.timeout()), pending.command(), pending.timeout(), false));
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
			try {
				socket.close();
			}
			catch (IOException ex) {
				logger.log(Level.DEBUG, () -> this.address + ": cannot close", ex);
			}
		}
		LockSupport.unpark(this.thread);
		Deadline deadline = this.phaseDeadline;
		if (deadline != null) {
			deadline.cancel();
		}
		for (PendingCommand pending : this.window.close()) {
			pending.fail(new QmpInterruptedException(pending.command(), why));
		}
		this.ready.completeExceptionally(why);
		this.closed.complete(why);
	}

	private QmpException notGreeted() {
		Duration timeout = this.options.greetingTimeout();
		return new QmpGreetingException(QmpGreetingException.Reason.NOT_GREETED, this.address
				+ ": connected, but not greeted within "
				+ ((timeout != null) ? MonitorSocket.seconds(timeout) : "the time given")
				+ ". Another client holds this monitor, and QEMU serves one at a time: give the service a -qmp of "
				+ "its own. Or QEMU is stopped", null);
	}

	private QmpException notNegotiated() {
		return new QmpNegotiationException(this.address + ": QEMU did not answer qmp_capabilities within "
				+ MonitorSocket.seconds(this.options.commandTimeout()) + ". It is stopped or overloaded", null);
	}

	/**
	 * Names the end of the stream after the phase it comes in.
	 */
	private QmpException lost(String how, @Nullable IOException cause) {
		String message = this.address + ": " + how;
		return switch (this.state) {
			case CONNECTING -> new QmpConnectException(Reason.OTHER, message, cause);
			case GREETING -> new QmpGreetingException(QmpGreetingException.Reason.HUNG_UP,
					message + " before any greeting. It is ending", cause);
			case NEGOTIATING ->
				new QmpNegotiationException(message + " instead of answering qmp_capabilities. It is ending", cause);
			case READY, CLOSED -> new QmpClosedException(false, message, cause);
		};
	}

	private QmpException violated(ProtocolViolation violation) {
		String message = this.address + ": " + violation.getMessage();
		return switch (this.state) {
			case CONNECTING,
					GREETING ->
				new QmpGreetingException(QmpGreetingException.Reason.NOT_QMP, message
						+ ". Whoever listens there is no QMP monitor: name the socket of QEMU's -qmp option, not "
						+ "that of -monitor", violation);
			case NEGOTIATING -> new QmpNegotiationException(message, violation);
			case READY, CLOSED -> new QmpProtocolException(message, violation);
		};
	}

}
