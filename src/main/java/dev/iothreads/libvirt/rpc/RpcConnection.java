package dev.iothreads.libvirt.rpc;

import java.io.EOFException;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

import dev.iothreads.libvirt.rpc.CallWindow.Pending;
import org.jspecify.annotations.Nullable;

/**
 * A connection to a libvirt daemon. All methods may be called from any thread, and none
 * of them waits for the daemon.
 * <p>
 * Futures are completed and the listener is called on the connection's own thread, or on
 * that of the deadlines: <strong>continuations must not block</strong>.
 */
public final class RpcConnection implements AutoCloseable {

	private static final int KEEPALIVE = 0x6b656570;

	private static final int PING = 1;

	private static final int PONG = 2;

	private static final int AUTH_NONE = 0;

	private static final int AUTH_POLKIT = 2;

	private static final int READ_ONLY = 1;

	private static final Duration LEAVE_LIMIT = Duration.ofSeconds(2);

	private static final String LEFT = "the service has closed the connection";

	private final RpcOptions options;

	private final SocketChannel channel;

	private final Consumer<RpcEvent> listener;

	private final CallWindow window = new CallWindow();

	private final Object writing = new Object();

	private final CompletableFuture<Void> ready = new CompletableFuture<>();

	private final CompletableFuture<RpcClosedException> closed = new CompletableFuture<>();

	private RpcState state = RpcState.CONNECTING;

	private boolean left;

	private volatile @Nullable RpcClosedException reason;

	private RpcConnection(RpcOptions options, SocketChannel channel, Consumer<RpcEvent> listener) {
		this.options = options;
		this.channel = channel;
		this.listener = listener;
	}

	/**
	 * Begins to connect.
	 * @param socket the daemon's socket
	 * @param options what to open, and how long to wait
	 * @param listener gets the events that are registered for; it must not block
	 * @return the connection, of which {@link #ready()} says when it takes calls
	 */
	public static RpcConnection open(Path socket, RpcOptions options, Consumer<RpcEvent> listener) {
		RpcConnection connection = new RpcConnection(options, newChannel(), listener);
		ScheduledFuture<?> overdue = options.scheduler()
			.schedule(
					() -> connection.end("libvirt did not open the connection within %d ms"
						.formatted(options.openTimeout().toMillis()), null),
					options.openTimeout().toNanos(), TimeUnit.NANOSECONDS);
		connection.ready.whenComplete((opened, failure) -> overdue.cancel(false));
		options.threadFactory().newThread(() -> connection.run(socket)).start();
		return connection;
	}

	private static SocketChannel newChannel() {
		try {
			return SocketChannel.open(StandardProtocolFamily.UNIX);
		}
		catch (IOException ex) {
			throw new IllegalStateException("No Unix socket can be made: is the limit of open files reached?", ex);
		}
	}

	/**
	 * When calls are taken.
	 * @return a new future. It fails with a {@link LibvirtErrorException} when libvirt
	 * refuses this user, and with a {@link RpcClosedException} when the connection ends
	 * first
	 */
	public CompletableFuture<Void> ready() {
		return this.ready.copy();
	}

	/**
	 * The end of the connection.
	 * @return a new future, completed with the reason. It never fails
	 */
	public CompletableFuture<RpcClosedException> closed() {
		return this.closed.copy();
	}

	/**
	 * How far the connection has come.
	 * @return the state at this moment
	 */
	public synchronized RpcState state() {
		return this.state;
	}

	/**
	 * Calls a procedure.
	 * @param call the call
	 * @return what libvirt answers. It fails with a {@link LibvirtErrorException}, a
	 * {@link RpcTimeoutException}, a {@link RpcClosedException}, or, unsent, with a
	 * {@link RpcBusyException}
	 */
	public CompletableFuture<XdrReader> call(RpcCall call) {
		return call(call, this.options.callTimeout());
	}

	/**
	 * Calls a procedure that has a deadline of its own.
	 * @param call the call
	 * @param timeout how long it may take, the time until it is sent included
	 * @return as {@link #call(RpcCall)}
	 */
	public CompletableFuture<XdrReader> call(RpcCall call, Duration timeout) {
		if (state() != RpcState.READY) {
			return CompletableFuture.failedFuture(ended());
		}
		return send(call, timeout);
	}

	private CompletableFuture<XdrReader> send(RpcCall call, Duration timeout) {
		Pending pending = new Pending(call);
		RpcBusyException busy = this.window.add(pending);
		if (busy != null) {
			return CompletableFuture.failedFuture(busy);
		}
		ScheduledFuture<?> deadline = this.options.scheduler()
			.schedule(() -> giveUp(pending, timeout), timeout.toNanos(), TimeUnit.NANOSECONDS);
		pending.answer().whenComplete((answer, failure) -> deadline.cancel(false));
		sendNext();
		if (state().compareTo(RpcState.READY) > 0) {
			failAll(ended());
		}
		return pending.answer();
	}

	private void giveUp(Pending pending, Duration timeout) {
		boolean isSent = this.window.giveUp(pending);
		pending.answer().completeExceptionally(new RpcTimeoutException(timeout, isSent));
	}

	// Each message is some hundred bytes and few are under way, so that they fit into the
	// socket's buffer: writing does not wait for the daemon.
	private void sendNext() {
		synchronized (this.writing) {
			if (state().compareTo(RpcState.READY) > 0) {
				return;
			}
			for (Pending pending : this.window.next()) {
				write(pending.frame());
			}
		}
	}

	private void write(RpcFrame frame) {
		synchronized (this.writing) {
			try {
				ByteBuffer bytes = frame.encode();
				while (bytes.hasRemaining()) {
					this.channel.write(bytes);
				}
			}
			catch (IOException ex) {
				end("the connection to libvirt broke: " + ex.getMessage(), ex);
			}
		}
	}

