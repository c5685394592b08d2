package dev.iothreads.qemu;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

import dev.iothreads.qmp.MonitorAddress.UnixAddress;
import dev.iothreads.qmp.QmpCommand;
import dev.iothreads.qmp.QmpCommandException;
import dev.iothreads.qmp.QmpGreeting;
import dev.iothreads.qmp.QmpMonitor;
import org.jspecify.annotations.Nullable;

/**
 * A monitor that a running QEMU makes for the service alone (QEMU 11.1 and newer): a
 * chardev that listens at a socket, and a monitor on it. QEMU deletes both, and the
 * socket's file, when the service's connection ends, however it ends (measured, 11.1.3).
 * <p>
 * Both have one id, the name of the socket's file. Nothing of another id is touched.
 */
final class OwnMonitor {

	static final String SUFFIX = ".sock";

	private final Path socket;

	private final String id;

	/**
	 * Creates it.
	 * @param socket the file, whose name says which service and machine it is for
	 */
	OwnMonitor(Path socket) {
		String name = socket.getFileName().toString();
		this.socket = socket;
		this.id = name.substring(0, name.length() - SUFFIX.length());
	}

	UnixAddress address() {
		return new UnixAddress(this.socket);
	}

	/**
	 * Has it made, in place of the one that the service has left behind.
	 * @param visited the monitor to ask for it
	 * @return why there is none, a sentence; {@code null} when there is one. It fails
	 * with what the monitor failed with
	 */
	CompletableFuture<@Nullable String> make(QmpMonitor visited) {
		return visited.ready().thenCompose((greeting) -> {
			if (!isSupportedBy(greeting)) {
				return CompletableFuture.completedFuture(
						"It has no monitor of the service's own: that takes QEMU 11.1, and this is QEMU %s."
							.formatted(greeting.version()));
			}
			return isInUse(visited).thenCompose((inUse) -> inUse ? CompletableFuture.completedFuture(
					"It has no monitor of the service's own: another service uses the one of this name, %s. Give one of the two another iothreads.own-monitor.directory."
						.formatted(this.socket))
					: replace(visited));
		});
	}

	private CompletableFuture<@Nullable String> replace(QmpMonitor visited) {
		List<QmpCommand> commands = List
			.of(objectDel(), chardevRemove(),
					Command.CHARDEV_ADD.with(Map.of("id", this.id, "backend", Map.of("type", "socket", "data",
							Map.of("addr", Map.of("type", "unix", "data", Map.of("path", this.socket.toString())),
									"server", true, "wait", false)))),
					Command.OBJECT_ADD.with(Map.of("qom-type", "monitor-qmp", "id", this.id, "chardev", this.id,
							"close-action", "delete")));
		return Reply.toAll(visited, commands).thenCompose((replies) -> {
			Reply listens = replies.get(2);
			Reply made = replies.get(3);
			if (listens.failure() instanceof QmpCommandException refused) {
				return CompletableFuture.completedFuture(
						"It has no monitor of the service's own: its QEMU cannot make the socket (%s). Let QEMU's user write to %s."
							.formatted(refused.description(), this.socket.getParent()));
			}
			if (made.failure() instanceof QmpCommandException refused) {
				return remove(visited).thenApply((removed) -> "It has no monitor of the service's own: QEMU says: %s."
					.formatted(refused.description()));
			}
			listens.orThrow();
			made.orThrow();
			return CompletableFuture.<@Nullable String>completedFuture(null);
		});
	}

	// QEMU deletes a monitor when its client leaves: one that has a client is no
	// leftover.
	private CompletableFuture<Boolean> isInUse(QmpMonitor visited) {
		return Reply.to(visited, Command.QUERY_CHARDEV.plain())
			.thenApply((reply) -> Qom.isConnected(reply.orElseNull(), this.id));
	}

	/**
	 * Has it removed, unless it has a client. Where there is none, nothing happens.
	 */
	CompletableFuture<?> remove(QmpMonitor visited) {
		return isInUse(visited).thenCompose((inUse) -> inUse ? CompletableFuture.completedFuture(List.of())
				: Reply.toAll(visited, List.of(objectDel(), chardevRemove())));
	}

	private QmpCommand objectDel() {
		return Command.OBJECT_DEL.with(Map.of("id", this.id));
	}

	private QmpCommand chardevRemove() {
		return Command.CHARDEV_REMOVE.with(Map.of("id", this.id));
	}

	private static boolean isSupportedBy(QmpGreeting qemu) {
		return qemu.major() > 11 || (qemu.major() == 11 && qemu.minor() >= 1);
	}

}
