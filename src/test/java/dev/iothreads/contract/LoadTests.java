package dev.iothreads.contract;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * The least loaded IOThread, and many clients at once.
 */
@EveryMachine
class LoadTests {

	private static final int CLIENTS = 8;

	private final Subject machine;

	LoadTests(Subject machine) {
		this.machine = machine;
	}

	@BeforeEach
	void setUp() {
		this.machine.tidy();
	}

	@Test
	void theLeastLoadedIOThreadIsTaken() {
		assertThat(attach("hot0")).isEqualTo("iothread1");
		// Two and two: the first by name.
		assertThat(attach("hot1")).isEqualTo("iothread0");
		assertThat(attach("hot2")).isEqualTo("iothread1");
		this.machine.pool("pool10");
		this.machine.pool("pool9");
		assertThat(attach("hot3")).isEqualTo("pool9");
		assertThat(attach("hot4")).isEqualTo("pool10");
		assertThat(attach("hot5")).isEqualTo("pool9");
	}

	@Test
	void aDeviceOnSeveralIOThreadsCountsOnEach() {
		if (this.machine.maps("virtio-blk-pci")) {
			this.machine.pool("pool0");
			this.machine.post("/devices", "{'id': 'hot0', 'drive': 'disk5', 'iothreads': ['pool0', 'iothread1']}")
				.is(201);
			// Two, two and one.
			assertThat(attach("hot1")).isEqualTo("pool0");
			assertThat(attach("hot2")).isEqualTo("iothread0");
		}
	}

	@Test
	void manyThatComeAtOnceAreSpreadEvenly() {
		// With what is there already: three threads with four devices each.
		this.machine.pool("pool0");
		AtomicInteger next = new AtomicInteger();
		atOnce(() -> {
			for (int id = next.getAndIncrement(); id < 9; id = next.getAndIncrement()) {
				attach("hot" + id);
			}
			return List.of();
		});
		Map<String, Integer> counts = new TreeMap<>();
		this.machine.links()
			.values()
			.forEach((iothreads) -> iothreads.forEach((iothread) -> counts.merge(iothread, 1, Integer::sum)));
		assertThat(counts).isEqualTo(Map.of("iothread0", 4, "iothread1", 4, "pool0", 4));
		this.machine.showsWhatIs();
	}

	@Test
	void fiftyAttachesAndDetachesFromManyClientsLeaveWhatTheySay() {
		this.machine.pool("pool0");
		AtomicInteger next = new AtomicInteger();
		Set<String> kept = new TreeSet<>();
		for (List<String> of : atOnce(() -> {
			List<String> mine = new ArrayList<>();
			for (int id = next.getAndIncrement(); id < 50; id = next.getAndIncrement()) {
				attach("hot" + id);
				mine.add("hot" + id);
				// One of ten stays.
				if (id % 10 != 0) {
					this.machine.delete("/devices/hot" + id).is(204);
					mine.remove("hot" + id);
				}
			}
			return mine;
		})) {
			kept.addAll(of);
		}
		assertThat(kept).containsExactly("hot0", "hot10", "hot20", "hot30", "hot40");
		kept.addAll(Subject.SET_UP.keySet());
		assertThat(this.machine.links().keySet()).isEqualTo(kept);
		this.machine.showsWhatIs();
	}

	@Test
	void ofManyWhoWantTheSameIdOneGetsIt() {
		AtomicInteger next = new AtomicInteger();
		List<Integer> statuses = new ArrayList<>();
		atOnce(() -> List
			.of(this.machine.post("/devices", "{'id': 'hot0', 'drive': 'disk%d'}".formatted(4 + next.getAndIncrement()))
				.status()))
			.forEach(statuses::addAll);
		assertThat(statuses).containsOnlyOnce(201).containsOnly(201, 409);
		this.machine.showsWhatIs();
	}

	@Test
	void ofManyWhoWantTheSameNodeOneGetsIt() {
		AtomicInteger next = new AtomicInteger();
		List<Integer> statuses = new ArrayList<>();
		atOnce(() -> List
			.of(this.machine.post("/devices", "{'id': 'hot%d', 'drive': 'disk5'}".formatted(next.getAndIncrement()))
				.status()))
			.forEach(statuses::addAll);
		assertThat(statuses).containsOnlyOnce(201).containsOnly(201, 409);
		assertThat(this.machine.links()).hasSize(4);
	}

	@Test
	void anIOThreadIsEitherRemovedOrUsed() {
		for (int round = 0; round < 5; round++) {
			String pool = this.machine.pool("pool" + round);
			String device = "hot" + round;
			AtomicInteger next = new AtomicInteger();
			atOnce(() -> {
				if (next.getAndIncrement() % 2 == 0) {
					this.machine.delete("/iothreads/" + pool);
				}
				else {
					this.machine.post("/iothreads/" + pool + "/devices",
							"{'id': '%s', 'drive': 'disk5'}".formatted(device));
				}
				return List.of();
			});
			boolean removed = this.machine.get("/iothreads/" + pool).status() == 404;
			assertThat(this.machine.links().getOrDefault(device, Set.of()))
				.isEqualTo(removed ? Set.of() : Set.of(pool));
			if (!removed) {
				this.machine.delete("/devices/" + device).is(204);
			}
		}
	}

	private String attach(String id) {
		JsonNode device = this.machine.post("/devices", "{'id': '%s', 'driver': 'virtio-scsi-pci'}".formatted(id))
			.is(201)
			.body();
		return device.path("iothreads").path(0).asString();
	}

	private static <T> List<T> atOnce(Callable<T> client) {
		CyclicBarrier start = new CyclicBarrier(CLIENTS);
		ExecutorService clients = Executors.newFixedThreadPool(CLIENTS);
		try {
			List<Future<T>> futures = new ArrayList<>();
			for (int i = 0; i < CLIENTS; i++) {
				futures.add(clients.submit(() -> {
					start.await();
					return client.call();
				}));
			}
			List<T> results = new ArrayList<>();
			for (Future<T> future : futures) {
				results.add(future.get());
			}
			return results;
		}
		catch (ExecutionException ex) {
			throw new AssertionError(ex.getCause());
		}
		catch (InterruptedException ex) {
			throw new AssertionError(ex);
		}
		finally {
			clients.shutdownNow();
		}
	}

}
