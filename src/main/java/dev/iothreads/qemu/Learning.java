package dev.iothreads.qemu;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

import dev.iothreads.machine.IOThreadSettings;
import dev.iothreads.qmp.QmpCommand;
import dev.iothreads.qmp.QmpMonitor;
import tools.jackson.databind.JsonNode;

/**
 * Asks a QEMU for what is not known yet of what it lists.
 */
final class Learning {

	/** No machine has more. */
	static final int MOST_DEVICES = 20_000;

	private static final int MOST_IOTHREADS = 4096;

	private static final int MOST_ATTEMPTS = 5;

	private static final List<String> PLACES = List.of(Qom.PERIPHERAL, Qom.PERIPHERAL_ANON, Qom.OBJECTS);

	private final QmpMonitor monitor;

	private final Knowledge knowledge;

	Learning(QmpMonitor monitor, Knowledge knowledge) {
		this.monitor = monitor;
		this.knowledge = knowledge;
	}

	/**
	 * Reads what is listed.
	 * @param lists what is there
	 * @param thoroughly whether to ask again for what QEMU reports no event of
	 * @param listing how often something had been forgotten before it was listed
	 * @return all that the reading goes by; it fails with what the monitor failed with
	 */
	CompletableFuture<ReadResult> learn(ReadingPlan.Lists lists, boolean thoroughly, long listing) {
		return learnTypes(lists).thenCompose((typesKnown) -> askUnknown(lists, thoroughly, listing));
	}

	// An object that exists is listed, not its type: device-list-properties and
	// qom-list-properties create one of the type and drop it, and a QEMU before 10.1
	// aborts when a colo-compare is dropped so.
	private CompletableFuture<?> learnTypes(ReadingPlan.Lists lists) {
		List<Qom.Child> listed = lists.all();
		InvalidReplyException.requireAtMost(MOST_DEVICES, "devices and objects", listed.size());
		InvalidReplyException.requireAtMost(Knowledge.MOST_TYPES, "types of objects",
				listed.stream().map(Qom.Child::type).distinct().count());
		return learnTypes(listed);
	}

	private CompletableFuture<?> learnTypes(List<Qom.Child> listed) {
		Map<String, Qom.Child> unknown = new LinkedHashMap<>();
		listed.stream()
			.filter((child) -> child.isAddressable() && !this.knowledge.hasType(child.type()))
			.forEach((child) -> unknown.putIfAbsent(child.type(), child));
		if (unknown.isEmpty()) {
			return CompletableFuture.completedFuture(null);
		}
		this.knowledge.makeRoomForTypes(unknown.size());
		List<Qom.Child> asked = List.copyOf(unknown.values());
		List<QmpCommand> commands = asked.stream().map((child) -> Qom.list(child.path())).toList();
		return Reply.toAll(this.monitor, commands).thenCompose((replies) -> {
			for (int i = 0; i < asked.size(); i++) {
				JsonNode properties = replies.get(i).orElseNull();
				if (properties != null) {
					this.knowledge.addTraits(asked.get(i).type(), Qom.Traits.of(properties));
				}
			}
			// Where an object has gone since it was listed, another of its type is asked.
			List<Qom.Child> left = new ArrayList<>(listed);
			left.removeAll(asked);
			return learnTypes(left);
		});
	}

	private CompletableFuture<ReadResult> askUnknown(ReadingPlan.Lists lists, boolean thoroughly, long asked) {
		ReadResult result = new ReadResult(lists, threadIds(lists.iothreads()), this.knowledge.images());
		List<Question> questions = new ArrayList<>();
		lists.devices().forEach((child) -> {
			Qom.Traits traits = this.knowledge.traits(child.type());
			KnownDevice known = this.monitor.hasAllEvents() ? this.knowledge.device(child) : null;
			if (known == null && !isAskable(child)) {
				result.unread().add(child);
			}
			else if (known != null) {
				result.devices().put(child.path(), known);
			}
			else if (traits.canRunOnIOThread()) {
				questions.add(new Question.OfDevice(child, traits));
			}
			else if (traits.disk()) {
				learnDisk(child, result, questions);
			}
		});
		lists.objects().forEach((child) -> {
			// No event says that an object was deleted and added again.
			Knowledge.KnownObject known = (thoroughly || !this.monitor.hasAllEvents()) ? null
					: this.knowledge.object(child);
			if (known != null) {
				result.objects().put(child.path(), known);
			}
			else if (!isAskable(child)) {
				result.unread().add(child);
			}
			else if (this.knowledge.traits(child.type()).iothread()) {
				questions.add(new Question.OfObject(child));
			}
		});
		if (questions.stream()
			.anyMatch((question) -> question instanceof Question.OfDisk
					|| (question instanceof Question.OfDevice of && of.traits().drive()))
				|| this.knowledge.lacksImage(result, thoroughly)) {
			questions.add(0, new Question.OfBackends());
		}
		result.threadIds().forEach((id, threadId) -> {
			ThreadKey key = new ThreadKey(id, threadId);
			IOThreadSettings known = this.knowledge.settings().get(key);
			if (known != null) {
				result.settings().put(key, known);
			}
			else {
				questions.add(new Question.OfSettings(key));
			}
		});
		return ask(questions, result).thenCompose((done) -> confirmUnread(result, asked, MOST_ATTEMPTS));
	}

