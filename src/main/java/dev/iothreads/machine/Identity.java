package dev.iothreads.machine;

import org.jspecify.annotations.Nullable;

/**
 * Which guest a machine is, and whether that runs.
 *
 * @param runState QEMU's word for it ({@code docs: qapi/run-state.json}), such as
 * {@code running} or {@code paused}; {@code null} where it is not known
 * @param guestName the name that the QEMU was given, {@code null} when it has none
 * @param uuid the UUID that the QEMU was given, {@code null} when it has none
 * @param processId the QEMU process in the service's PID namespace, {@code null} where
 * this host does not show it
 */
public record Identity(@Nullable String runState, @Nullable String guestName, @Nullable String uuid,
		@Nullable Long processId) {

	/** Nothing is known. */
	public static final Identity UNKNOWN = new Identity(null, null, null, null);

}
