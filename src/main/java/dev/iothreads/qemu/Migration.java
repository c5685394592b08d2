package dev.iothreads.qemu;

import java.util.Map;
import java.util.Set;

import dev.iothreads.machine.ChangeRefusedException;

/**
 * When no device is attached or detached because of a migration. A device that is plugged
 * into the destination ends QEMU 7.2 when the stream comes, one that is plugged into the
 * source is not known to the destination, and after the migration an unplug never ends
 * there.
 */
final class Migration {

	private static final Map<String, String> REFUSED = Map.of("inmigrate",
			"It receives a migration. Wait until that is complete: the run state is running or paused then.",
			"postmigrate",
			"Its guest was migrated to another QEMU. Change it there, or resume this one, by cont, if the migration is to be undone.",
			"finish-migrate",
			"Its migration is about to complete. Wait until the guest runs elsewhere, and change it there.");

	private static final Set<String> IDLE = Set.of("", "none", "completed", "failed", "cancelled");

	private Migration() {
	}

	/**
	 * Asks QEMU now: no event says that a migration has begun.
	 * @throws ChangeRefusedException when a migration is under way or has moved the guest
	 */
	static void requireNone(BlockingQmp qemu) {
		String runState = qemu.member(Command.QUERY_STATUS.plain(), "status");
		String reason = REFUSED.get(runState);
		if (reason == null && !IDLE.contains(qemu.member(Command.QUERY_MIGRATE.plain(), "status"))) {
			reason = "A migration of it is under way. Wait until it is complete, or cancel it by migrate_cancel.";
		}
		if (reason != null) {
			throw ChangeRefusedException.migrating(runState,
					"Devices of %s cannot be changed now, its run state is %s. %s".formatted(qemu.machine(), runState,
							reason));
		}
	}

}
