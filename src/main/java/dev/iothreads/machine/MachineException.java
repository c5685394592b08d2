package dev.iothreads.machine;

/**
 * Why a machine did not give what it was asked for. The message is a sentence for the
 * operator.
 */
public abstract sealed class MachineException extends RuntimeException
		permits MachineUnavailableException, MachineTimeoutException, MachineRefusedException, NotFoundException,
		InvalidRequestException, ChangeRefusedException {

	MachineException(String message) {
		super(message);
	}

}
