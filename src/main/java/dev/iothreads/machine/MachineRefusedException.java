package dev.iothreads.machine;

/**
 * QEMU refused, for a reason that only its own words tell.
 */
public final class MachineRefusedException extends MachineException {

	private final String qemuClass;

	/**
	 * Creates it.
	 * @param qemuClass QEMU's class of error, such as {@code GenericError}
	 * @param message a sentence for the operator, with QEMU's own words
	 */
	public MachineRefusedException(String qemuClass, String message) {
		super(message);
		this.qemuClass = qemuClass;
	}

	/**
	 * Returns QEMU's class of error.
	 * @return the class, such as {@code GenericError} or {@code DeviceNotFound}
	 */
	public String qemuClass() {
		return this.qemuClass;
	}

}
