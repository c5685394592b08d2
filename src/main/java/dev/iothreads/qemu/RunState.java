package dev.iothreads.qemu;

import java.util.Set;
import java.util.concurrent.CompletableFuture;

import dev.iothreads.qmp.QmpMonitor;
import org.jspecify.annotations.Nullable;

/**
 * Whether the guest of one QEMU runs ({@code docs: qapi/run-state.json}). It is asked
 * once, and again after each event that may change it: not every event says the new
 * state. Of some states no event says the end, so they are asked for in each reading.
 */
final class RunState {

	private static final Set<String> EVENTS = Set.of("STOP", "RESUME", "SUSPEND", "SUSPEND_DISK", "WAKEUP", "SHUTDOWN",
			"RESET", "GUEST_PANICKED", "WATCHDOG", "MIGRATION", "COLO_EXIT");

	private static final Set<String> PASSING = Set.of("inmigrate", "finish-migrate", "restore-vm", "save-vm", "colo");

	private volatile boolean mayHaveChanged = true;

	private volatile @Nullable String current;

	@Nullable String current() {
		return this.current;
	}

	/**
	 * Handles an event.
	 * @return whether the state may be another now
	 */
	boolean onEvent(String name) {
		if (!EVENTS.contains(name)) {
			return false;
		}
		this.mayHaveChanged = true;
		return true;
	}

	/**
	 * Notes that events may have been missed.
	 */
	void mayHaveChanged() {
		this.mayHaveChanged = true;
	}

	/**
	 * Asks QEMU where that is needed.
	 * @return completed when the state is known. It fails with what the monitor failed
	 * with
	 */
	CompletableFuture<?> read(QmpMonitor monitor) {
		String before = this.current;
		if (!this.mayHaveChanged && (before == null || !PASSING.contains(before))) {
			return CompletableFuture.completedFuture(before);
		}
		this.mayHaveChanged = false;
		return Reply.to(monitor, Command.QUERY_STATUS.plain()).thenApply((reply) -> {
			if (reply.failure() != null) {
				this.mayHaveChanged = true;
			}
			this.current = Qom.textOf(reply.orElseNull(), "status");
			return this.current;
		});
	}

}
