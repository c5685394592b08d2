package dev.iothreads.qemu;

import java.math.BigDecimal;
import java.time.Duration;

import dev.iothreads.machine.MachineState;
import dev.iothreads.machine.MachineStatus;
import dev.iothreads.qmp.QmpConnectException;
import dev.iothreads.qmp.QmpConnectException.Reason;
import dev.iothreads.qmp.QmpTimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * Says in words how a QEMU is reached, and what to do where it is not.
 *
 * @param machine the machine's name
 * @param place where its monitor is
 * @param options the deadlines
 */
record StatusTexts(String machine, String place, QemuOptions options) {

	// docs: incus and lxd listen at a file of this name in the instance's directory
	private static final String INCUS = "/qemu.monitor";

	private static final String SECOND_FOR_INCUS = "Incus and LXD hold the monitor of an instance for good. Give the instance a second one: incus config set NAME raw.qemu='-qmp unix:/run/NAME.sock,server=on,wait=off', restart it, and name that socket.";

	MachineStatus connecting() {
		return new MachineStatus(MachineState.CONNECTING,
				"%s is being connected to, at %s. Ask again in a moment.".formatted(this.machine, this.place));
	}

	MachineStatus justEnded() {
		return new MachineStatus(MachineState.DOWN,
				"%s is down: its connection has just ended. Try again in a moment.".formatted(this.machine));
	}

	MachineStatus unwatched() {
		return new MachineStatus(MachineState.DOWN, this.machine + " is no longer watched.");
	}

	MachineStatus unresponsive() {
		return new MachineStatus(MachineState.DOWN,
				"%s did not answer within %s s: QEMU is stopped, or its main loop is blocked. Look at the process; the service goes on by itself as soon as it answers."
					.formatted(this.machine, seconds(this.options.commandTimeout())));
	}

	UnresponsiveQemuException givenUp() {
		return new UnresponsiveQemuException(
				"it has not answered for %s s: QEMU is stopped, or its main loop is blocked, or the connection is cut. Look at the process; the service connects again."
					.formatted(seconds(this.options.unresponsiveLimit())));
	}

	MachineStatus stillUnresponsive() {
		return new MachineStatus(MachineState.DOWN,
				"%s did not answer for %s s, and does not greet on a new connection either: QEMU is stopped, or its main loop is blocked. Look at the process; the service goes on by itself as soon as it answers."
					.formatted(this.machine, seconds(this.options.unresponsiveLimit())));
	}

	MachineStatus waitingInLine() {
		return busy("another client holds it, or QEMU is stopped, or it is no QMP monitor. " + (isOfIncus()
				? SECOND_FOR_INCUS : "Give the service a -qmp of its own; it waits in line for this one."));
	}

	MachineStatus unreachable() {
		return new MachineStatus(MachineState.DOWN,
				"%s is down: %s cannot be looked at, because its file system does not answer. The service goes on by itself as soon as it does."
					.formatted(this.machine, this.place));
	}

	/**
	 * Says why a monitor has ended.
	 * @param cause the reason
	 * @param sockets the monitors of the socket, {@code null} where there is none
	 * @param givenUp whether the socket is tried seldom now
	 */
	MachineStatus ended(Throwable cause, @Nullable SocketMonitors sockets, boolean givenUp) {
		if (sockets != null && sockets.isOfLibvirt()) {
			return down(Libvirt.ownMonitor());
		}
		if (sockets == null || !(cause instanceof QmpConnectException ex) || ex.reason() != Reason.NOT_GREETED) {
			return down(cause);
		}
		String next = givenUp
				? "It was tried %d times and is left alone, but for one short try a minute. Touch its file to have it tried at once."
					.formatted(SocketMonitors.TRIES)
				: "The service does not wait in line, and tries again, later each time up to 10 s.";
		return busy(
				"another client holds it, or QEMU is stopped, or it is a console or another socket that is no QMP monitor. "
						+ (isOfIncus() ? SECOND_FOR_INCUS : "Give the service a -qmp of its own.") + " " + next);
	}

	MachineStatus down(Throwable cause) {
		return (cause instanceof QmpTimeoutException) ? unresponsive()
				: new MachineStatus(MachineState.DOWN, "%s is down: %s".formatted(this.machine, cause.getMessage()));
	}

	private MachineStatus busy(String why) {
		return new MachineStatus(MachineState.BUSY, "%s's monitor does not greet: %s".formatted(this.machine, why));
	}

	private boolean isOfIncus() {
		return this.place.endsWith(INCUS);
	}

	private static String seconds(Duration duration) {
		return BigDecimal.valueOf(duration.toMillis(), 3).stripTrailingZeros().toPlainString();
	}

}
