package dev.iothreads.qemu;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;

import dev.iothreads.machine.MachineRefusedException;
import dev.iothreads.machine.MachineState;
import dev.iothreads.machine.MachineStatus;
import dev.iothreads.machine.MachineTimeoutException;
import dev.iothreads.machine.MachineUnavailableException;
import dev.iothreads.machine.Snapshot;
import dev.iothreads.qmp.QmpClient;
import dev.iothreads.qmp.QmpCommand;
import dev.iothreads.qmp.QmpCommandException;
import dev.iothreads.qmp.QmpInterruptedException;
import dev.iothreads.qmp.QmpTimeoutException;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * Commands one after another, each waited for, as a change needs them.
 */
final class Dialogue {

	private static final String NOTHING_SENT = "nothing was changed. Try again when it is back.";

	private final String machine;

	private final QmpClient client;

	Dialogue(String machine, QmpClient client) {
		this.machine = machine;
		this.client = client;
	}

	String machine() {
		return this.machine;
	}

	/**
	 * Gives a command that is to be carried out.
	 * @param command the command
	 * @return what QEMU answers
	 * @throws QmpCommandException when QEMU refuses
	 * @throws MachineTimeoutException when it does not answer in time, or is lost before
	 * it has answered: the command may be carried out all the same
	 * @throws MachineUnavailableException when the command was not sent
	 */
	JsonNode run(QmpCommand command) {
		return await(this.client.execute(command), "the change may still happen. Look again before you try again.");
	}

	/**
	 * Asks for something that may not be there. Asking changes nothing.
	 * @param command the command
	 * @return what QEMU answers, {@code null} when it refuses
	 * @throws MachineTimeoutException when it does not answer in time
	 * @throws MachineUnavailableException when it was lost
	 */
	@Nullable JsonNode ask(QmpCommand command) {
		try {
			return await(this.client.execute(command), null);
		}
		catch (QmpCommandException ex) {
			return null;
		}
	}

	/**
	 * Reads the machine, over the connection of this dialogue.
	 * @param reading the snapshot to come
	 * @return the snapshot
	 * @throws MachineTimeoutException when it does not come in time
	 * @throws MachineUnavailableException when the machine was lost
	 */
	Snapshot read(CompletableFuture<Snapshot> reading) {
		return await(reading, null);
	}

	/**
	 * Asks for a text that may not be there.
	 * @param path the path of an object
	 * @param property one of its properties
	 * @return its value, empty when there is none
	 */
	String text(String path, String property) {
		JsonNode value = ask(Qom.get(path, property));
		return (value != null) ? value.asString("") : "";
	}

	/**
	 * Lists the children of an object.
	 * @param path the path of the object
	 * @return its children, none when there is no such object
	 */
	List<Qom.Child> children(String path) {
		JsonNode properties = ask(Qom.list(path));
		return (properties != null) ? Qom.children(path, properties) : List.of();
	}

	/**
	 * Passes on a refusal that only QEMU's own words explain.
	 * @param refused the refusal
	 * @return the failure to throw
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
