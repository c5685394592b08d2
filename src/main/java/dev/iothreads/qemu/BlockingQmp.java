package dev.iothreads.qemu;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;

import dev.iothreads.machine.MachineRefusedException;
import dev.iothreads.machine.MachineState;
import dev.iothreads.machine.MachineStatus;
import dev.iothreads.machine.MachineTimeoutException;
import dev.iothreads.machine.MachineUnavailableException;
import dev.iothreads.machine.Snapshot;
import dev.iothreads.qmp.QmpCommand;
import dev.iothreads.qmp.QmpCommandException;
import dev.iothreads.qmp.QmpInterruptedException;
import dev.iothreads.qmp.QmpMonitor;
import dev.iothreads.qmp.QmpTimeoutException;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * Sends commands for a change: one after another, each waited for.
 */
final class BlockingQmp {

	private static final String NOTHING_SENT = "nothing was changed. Try again when it is back.";

	private final String machine;

	private final QmpMonitor monitor;

	BlockingQmp(String machine, QmpMonitor monitor) {
		this.machine = machine;
		this.monitor = monitor;
	}

	String machine() {
		return this.machine;
	}

	/**
	 * Runs a command.
	 * @return QEMU's answer
	 * @throws QmpCommandException when QEMU refuses
	 * @throws MachineTimeoutException when it does not answer in time, or is lost before
	 * it has answered: the command may be carried out all the same
	 * @throws MachineUnavailableException when the command was not sent
	 */
	JsonNode run(QmpCommand command) {
		return await(this.monitor.execute(command), "the change may still happen. Look again before you try again.");
	}

	/**
	 * Runs a command that changes nothing, and asks for something that may not be there.
	 * @return QEMU's answer, {@code null} when it refuses
	 * @throws MachineTimeoutException when it does not answer in time
	 * @throws MachineUnavailableException when it was lost
	 */
	@Nullable JsonNode ask(QmpCommand command) {
		try {
			return await(this.monitor.execute(command), null);
		}
		catch (QmpCommandException ex) {
			return null;
		}
	}

	/**
	 * Waits for a reading over the same connection.
	 * @throws MachineTimeoutException when it does not come in time
	 * @throws MachineUnavailableException when the machine was lost
	 */
	Snapshot read(CompletableFuture<Snapshot> reading) {
		return await(reading, null);
	}

	/**
	 * Reads a member of an answer, empty when there is none.
	 */
	String member(QmpCommand command, String member) {
		JsonNode answer = ask(command);
		return (answer != null) ? answer.path(member).asString("") : "";
	}

	/**
	 * Reads a property, empty when there is none.
	 */
	String text(String path, String property) {
		JsonNode value = ask(Qom.get(path, property));
		return (value != null) ? value.asString("") : "";
	}

	/**
	 * Lists the children of an object, none when there is no such object.
	 */
	List<Qom.Child> children(String path) {
		JsonNode properties = ask(Qom.list(path));
		return (properties != null) ? Qom.children(path, properties) : List.of();
	}

	/**
	 * Lists the paths of the devices on a bus.
	 */
	List<String> occupants(String bus) {
		JsonNode links = ask(Qom.list(bus));
		return (links == null) ? List.of()
				: Qom.names(links)
					.stream()
					.filter((name) -> name.startsWith("child["))
					.map((name) -> text(bus, name))
					.filter((path) -> !path.isEmpty())
					.sorted()
					.toList();
	}

	/**
	 * Waits before the next command.
	 * @throws MachineTimeoutException when the service is stopping
	 */
	void pause(Duration pause) {
		try {
			TimeUnit.NANOSECONDS.sleep(pause.toNanos());
		}
		catch (InterruptedException ex) {
			Thread.currentThread().interrupt();
			throw new MachineTimeoutException("The service is stopping, and " + NOTHING_SENT);
		}
	}

	/**
	 * Makes a failure of a refusal that only QEMU's own words explain.
	 */
	MachineRefusedException refused(QmpCommandException refused) {
		return new MachineRefusedException(refused.errorClass(),
				"QEMU of %s refused: %s".formatted(this.machine, refused.description()));
	}

	private <T> T await(CompletableFuture<T> reply, @Nullable String mayHappen) {
		try {
			return reply.get();
		}
		catch (ExecutionException ex) {
			Throwable cause = (ex.getCause() instanceof CompletionException && ex.getCause().getCause() != null)
					? ex.getCause().getCause() : ex.getCause();
			if (cause instanceof QmpCommandException refused) {
				throw refused;
			}
			if (cause instanceof QmpTimeoutException) {
				throw new MachineTimeoutException("%s did not answer in time, and %s".formatted(this.machine,
						(mayHappen != null) ? mayHappen : NOTHING_SENT));
			}
			if (mayHappen != null && cause instanceof QmpInterruptedException) {
				throw new MachineTimeoutException(
						"%s was lost before it answered, and %s".formatted(this.machine, mayHappen));
			}
			throw new MachineUnavailableException(
					new MachineStatus(MachineState.DOWN, "%s was lost, and %s".formatted(this.machine, NOTHING_SENT)));
		}
		catch (InterruptedException ex) {
			Thread.currentThread().interrupt();
			throw new MachineTimeoutException(
					"The service is stopping, and %s".formatted((mayHappen != null) ? mayHappen : NOTHING_SENT));
		}
	}

}
