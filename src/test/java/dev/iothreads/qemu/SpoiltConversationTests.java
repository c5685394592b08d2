package dev.iothreads.qemu;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import dev.iothreads.machine.MachineException;
import dev.iothreads.machine.Snapshot;
import dev.iothreads.qmp.ScriptedMonitor;
import dev.iothreads.qmp.Transcript;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.ShrinkingMode;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

/**
 * Recorded conversations, one message of which is not as a QEMU would send it: the
 * machine is up again in the end, and is never counted wrong. A failure names the seed
 * that it comes back with ({@code @Property(seed = "…")}).
 */
class SpoiltConversationTests {

	private static final JsonMapper JSON = JsonMapper.shared();

	// Enough for a noisy machine, and not too long to wait for what never comes.
	private static final Duration TIMEOUT = Duration.ofMillis(400);

	// Garbage may begin like a message that never ends.
	private static final Duration UNRESPONSIVE_LIMIT = Duration.ofSeconds(2);

	private static final Map<String, Map<String, List<String>>> COUNTS = new ConcurrentHashMap<>();

	private static final int TRIES = 300;

	private static final AtomicInteger SPOILT = new AtomicInteger();

	private static long descriptors;

	private static Set<Thread> threads;

	@BeforeContainer
	static void count() {
		descriptors = descriptors();
		threads = connections();
	}

	private static Set<Thread> connections() {
		return Thread.getAllStackTraces()
			.keySet()
			.stream()
			.filter((thread) -> thread.getName().startsWith("qmp-"))
			.collect(Collectors.toSet());
	}

	@AfterContainer
	static void nothingIsLeft() {
		await().atMost(Duration.ofMinutes(1)).untilAsserted(() -> {
			assertThat(threads).containsAll(connections());
			assertThat(descriptors()).isLessThanOrEqualTo(descriptors + 2);
		});
		// The others ended before their turn had come.
		assertThat(SPOILT).hasValueGreaterThan(TRIES / 3);
	}

	private static long descriptors() {
		try (Stream<Path> open = Files.list(Path.of("/proc/self/fd"))) {
			return open.count();
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
	}

	@Property(tries = TRIES, shrinking = ShrinkingMode.OFF, edgeCases = EdgeCasesMode.NONE)
	void theMachineComesBackAndIsNeverCountedWrong(@ForAll("transcripts") String name, @ForAll Spoil spoil,
			@ForAll @IntRange(min = -2, max = 40) int position, @ForAll long seed) {
		Transcript transcript = Transcript.read(name).before(name.contains("seed") ? "blockdev-add" : "object-add");
		Map<String, List<String>> expected = COUNTS.computeIfAbsent(name, (key) -> unspoilt(transcript));
		AtomicInteger clients = new AtomicInteger();
		RecordedQemu recorded = RecordedQemu.of(transcript);
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket((client) -> {
			boolean first = clients.getAndIncrement() == 0;
			// The greeting, qmp_capabilities, and what is asked then.
			for (int at = -2;; at++) {
				JsonNode request = (at == -2) ? JSON.createObjectNode() : client.read();
				String reply = (at == -2) ? transcript.greeting().toString()
						: (at == -1) ? "{\"return\": {}}" : recorded.apply(request);
				if (first && at == position) {
					SPOILT.incrementAndGet();
					if (spoil.send(client, request, reply, new Random(seed))) {
						return;
					}
				}
				else {
					client.reply(request, reply);
				}
			}
		}); Watched vm = Watched.at(monitor.address(), TIMEOUT, TIMEOUT, UNRESPONSIVE_LIMIT)) {
			List<Map<String, List<String>>> seen = new ArrayList<>();
			await().atMost(Watched.LONGEST_WAIT).pollInSameThread().pollInterval(Duration.ofMillis(5)).until(() -> {
				Map<String, List<String>> counted = read(vm);
				if (counted != null) {
					seen.add(counted);
				}
				return seen.size() >= 3;
			});
			assertThat(seen).containsOnly(expected);
		}
	}

	// These bytes begin with a brace that is not closed: all that follows belongs to
	// them.
	@Example
	void garbageMayBeginLikeAMessageThatNeverEnds() {
		theMachineComesBackAndIsNeverCountedWrong("qemu-7.2.jsonl", Spoil.GARBAGE, 18, 214);
		theMachineComesBackAndIsNeverCountedWrong("qemu-10.0.jsonl", Spoil.GARBAGE, -2, -612);
	}

	private static @Nullable Map<String, List<String>> read(Watched vm) {
		try {
			return counts(vm.machine().read().join());
		}
		catch (CompletionException ex) {
			assertThat(ex.getCause()).isInstanceOf(MachineException.class);
			return null;
		}
	}

	// A setting that makes no sense is left out, and counts are still right.
	private static Map<String, List<String>> counts(Snapshot snapshot) {
		Map<String, List<String>> counts = new TreeMap<>();
		snapshot.iothreads()
			.forEach((iothread) -> counts.put(iothread.id(),
					iothread.attached().stream().map((attached) -> attached.id()).sorted().toList()));
		snapshot.devices().forEach((device) -> counts.put(device.qomPath(), device.iothreads()));
		return counts;
	}