	private void learnDisk(Qom.Child child, ReadResult result, List<Question> questions) {
		Knowledge.KnownDisk known = this.monitor.hasAllEvents() ? this.knowledge.disk(child) : null;
		if (known != null) {
			result.disks().put(child.path(), known);
		}
		else {
			questions.add(new Question.OfDisk(child));
		}
	}

	private CompletableFuture<ReadResult> ask(List<Question> questions, ReadResult result) {
		if (questions.isEmpty()) {
			return CompletableFuture.completedFuture(result);
		}
		List<QmpCommand> commands = questions.stream().flatMap((question) -> question.commands().stream()).toList();
		return Reply.toAll(this.monitor, commands).thenApply((replies) -> {
			int from = 0;
			for (Question question : questions) {
				int to = from + question.commands().size();
				question.onReplies(replies.subList(from, to), result);
				from = to;
			}
			return result;
		});
	}

	private boolean isAskable(Qom.Child child) {
		return child.isAddressable() && this.knowledge.hasType(child.type());
	}

	// What did not answer was deleted since it was listed, or cannot be read. What is
	// still listed and was not deleted and added again meanwhile may run on any IOThread,
	// unless its type never does.
	private CompletableFuture<ReadResult> confirmUnread(ReadResult result, long asked, int attempts) {
		if (result.unread().isEmpty()) {
			return CompletableFuture.completedFuture(result);
		}
		List<Qom.Child> unread = List.copyOf(result.unread());
		result.unread().clear();
		List<String> unknownTypes = unread.stream()
			.filter((child) -> !child.parent().equals(Qom.OBJECTS) && !this.knowledge.hasType(child.type()))
			.map(Qom.Child::type)
			.distinct()
			.toList();
		List<QmpCommand> commands = new ArrayList<>(PLACES.stream().map(Qom::list).toList());
		unknownTypes.forEach((type) -> commands.add(Command.DEVICE_LIST_PROPERTIES.with(Map.of("typename", type))));
		long listing = this.knowledge.forgettings();
		return Reply.toAll(this.monitor, commands).thenCompose((replies) -> {
			Set<Qom.Child> listed = new HashSet<>();
			for (int i = 0; i < PLACES.size(); i++) {
				listed.addAll(Qom.children(PLACES.get(i), replies.get(i).orThrow()));
			}
			for (int i = 0; i < unknownTypes.size(); i++) {
				JsonNode properties = replies.get(PLACES.size() + i).orElseNull();
				if (properties != null) {
					this.knowledge.addTraits(unknownTypes.get(i), Qom.Traits.of(properties));
				}
			}
			List<Question> again = new ArrayList<>();
			unread.stream().filter(listed::contains).forEach((child) -> {
				Qom.Traits traits = this.knowledge.traits(child.type());
				if (isAskable(child) && attempts > 0 && this.knowledge.isForgottenSince(child.path(), asked)) {
					again.add(new Question.OfDevice(child, traits));
				}
				else if (!this.knowledge.hasType(child.type()) || traits.canRunOnIOThread()) {
					result.devices().put(child.path(), KnownDevice.unreadable(child));
				}
			});
			return ask(again, result).thenCompose((done) -> confirmUnread(result, listing, attempts - 1));
		});
	}

	private static Map<String, Long> threadIds(JsonNode iothreads) {
		Map<String, Long> threadIds = new HashMap<>();
		for (JsonNode iothread : Qom.elements("its IOThreads", iothreads)) {
			String id = iothread.path("id").asString("");
			if (!iothread.path("id").isString() || id.isEmpty() || !iothread.path("thread-id").isIntegralNumber()) {
				throw new InvalidReplyException("one of its IOThreads has no id or no thread-id. Is that a QEMU?");
			}
			threadIds.put(Qom.checked(id), iothread.path("thread-id").asLong());
		}
		InvalidReplyException.requireAtMost(MOST_IOTHREADS, "IOThreads", threadIds.size());
		return threadIds;
	}

}