	private void run(Path socket) {
		try {
			this.channel.connect(UnixDomainSocketAddress.of(socket));
			enter(RpcState.AUTHENTICATING);
			authenticate();
			while (true) {
				receive(RpcFrame.read(this.channel));
			}
		}
		catch (EOFException ex) {
			end("libvirt has closed the connection", ex);
		}
		catch (IOException | XdrReader.MalformedException ex) {
			end(((state() == RpcState.CONNECTING) ? "%s cannot be connected to: %s" : "%s cannot be read: %s")
				.formatted(socket, (ex.getMessage() != null) ? ex.getMessage() : ex), ex);
		}
		catch (RuntimeException | Error ex) {
			end("the connection failed: " + ex, ex);
			throw ex;
		}
	}

	private void authenticate() {
		send(RpcCall.of(Procedure.AUTH_LIST, (none) -> {
		}), this.options.openTimeout()).thenCompose((answer) -> {
			List<Integer> ways = answer.array(XdrReader::number);
			if (ways.contains(AUTH_NONE)) {
				return CompletableFuture.completedFuture(answer);
			}
			if (!ways.contains(AUTH_POLKIT)) {
				throw new XdrReader.MalformedException(
						"libvirt wants SASL on this socket, which the service cannot do: set auth_unix_rw to none or polkit");
			}
			return send(RpcCall.of(Procedure.AUTH_POLKIT, (none) -> {
			}), this.options.openTimeout());
		}).thenCompose((authenticated) -> {
			enter(RpcState.OPENING);
			return send(RpcCall.of(Procedure.CONNECT_OPEN, (arguments) -> arguments.optionalString(this.options.uri())
				.number(this.options.readOnly() ? READ_ONLY : 0)), this.options.openTimeout());
		}).whenComplete((opened, failure) -> {
			if (failure == null) {
				enter(RpcState.READY);
				this.ready.complete(null);
			}
			else {
				Throwable cause = (failure.getCause() != null) ? failure.getCause() : failure;
				this.ready.completeExceptionally(cause);
				end(String.valueOf(cause.getMessage()), cause);
			}
		});
	}

	private void receive(RpcFrame frame) {
		if (frame.program() == KEEPALIVE) {
			if (frame.procedure() == PING) {
				write(new RpcFrame(KEEPALIVE, PONG, RpcFrame.MESSAGE, 0, RpcFrame.OK, ByteBuffer.allocate(0)));
			}
		}
		else if (frame.type() == RpcFrame.MESSAGE && state() != RpcState.LEAVING) {
			Procedure.of(frame.program(), frame.procedure())
				.ifPresent((event) -> this.listener.accept(new RpcEvent(event, new XdrReader(frame.body()))));
		}
		else if (frame.type() == RpcFrame.REPLY) {
			answer(frame);
		}
	}

	private void answer(RpcFrame frame) {
		Pending pending = this.window.answered(frame.serial());
		// What waits may go now, before what this answer leads to.
		sendNext();
		if (pending != null) {
			XdrReader body = new XdrReader(frame.body());
			if (frame.status() == RpcFrame.OK) {
				pending.answer().complete(body);
			}
			else {
				pending.answer().completeExceptionally(LibvirtErrorException.read(body));
			}
		}
		leave();
	}

	private synchronized void enter(RpcState next) {
		if (this.state != RpcState.CLOSED) {
			this.state = next;
		}
	}

	private void end(String message, @Nullable Throwable cause) {
		RpcClosedException ended;
		synchronized (this) {
			if (this.state == RpcState.CLOSED) {
				return;
			}
			ended = new RpcClosedException(this.state, (this.state == RpcState.LEAVING) ? LEFT : message, cause);
			this.reason = ended;
			this.state = RpcState.CLOSED;
		}
		try {
			this.channel.close();
		}
		catch (IOException ex) {
			ended.addSuppressed(ex);
		}
		failAll(ended);
		this.ready.completeExceptionally(ended);
		this.closed.complete(ended);
	}

	private void failAll(RpcException reason) {
		this.window.drain().forEach((pending) -> pending.answer().completeExceptionally(reason));
	}

	private RpcException ended() {
		RpcClosedException why = this.reason;
		return (why != null) ? why : new RpcClosedException(state(),
				(state() == RpcState.LEAVING) ? LEFT : "the connection to libvirt is not open yet", null);
	}

	/**
	 * Takes leave of the daemon: pending calls fail, and the connection ends when libvirt
	 * has answered those that it was sent, after 2 s at the latest. What libvirt is at
	 * goes on. It does not wait: {@link #closed()} does.
	 */
	@Override
	public void close() {
		synchronized (this) {
			if (this.state == RpcState.LEAVING) {
				return;
			}
			enter((this.state == RpcState.READY) ? RpcState.LEAVING : this.state);
		}
		if (state() != RpcState.LEAVING) {
			end(LEFT, null);
			return;
		}
		failAll(ended());
		this.options.scheduler().schedule(() -> end(LEFT, null), LEAVE_LIMIT.toNanos(), TimeUnit.NANOSECONDS);
		leave();
	}

	// libvirt 9.0 crashes when a connection ends while it answers a call on it: two of
	// its
	// threads then free the same callbacks. So it is libvirt that closes it.
	private void leave() {
		synchronized (this.writing) {
			if (state() == RpcState.LEAVING && this.window.isAnswered() && !this.left) {
				this.left = true;
				write(new RpcFrame(Procedure.REMOTE, Procedure.CONNECT_CLOSE.number(), RpcFrame.CALL, -1, RpcFrame.OK,
						ByteBuffer.allocate(0)));
			}
		}
	}

}
