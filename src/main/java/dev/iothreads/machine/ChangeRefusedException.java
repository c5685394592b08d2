package dev.iothreads.machine;

import java.util.List;

import org.jspecify.annotations.Nullable;

/**
 * A change that is well asked for and must not be, or cannot be, carried out as things
 * are. Nothing was changed.
 */
public final class ChangeRefusedException extends MachineException {

	private final Reason reason;

	private final List<Attachment> attached;

	private final @Nullable String runState;

	/**
	 * Creates it.
	 * @param reason why
	 * @param message a sentence that says what to do
	 */
	public ChangeRefusedException(Reason reason, String message) {
		this(reason, message, List.of());
	}

	/**
	 * Creates it for a machine that must not be changed.
	 * @param refusal why
	 */
	public ChangeRefusedException(Refusal refusal) {
		this(refusal.reason(), refusal.message());
	}

	/**
	 * Creates it for an IOThread that is in use.
	 * @param reason why
	 * @param message a sentence that says what to do
	 * @param attached what is in the way
	 */
	public ChangeRefusedException(Reason reason, String message, List<Attachment> attached) {
		this(reason, message, attached, null);
	}

	private ChangeRefusedException(Reason reason, String message, List<Attachment> attached,
			@Nullable String runState) {
		super(message);
		this.reason = reason;
		this.attached = List.copyOf(attached);
		this.runState = runState;
	}

	/**
	 * Creates it for a machine that is being migrated.
	 * @param runState QEMU's word for whether its guest runs
	 * @param message a sentence that says what to do
	 * @return the exception
	 */
	public static ChangeRefusedException migrating(String runState, String message) {
		return new ChangeRefusedException(Reason.MACHINE_MIGRATING, message, List.of(), runState);
	}

	/**
	 * Says whether the guest of a machine that is being migrated runs.
	 * @return QEMU's word for it, {@code null} for the other reasons
	 */
	public @Nullable String runState() {
		return this.runState;
	}

	/**
	 * Says why.
	 * @return the reason
	 */
	public Reason reason() {
		return this.reason;
	}

	/**
	 * Says what is in the way.
	 * @return what runs on the IOThread, empty for the other reasons
	 */
	public List<Attachment> attached() {
		return this.attached;
	}

	/**
	 * Why a change is refused.
	 */
	public enum Reason {

		/** An object has that id already. */
		IOTHREAD_EXISTS,

		/** A device has that id already. */
		DEVICE_EXISTS,

		/** Something runs on the IOThread. */
		IOTHREAD_IN_USE,

		/** The device is being unplugged. */
		DEVICE_DETACHING,

		/** The guest does not let the device go, or QEMU would not survive it. */
		UNPLUG_REFUSED,

		/**
		 * libvirt manages the machine: change it through libvirt, or when libvirt is
		 * done.
		 */
		MANAGED_BY_LIBVIRT,

		/** Proxmox VE manages the machine: change it there. */
		MANAGED_BY_PROXMOX,

		/** The configuration forbids to change the machine. */
		READ_ONLY,

		/** Another user writes to the block node. */
		NODE_IN_USE,

		/** The machine has no place for a further device while it runs. */
		NO_FREE_PORT,

		/** The device was attached and went again at once. */
		DEVICE_GONE,

		/** This QEMU does not have what is asked for. */
		NOT_SUPPORTED,

		/** A migration is under way, or has moved the guest to another QEMU. */
		MACHINE_MIGRATING,

		/** It has changed since the caller looked. */
		CHANGED_SINCE,

		/** Too many changes of the machine wait for their turn. */
		TOO_MANY

	}

}
