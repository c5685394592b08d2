package dev.iothreads.qmp;

import java.time.Duration;

import dev.iothreads.qmp.QmpConnectException.Reason;
import org.jspecify.annotations.Nullable;

/**
 * Says in words what the end of a connection means in the phase it comes in.
 */
record PhaseFailures(MonitorAddress address, QmpOptions options) {

	QmpException notGreeted() {
		Duration timeout = this.options.greetingTimeout();
		return new QmpConnectException(Reason.NOT_GREETED,
				this.address + ": connected, but not greeted within "
						+ ((timeout != null) ? MonitorSocket.seconds(timeout) : "the time given")
						+ ". Another client holds this monitor, and QEMU serves one at a time: give the service a -qmp "
						+ "of its own. Or QEMU is stopped, or the socket is not a QMP monitor's",
				null);
	}

	QmpException notGreetedWholly() {
		return violated(QmpState.GREETING, new ProtocolViolation("It began a message and did not end it within "
				+ MonitorSocket.seconds(this.options.commandTimeout())));
	}

	QmpException notNegotiated() {
		return new QmpConnectException(Reason.NOT_READY, this.address + ": QEMU did not answer qmp_capabilities within "
				+ MonitorSocket.seconds(this.options.commandTimeout()) + ". It is stopped or overloaded", null);
	}

	QmpException refused(QmpMessage refusal) {
		return new QmpConnectException(Reason.NOT_READY,
				this.address + ": QEMU refused qmp_capabilities: " + refusal.errorDescription(), null);
	}

	/**
	 * The end of the stream.
	 */
	QmpException lost(QmpState phase, String how, @Nullable Throwable cause) {
		String message = this.address + ": " + how;
		return switch (phase) {
			case CONNECTING -> new QmpConnectException(Reason.NOT_CONNECTED, message, cause);
			case GREETING ->
				new QmpConnectException(Reason.NOT_READY, message + " before any greeting. It is ending", cause);
			case NEGOTIATING -> new QmpConnectException(Reason.NOT_READY,
					message + " instead of answering qmp_capabilities. It is ending", cause);
			case READY, CLOSED -> new QmpClosedException(message, cause);
		};
	}

	/**
	 * Something that is not QMP.
	 */
	QmpException violated(QmpState phase, ProtocolViolation violation) {
		String message = this.address + ": " + violation.getMessage();
		return switch (phase) {
			case CONNECTING, GREETING -> notQmp(message, violation);
			case NEGOTIATING -> new QmpConnectException(Reason.NOT_READY, message, violation);
			case READY, CLOSED -> new QmpClosedException(message, violation);
		};
	}

	private static QmpException notQmp(String message, ProtocolViolation violation) {
		String speaker = violation.speaker();
		if (ProtocolViolation.HUMAN_MONITOR.equals(speaker)) {
			return new QmpConnectException(Reason.HUMAN_MONITOR, message
					+ ". This is QEMU's human monitor: name the socket of QEMU's -qmp option, not that of -monitor",
					violation);
		}
		return new QmpConnectException(Reason.NOT_QMP,
				message + ". "
						+ ((speaker != null) ? "This is " + speaker : "It is not a QMP monitor that listens there")
						+ ": name the socket of QEMU's -qmp option, not that of -monitor or of another server",
				violation);
	}

}
