package dev.iothreads.libvirt;

import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeoutException;

import dev.iothreads.libvirt.rpc.LibvirtErrorException;
import dev.iothreads.libvirt.rpc.RpcBusyException;
import dev.iothreads.libvirt.rpc.RpcClosedException;
import dev.iothreads.libvirt.rpc.RpcTimeoutException;
import dev.iothreads.machine.ChangeRefusedException;
import dev.iothreads.machine.MachineException;
import dev.iothreads.machine.MachineRefusedException;
import dev.iothreads.machine.MachineState;
import dev.iothreads.machine.MachineStatus;
import dev.iothreads.machine.MachineTimeoutException;
import dev.iothreads.machine.MachineUnavailableException;

/**
 * What libvirt's errors mean. Only the code is decided by: libvirt's words are shown.
 */
final class Failures {

	static final int INTERNAL_ERROR = 1;

	static final int INVALID_ARG = 8;

	static final int OPERATION_FAILED = 9;

	static final int XML_ERROR = 27;

	static final int OPERATION_DENIED = 29;

	static final int SYSTEM_ERROR = 38;

	static final int RPC = 39;

	static final int NO_DOMAIN = 42;

	static final int OPERATION_INVALID = 55;

	static final int CONFIG_UNSUPPORTED = 67;

	static final int OPERATION_TIMEOUT = 68;

	static final int ARGUMENT_UNSUPPORTED = 74;

	static final int OPERATION_UNSUPPORTED = 84;

	static final int AUTH_UNAVAILABLE = 94;

	// Of libvirt's twenty workers the service takes four at most, and a QEMU that does
	// not
	// answer keeps one.
	private static final String UNASKED = "%s was not asked: the four calls that the service makes of libvirt at a time all wait for other domains, whose QEMUs do not answer. Look for QEMUs that are stopped; the service goes on by itself as soon as one of them answers.";

	private Failures() {
	}

	/**
	 * Says why a machine could not be asked.
	 */
	static MachineException of(String machine, Throwable failure) {
		Throwable cause = unwrap(failure);
		if (cause instanceof MachineException known) {
			return known;
		}
		if (cause instanceof RpcBusyException busy && busy.isOfOthers()) {
			return new MachineTimeoutException(UNASKED.formatted(machine));
		}
		if (isLate(cause)) {
			return new MachineTimeoutException(unresponsive(machine));
		}
		if (cause instanceof LibvirtErrorException error) {
			return switch (error.code()) {
				case NO_DOMAIN, OPERATION_INVALID ->
					unavailable("%s is down: libvirt says: %s. It is found again when it runs.".formatted(machine,
							error.getMessage()));
				case OPERATION_DENIED -> new ChangeRefusedException(ChangeRefusedException.Reason.READ_ONLY,
						"libvirt takes no changes of %s on this socket: %s. Connect to its socket for changes."
							.formatted(machine, error.getMessage()));
				default -> new MachineRefusedException("libvirt-" + error.code(),
						"libvirt refused for %s: %s".formatted(machine, error.getMessage()));
			};
		}
		if (cause instanceof RpcClosedException) {
			return unavailable("%s cannot be asked: %s. The domain goes on; the service connects again."
				.formatted(machine, cause.getMessage()));
		}
		return unavailable("%s cannot be asked: %s".formatted(machine, cause.getMessage()));
	}

	static boolean isLate(Throwable cause) {
		return cause instanceof RpcTimeoutException || cause instanceof RpcBusyException
				|| cause instanceof TimeoutException
				|| (cause instanceof LibvirtErrorException error && error.code() == OPERATION_TIMEOUT);
	}

	static String unresponsive(String machine) {
		return "%s does not answer libvirt: its QEMU is stopped, or its main loop is blocked, or a job of the domain takes long. Look at virsh domcontrol and at the process; the service goes on by itself as soon as it answers."
			.formatted(machine);
	}

	static MachineUnavailableException unavailable(String reason) {
		return new MachineUnavailableException(new MachineStatus(MachineState.DOWN, reason));
	}

	static Throwable unwrap(Throwable failure) {
		Throwable cause = failure;
		while (cause instanceof CompletionException && cause.getCause() != null) {
			cause = cause.getCause();
		}
		return cause;
	}

	/**
	 * Says why libvirt cannot be used, and what to do.
	 */
	static String advice(Throwable failure) {
		Throwable cause = unwrap(failure);
		String words = String.valueOf(cause.getMessage());
		if (cause instanceof LibvirtErrorException error) {
			String remedy = switch (error.code()) {
				case AUTH_UNAVAILABLE, 45, INTERNAL_ERROR ->
					"Put the user '%s' into the group libvirt, or let polkit allow it org.libvirt.unix.manage; to look only, set iothreads.libvirt.read-only.";
				case SYSTEM_ERROR ->
					"libvirt asks the host's user database for the user '%s': run the service as a user that the host knows, or as root.";
				default -> "The service runs as the user '%s'.";
			};
			return words + ". " + remedy.formatted(System.getProperty("user.name"));
		}
		if (words.contains("Permission denied")) {
			return words + ". Let the user '%s' write to it: by the group libvirt, or unix_sock_group."
				.formatted(System.getProperty("user.name"));
		}
		return words
				+ ". Is libvirtd (or virtqemud) running on this host, and its socket where iothreads.libvirt.uri says?";
	}

}
