package dev.iothreads.qmp;

/**
 * A command was not sent because {@value QmpClient#MAX_UNANSWERED} commands, or
 * {@value QmpClient#MAX_UNANSWERED_BYTES} bytes of them, already wait for their replies:
 * QEMU is stopped or overloaded. Timed-out commands count until their late reply comes.
 */
public final class QmpBusyException extends QmpException {

	QmpBusyException(String message) {
		super(message, null);
	}

}
