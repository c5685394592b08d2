package dev.iothreads.inventory;

import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledThreadPoolExecutor;

import dev.iothreads.embedded.EmbeddedMachine;
import dev.iothreads.machine.ChangeRefusedException;
import dev.iothreads.machine.Device;
import dev.iothreads.machine.IOThreadProperty;
import dev.iothreads.machine.IOThreadSettings;
import dev.iothreads.machine.ImageDirectories;
import dev.iothreads.machine.NewDevice;
import dev.iothreads.machine.Pool;
import dev.iothreads.machine.PoolChange;
import dev.iothreads.machine.ReadOnlyMachine;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;
import static org.awaitility.Awaitility.await;

/**
 * Pools on machines in memory.
 */
class UpkeepTests {

	private static final Pool POOL = new Pool("*", "pool{n}", 3,
			new IOThreadSettings(Map.of(IOThreadProperty.POLL_MAX_NS, 5L)));

	private final ScheduledThreadPoolExecutor scheduler = new ScheduledThreadPoolExecutor(1);

	private final ExecutorService executor = Executors.newFixedThreadPool(8);

	private final Map<String, Pool> pools = new HashMap<>(Map.of("vm1", POOL));

	private final Inventory inventory = new Inventory(this.scheduler, Duration.ofDays(1), Duration.ofDays(1),
			(machine) -> Optional.ofNullable(this.pools.get(machine)));

	private final IOThreadService service = new IOThreadService(this.inventory, Duration.ZERO);

	private final List<PoolChange> audited = new CopyOnWriteArrayList<>();

	@AfterEach
	void close() {
		this.inventory.close();
		this.executor.shutdownNow();
		this.scheduler.shutdownNow();
	}

	private void listen() {
		this.inventory.listen(new Upkeep(this.inventory, false, this.executor, this.audited::add));
	}

	@Test
	void whatIsMissingIsAddedAndWhatDiffersIsTunedAndTheRestIsLeft() {
		EmbeddedMachine machine = EmbeddedMachine.demo();
		machine.addIOThread("pool1", IOThreadSettings.NONE);
		this.inventory.add("vm1", machine);
		listen();
		awaitMissing("vm1", 0);
		assertThat(machine.read().join().iothreads()).extracting("id")
			.containsExactly("iothread0", "iothread1", "pool0", "pool1", "pool2");
		for (String id : POOL.ids()) {
			assertThat(machine.read().join().iothread(id).orElseThrow().settings().get(IOThreadProperty.POLL_MAX_NS))
				.isEqualTo(5);
		}
		assertThat(
				machine.read().join().iothread("iothread0").orElseThrow().settings().get(IOThreadProperty.POLL_MAX_NS))
			.isEqualTo(32768);
		await().untilAsserted(() -> assertThat(this.audited).extracting(PoolChange::iothread, PoolChange::isNew)
			.containsExactly(tuple("pool0", true), tuple("pool1", false), tuple("pool2", true)));
		assertThat(this.service.snapshot("vm1").iothreads()).extracting("pool")
			.containsExactly(null, null, "*", "*", "*");
	}

	@Test
	void fiftyMachinesGetTheirPoolsAtOnce() {
		for (int i = 0; i < 50; i++) {
			this.pools.put("vm" + i, POOL);
			this.inventory.add("vm" + i, EmbeddedMachine.demo());
		}
		listen();
		for (int i = 0; i < 50; i++) {
			awaitMissing("vm" + i, 0);
		}
		assertThat(this.audited).hasSize(150).allMatch((change) -> change.failure() == null);
	}

	@Test
	void aMachineThatMustNotBeChangedIsLeftAlone() {
		EmbeddedMachine machine = EmbeddedMachine.demo();
		this.inventory.add("vm1", new ReadOnlyMachine(machine, "It is read-only."));
		listen();
		await().untilAsserted(() -> assertThat(state("vm1")).isEqualTo(new PoolState(3, "It is read-only.")));
		assertThat(machine.read().join().iothreads()).hasSize(2);
	}

	@Test
	void aFailureIsShownAndNotTriedAgainAtOnce() {
		EmbeddedMachine machine = EmbeddedMachine.demo();
		Pool strange = new Pool("*", "pool{n}", 2, new IOThreadSettings(Map.of(IOThreadProperty.POLL_WEIGHT, 5L)));
		this.pools.put("vm1", strange);
		this.inventory.add("vm1", machine);
		listen();
		await().untilAsserted(() -> {
			assertThat(state("vm1").missing()).isEqualTo(2);
			assertThat(state("vm1").reason()).contains("poll-weight");
		});
		for (int reading = 0; reading < 50; reading++) {
			this.service.snapshot("vm1");
		}
		assertThat(this.audited).hasSize(2).allMatch((change) -> change.failure() instanceof ChangeRefusedException);
	}

	@Test
	void whatIsRemovedLaterIsShownAndNotForcedBack() {
		EmbeddedMachine machine = EmbeddedMachine.demo();
		this.inventory.add("vm1", machine);
		listen();
		awaitMissing("vm1", 0);
		machine.removeIOThread("pool2");
		this.service.snapshot("vm1");
		assertThat(state("vm1").missing()).isEqualTo(1);
		assertThat(state("vm1").reason()).contains("removed since");
		this.service.snapshot("vm1");
		assertThat(machine.read().join().iothread("pool2")).isEmpty();
	}

	@Test
	void aDeviceThatNamesNoIOThreadGoesToThePool() {
		this.inventory.add("vm1", EmbeddedMachine.demo());
		listen();
		awaitMissing("vm1", 0);
		ChangeService changes = new ChangeService(this.inventory, Set.of("virtio-blk-pci"), ImageDirectories.NONE,
				Duration.ofSeconds(1), Duration.ZERO);
		for (int i = 0; i < 6; i++) {
			String id = "hot" + i;
			Device device = changes
				.attach("vm1", new NewDevice(id, "virtio-blk-pci", List.of(), "disk" + (4 + i), null, Map.of()))
				.snapshot()
				.device(id)
				.orElseThrow();
			assertThat(device.iothreads()).containsExactly("pool" + i % 3);
		}
	}

	private void awaitMissing(String machine, int missing) {
		await().untilAsserted(() -> {
			this.service.snapshot(machine);
			assertThat(state(machine)).isEqualTo(new PoolState(missing, null));
		});
	}

	private PoolState state(String machine) {
		PoolState state = this.service.machine(machine).pool();
		assertThat(state).isNotNull();
		return state;
	}

}
