package dev.iothreads.guest;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;

import dev.iothreads.host.ProcFinder;
import dev.iothreads.inventory.Inventory;
import dev.iothreads.machine.IoCount;
import dev.iothreads.machine.IoOperation;
import dev.iothreads.machine.Snapshot;
import dev.iothreads.qemu.QemuMachine;
import dev.iothreads.qemu.QemuOptions;
import dev.iothreads.qmp.MonitorAddress;
import dev.iothreads.testing.Monitor;
import dev.iothreads.testing.QemuBinary;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

/**
 * How far the counts of a disk under load are behind QEMU's own, by the interval of the
 * readings. All intervals and all QEMUs are watched at the same time.
 */
class CountingIntervalsTests {

	private static final List<Integer> INTERVALS = List.of(1, 5, 15, 60);

	// A reading in a loaded host.
	private static final Duration SLACK = Duration.ofSeconds(20);

	@Test
	void noCountIsOlderThanTheIntervalOfTheReadings() {
		QemusAtOnce.run(CountingIntervalsTests::watch);
	}

	private static void watch(QemuBinary binary) {
		Guest.Builder builder = Guest.of(binary)
			.args("-object", "iothread,id=io0", "-blockdev", "null-co,node-name=disk0,size=16777216,read-zeroes=on",
					"-device", "virtio-blk-pci,id=blk0,drive=disk0,iothread=io0")
			.monitor("qmp");
		INTERVALS.forEach((interval) -> builder.monitor("every" + interval));
		ScheduledExecutorService scheduler = Executors.newSingleThreadScheduledExecutor();
		List<Followed> followed = new ArrayList<>();
		try (Guest guest = builder.boot(); Monitor monitor = guest.qemu().monitor()) {
			guest.run(
					"(while :; do dd if=/dev/zero of=/dev/vda bs=4096 count=20 conv=fsync; usleep 100000; done) >/dev/null 2>&1 &");
			INTERVALS.forEach((interval) -> followed.add(Followed.of(guest, interval, scheduler)));
			List<Own> own = new ArrayList<>();
			Instant enough = Instant.now().plusSeconds(30);
			await().pollInterval(Duration.ofMillis(500)).atMost(Duration.ofMinutes(3)).until(() -> {
				own.add(Own.of(monitor));
				followed.forEach(Followed::look);
				return Instant.now().isAfter(enough) && followed.stream().allMatch(Followed::wasReadAgain);
			});
			own.add(Own.of(monitor));
			assertThat(own.get(own.size() - 1).writes()).isGreaterThan(own.get(0).writes() + 10);
			followed.forEach((each) -> each.assertKeepsUpWith(own));
		}
		finally {
			followed.forEach(Followed::close);
			scheduler.shutdownNow();
		}
	}

	/**
	 * What QEMU itself counts.
	 */
	private record Own(Instant asked, long writes, Instant answered) {

		static Own of(Monitor monitor) {
			Instant asked = Instant.now();
			for (JsonNode disk : monitor.execute("query-blockstats")) {
				if (disk.path("node-name").asString("").equals("disk0")) {
					return new Own(asked, disk.path("stats").path("wr_operations").asLong(), Instant.now());
				}
			}
			throw new AssertionError("QEMU does not count for disk0");
		}

	}

	/**
	 * What the service says, and of when.
	 */
	private record Said(Instant at, Instant observedAt, long writes) {

	}

	/**
	 * The machine as it is known to a service with one interval.
	 */
	private record Followed(Duration interval, Inventory inventory, List<Said> said) {

		static Followed of(Guest guest, int seconds, ScheduledExecutorService scheduler) {
			Duration interval = Duration.ofSeconds(seconds);
			Inventory inventory = new Inventory(scheduler, interval, interval);
			inventory.add("vm1",
					QemuMachine.connect("vm1", new MonitorAddress.UnixAddress(guest.qemu().socket("every" + seconds)),
							new QemuOptions(Duration.ofSeconds(10), Duration.ofSeconds(30), Thread::new,
									Duration.ofMillis(500), new ProcFinder()),
							scheduler));
			return new Followed(interval, inventory, new ArrayList<>());
		}

		void look() {
			Snapshot snapshot = this.inventory.views().get(0).snapshot();
			if (snapshot != null) {
				this.said.add(new Said(Instant.now(), Objects.requireNonNull(snapshot.activity().ioObservedAt()),
						snapshot.activity()
							.io()
							.get("/machine/peripheral/blk0/virtio-backend")
							.getOrDefault(IoOperation.WRITE, IoCount.ZERO)
							.operations()));
			}
		}

		/**
		 * Whether there was a later count, by the readings that the interval asks for.
		 */
		boolean wasReadAgain() {
			return this.said.stream()
				.anyMatch((each) -> !each.observedAt()
					.isBefore(this.said.get(0).observedAt().plus(this.interval.dividedBy(2))));
		}

		void assertKeepsUpWith(List<Own> qemu) {
			// What was read less than half an interval ago is not read again.
			Duration oldest = this.interval.plus(this.interval.dividedBy(2)).plus(SLACK);
			assertThat(this.said).as("at an interval of %s", this.interval)
				.hasSizeGreaterThan(20)
				.allSatisfy((each) -> {
					assertThat(Duration.between(each.observedAt(), each.at())).isLessThan(oldest);
					long least = qemu.stream()
						.filter((own) -> own.answered().isBefore(each.observedAt()))
						.mapToLong(Own::writes)
						.max()
						.orElse(0);
					long most = qemu.stream()
						.filter((own) -> own.asked().isAfter(each.at()))
						.mapToLong(Own::writes)
						.min()
						.orElse(Long.MAX_VALUE);
					assertThat(each.writes()).isBetween(least, most);
				});
			assertThat(this.said.get(this.said.size() - 1).writes()).as("at an interval of %s", this.interval)
				.isGreaterThan(this.said.get(0).writes());
		}

		void close() {
			this.inventory.close();
		}

	}

}
