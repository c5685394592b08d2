package dev.iothreads.qmp;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;

import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * A command on its way, from being asked for to its reply.
 */
final class PendingCommand {

	private final long id;

	private final QmpCommand command;

	private final byte[] line;

	private final Duration timeout;

	private final CompletableFuture<JsonNode> reply = new CompletableFuture<>();

	private volatile boolean written;

	private volatile @Nullable Deadline deadline;

	/**
	 * Writes a command as the line to be sent.
	 * @throws IllegalArgumentException if that cannot be done
	 */
	PendingCommand(long id, QmpCommand command, Duration timeout) {
		this.id = id;
		this.command = command;
		this.line = QmpMessage.encode(command, id);
		this.timeout = timeout;
	}

	long id() {
		return this.id;
	}

	String name() {
		return this.command.name();
	}

	QmpCommand command() {
		return this.command;
	}

	byte[] line() {
		return this.line;
	}

	Duration timeout() {
		return this.timeout;
	}

	CompletableFuture<JsonNode> reply() {
		return this.reply;
	}

	/**
	 * Whether nobody waits for the reply any more: it is overdue, or was cancelled.
	 */
	boolean isAbandoned() {
		return this.reply.isDone();
	}

	boolean isWritten() {
		return this.written;
	}

	void markWritten() {
		this.written = true;
	}

	/**
	 * Gives the command its time to be sent, unless it is running already.
	 */
	void startWaiting(Runnable tooLate) {
		if (this.deadline == null) {
			this.deadline = new Deadline(this.timeout, tooLate);
		}
	}

	/**
	 * Gives the command, about to be sent, its time to be answered.
	 */
	void startDeadline(Runnable tooLate) {
		cancelDeadline();
		this.deadline = new Deadline(this.timeout, tooLate);
	}

	void succeed(JsonNode content) {
		cancelDeadline();
		this.reply.complete(content);
	}

	void fail(QmpException failure) {
		cancelDeadline();
		this.reply.completeExceptionally(failure);
	}

	private void cancelDeadline() {
		Deadline running = this.deadline;
		if (running != null) {
			running.cancel();
		}
	}

}
