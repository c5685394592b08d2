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
 * @param title what a person calls it, {@code null} where that is not known
 * @param reading how it is read, {@code null} where QEMU itself is asked by its monitor
 */
public record Identity(@Nullable String runState, @Nullable String guestName, @Nullable String uuid,
		@Nullable Long processId, @Nullable String title, @Nullable Reading reading) {

	/** Nothing is known. */
	public static final Identity UNKNOWN = new Identity(null, null, null, null);

	/**
	 * Creates one without a title, of a QEMU that is asked by its monitor.
	 * @param runState QEMU's word for whether it runs
	 * @param guestName the name that the QEMU was given
	 * @param uuid the UUID that the QEMU was given
	 * @param processId the QEMU process
	 */
	public Identity(@Nullable String runState, @Nullable String guestName, @Nullable String uuid,
			@Nullable Long processId) {
		this(runState, guestName, uuid, processId, null, null);
	}

	/**
	 * How a machine is read through what manages it.
	 *
	 * @param by the way, such as {@code xml}
	 * @param limits what cannot be known in that way, a sentence; {@code null} for
	 * nothing
	 * @param incomplete whether this machine is known to have devices that are not shown
	 */
	public record Reading(String by, @Nullable String limits, boolean incomplete) {

	}

}
