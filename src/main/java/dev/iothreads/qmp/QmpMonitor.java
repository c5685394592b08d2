package dev.iothreads.qmp;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

import tools.jackson.databind.JsonNode;

/**
 * A way to one QEMU's monitor, however its commands get there. All methods may be called
 * from any thread, and none of them blocks.
 * <p>
 * Futures are completed and listeners called on threads of the monitor:
 * <strong>continuations and listeners must not block</strong>, and must not wait for
 * another reply of this monitor; use the {@code …Async} methods of the future where that
 * is needed.
 */
public interface QmpMonitor extends AutoCloseable {

	/**
	 * What QEMU says of itself, once commands are accepted.
	 * @return a new future; it fails with the {@link QmpException} that ended the
	 * monitor, if that comes first
	 */
	CompletableFuture<QmpGreeting> ready();

	/**
	 * How far the monitor has come.
	 * @return the state at this moment
	 */
	QmpState state();

	/**
	 * Sends a command.
	 * @param command the command
	 * @return the {@code return} member of the reply, an empty object for most commands
	 * that change something. It fails with a {@link QmpCommandException} if QEMU refuses,
	 * a {@link QmpTimeoutException} if it does not answer in time, a
	 * {@link QmpInterruptedException} if the monitor ends first, a
	 * {@link QmpNotSentException} if the monitor is not ready. Cancelling it does not
	 * recall a command that was sent
	 * @throws IllegalArgumentException if the command cannot be written as JSON that QEMU
	 * accepts, or is too long
	 */
	CompletableFuture<JsonNode> execute(QmpCommand command);

	/**
	 * Sends a command that has a deadline of its own.
	 * @param command the command
	 * @param timeout how long QEMU may take to answer it
	 * @return as {@link #execute(QmpCommand)}
	 * @throws IllegalArgumentException as {@link #execute(QmpCommand)} says
	 */
	CompletableFuture<JsonNode> execute(QmpCommand command, Duration timeout);

	/**
	 * Sends commands one after the other, where possible without waiting for replies in
	 * between. QEMU carries them out in this order.
	 * @param commands the commands, any number of them
	 * @return one future for each command, in their order, which fails as
	 * {@link #execute(QmpCommand)} says
	 * @throws IllegalArgumentException as {@link #execute(QmpCommand)} says; nothing is
	 * sent then
	 */
	List<CompletableFuture<JsonNode>> executeAll(List<QmpCommand> commands);

	/**
	 * Adds a listener for events to come, which gets them in the order QEMU sent them. An
	 * {@link Exception} it throws is logged; an {@link Error} ends the monitor.
	 * @param listener must not block
	 */
	void addListener(Consumer<QmpEvent> listener);

	/**
	 * Whether no event is missed from {@link #ready()} on.
	 * @return {@code false} where there are gaps: the monitor is visited
	 */
	default boolean hasAllEvents() {
		return true;
	}

	/**
	 * How many commands were sent and are not answered, timed-out and cancelled ones
	 * included.
	 * @return 0 when QEMU has answered everything
	 */
	int unanswered();

	/**
	 * Whether a command is unanswered though a later one is answered. QEMU answers in
	 * order: the reply is lost.
	 * @return {@code false}, unless something between service and QEMU loses messages
	 */
	boolean hasLostReply();

	/**
	 * The end of the monitor.
	 * @return a new future, completed with the reason when the monitor has ended. It
	 * never fails: before {@link #ready()} the reason is what that failed with, after it
	 * a {@link QmpClosedException} or a {@link QmpProtocolException}. Every pending
	 * command has failed by then
	 */
	CompletableFuture<QmpException> closed();

	/**
	 * Ends it: pending commands fail with a {@link QmpInterruptedException}, and no
	 * further event is delivered. QEMU goes on. Does nothing on a monitor that is closed.
	 */
	@Override
	void close();

}