	private static Map<String, List<String>> unspoilt(Transcript transcript) {
		try (ScriptedMonitor monitor = RecordedQemu.of(transcript).listen();
				Watched vm = Watched.at(monitor.address())) {
			Snapshot snapshot = vm.read();
			assertThat(snapshot.attachedCount()).isGreaterThan(4);
			return counts(snapshot);
		}
	}

	@Provide
	Arbitrary<String> transcripts() {
		return Arbitraries.of("qemu-7.2.jsonl", "qemu-10.0.jsonl", "qemu-11.1.jsonl", "qemu-seed-v4.jsonl");
	}

	/**
	 * What becomes of a message.
	 */
	enum Spoil {

		/** Its end never comes, and the monitor hangs up. */
		CUT {
			@Override
			boolean send(ScriptedMonitor.Client client, JsonNode request, String reply, Random random)
					throws IOException {
				byte[] bytes = reply.getBytes(StandardCharsets.UTF_8);
				client.sendRaw(Arrays.copyOf(bytes, random.nextInt(bytes.length)));
				return true;
			}
		},

		/** It comes twice. */
		TWICE {
			@Override
			boolean send(ScriptedMonitor.Client client, JsonNode request, String reply, Random random)
					throws IOException {
				client.reply(request, reply);
				client.reply(request, reply);
				return false;
			}
		},

		/** An answer to what was never asked comes before it. */
		ANOTHER_ID {
			@Override
			boolean send(ScriptedMonitor.Client client, JsonNode request, String reply, Random random)
					throws IOException {
				ObjectNode message = (ObjectNode) JSON.readTree(reply);
				message.set("id", JSON.readTree(List.of("7", "\"x\"", "null", "[1]", "{}").get(random.nextInt(5))));
				client.send(message.toString());
				client.reply(request, reply);
				return false;
			}
		},

		/** Bytes of no meaning come before it. */
		GARBAGE {
			@Override
			boolean send(ScriptedMonitor.Client client, JsonNode request, String reply, Random random)
					throws IOException {
				byte[] garbage = new byte[1 + random.nextInt(300)];
				random.nextBytes(garbage);
				client.sendRaw(garbage);
				client.sendRaw("\r\n".getBytes(StandardCharsets.UTF_8));
				client.reply(request, reply);
				return false;
			}
		},

		/** JSON that is no message comes before it. */
		NO_MESSAGE {
			@Override
			boolean send(ScriptedMonitor.Client client, JsonNode request, String reply, Random random)
					throws IOException {
				client.send(List
					.of("7", "null", "[]", "{}", "\"return\"", "{\"return\"}", "{\"event\": 7}",
							"{\"event\": \"DEVICE_DELETED\"}", "{\"QMP\": {}}", "{\"error\": {}}", "{\"error\": 7}")
					.get(random.nextInt(11)));
				client.reply(request, reply);
				return false;
			}
		},

		/** Events of all sorts come before it. */
		EVENTS {
			@Override
			boolean send(ScriptedMonitor.Client client, JsonNode request, String reply, Random random)
					throws IOException {
				for (int i = 0; i < 1 + random.nextInt(50); i++) {
					client.event(
							List.of("RESET", "STOP", "DEVICE_DELETED", "NOBODY_KNOWS", "DEVICE_UNPLUG_GUEST_ERROR")
								.get(random.nextInt(5)),
							List.of("{}", "{\"device\": \"blk0\", \"path\": \"/machine/peripheral/blk0\"}",
									"{\"device\": 7}", "{\"path\": null}", "{\"device\": [\"blk0\"]}")
								.get(random.nextInt(5)));
				}
				client.reply(request, reply);
				return false;
			}
		},

		/** What is returned is of another type. */
		ANOTHER_TYPE {
			@Override
			boolean send(ScriptedMonitor.Client client, JsonNode request, String reply, Random random)
					throws IOException {
				ObjectNode message = (ObjectNode) JSON.readTree(reply);
				if (message.has("return")) {
					message.set("return", odd(random));
				}
				client.reply(request, message.toString());
				return false;
			}
		},

		/** Something in what is returned is of another type. */
		ANOTHER_TYPE_WITHIN {
			@Override
			boolean send(ScriptedMonitor.Client client, JsonNode request, String reply, Random random)
					throws IOException {
				JsonNode message = JSON.readTree(reply);
				List<ObjectNode> objects = new ArrayList<>();
				collect(message.path("return"), objects);
				if (!objects.isEmpty()) {
					ObjectNode object = objects.get(random.nextInt(objects.size()));
					List<String> names = List.copyOf(object.propertyNames());
					object.set(names.get(random.nextInt(names.size())), odd(random));
				}
				client.reply(request, message.toString());
				return false;
			}
		};

		/**
		 * Sends it.
		 * @return whether to hang up
		 */
		abstract boolean send(ScriptedMonitor.Client client, JsonNode request, String reply, Random random)
				throws IOException;

		// None of these is what any QEMU returns where it is read.
		private static JsonNode odd(Random random) {
			return JSON.readTree(List.of("-7.5", "null", "true", "[[7]]", "{\"a\": {\"b\": 7}}", "[null]", "1e300")
				.get(random.nextInt(7)));
		}

		private static void collect(JsonNode node, List<ObjectNode> objects) {
			if (node instanceof ObjectNode object && !object.isEmpty()) {
				objects.add(object);
			}
			if (node instanceof ObjectNode || node instanceof ArrayNode) {
				node.forEach((child) -> collect(child, objects));
			}
		}

	}

}
