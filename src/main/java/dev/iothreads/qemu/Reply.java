package dev.iothreads.qemu;

import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

import dev.iothreads.qmp.QmpCommand;
import dev.iothreads.qmp.QmpCommandException;
import dev.iothreads.qmp.QmpMonitor;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * What came of a command: a value, or a failure.
 */
record Reply(@Nullable JsonNode value, @Nullable Throwable failure) {

	/**
	 * Sends commands one after another without waiting in between.
	 * @return their replies in the same order; it never fails
	 */
	static CompletableFuture<List<Reply>> toAll(QmpMonitor monitor, List<QmpCommand> commands) {
		List<CompletableFuture<Reply>> replies = monitor.executeAll(commands)
			.stream()
			.map((reply) -> reply
				.handle((value, failure) -> new Reply(value, (failure != null) ? unwrap(failure) : null)))
			.toList();
		return CompletableFuture.allOf(replies.toArray(CompletableFuture<?>[]::new))
			.thenApply((done) -> replies.stream().map(CompletableFuture::join).toList());
	}

	static CompletableFuture<Reply> to(QmpMonitor monitor, QmpCommand command) {
		return toAll(monitor, List.of(command)).thenApply((replies) -> replies.get(0));
	}

	static Throwable unwrap(Throwable failure) {
		Throwable cause = failure.getCause();
		return (failure instanceof CompletionException && cause != null) ? cause : failure;
	}

	JsonNode orThrow() {
		if (this.failure != null) {
			throw (this.failure instanceof RuntimeException runtime) ? runtime : new CompletionException(this.failure);
		}
		return Objects.requireNonNull(this.value);
	}

	/**
	 * Returns the value, or {@code null} where QEMU refused: what was asked for is not
	 * there.
	 */
	@Nullable JsonNode orElseNull() {
		return (this.failure instanceof QmpCommandException) ? null : orThrow();
	}

}
