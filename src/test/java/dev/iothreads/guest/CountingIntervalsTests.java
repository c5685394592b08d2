package dev.iothreads.guest;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
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
import dev.iothreads.testing.EveryQemu;
import dev.iothreads.testing.Monitor;
import dev.iothreads.testing.QemuBinary;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

/**
 * How far the counts of a disk under load are behind QEMU's own, by the interval of the
 * readings.
 */
class CountingIntervalsTests {

	// A reading in a loaded host.
	private static final Duration SLACK = Duration.ofSeconds(5);

	@EveryQemu
	void noCountIsOlderThanTheIntervalOfTheReadings(QemuBinary binary) {
		// What is read in turn has its turn every 10 s: beyond that all intervals are
		// alike, and one QEMU shows it for the longest.
		List<Integer> intervals = binary.isAtLeast(11, 0) ? List.of(1, 5, 15, 60) : List.of(1, 5, 15);
		Guest.Builder builder = Guest.of(binary)
			.args("-object", "iothread,id=io0", "-blockdev", "null-co,node-name=disk0,size=16777216,read-zeroes=on",
					"-device", "virtio-blk-pci,id=blk0,drive=disk0,iothread=io0")
			.monitor("qmp");
		intervals.forEach((interval) -> builder.monitor("every" + interval));
		ScheduledExecutorService scheduler = Executors.newSingleThreadScheduledExecutor();
		List<Followed> followed = new ArrayList<>();
		try (Guest guest = builder.boot(); Monitor monitor = guest.qemu().monitor()) {
			guest.run(
					"(while :; do dd if=/dev/zero of=/dev/vda bs=4096 count=20 conv=fsync; usleep 20000; done) >/dev/null 2>&1 &");
			intervals.forEach((interval) -> followed.add(Followed.of(guest, interval, scheduler)));
			List<Sample> samples = new ArrayList<>();
			long end = System.nanoTime()
					+ oldest(Duration.ofSeconds(intervals.get(intervals.size() - 1))).plusSeconds(5).toNanos();
			await().pollInterval(Duration.ofMillis(500)).atMost(Duration.ofMinutes(2)).until(() -> {
				samples.add(new Sample(System.nanoTime(), writes(monitor)));
				followed.forEach(Followed::look);
				return System.nanoTime() > end;
			});
			assertThat(samples.get(samples.size() - 1).writes()).isGreaterThan(samples.get(0).writes() + 10);
			followed.forEach((each) -> each.assertKeepsUpWith(samples));
		}
		finally {
			followed.forEach(Followed::close);
			scheduler.shutdownNow();
		}
	}

	// What was read less than half an interval ago is not read again.
	private static Duration oldest(Duration interval) {
		return interval.plus(interval.dividedBy(2)).plus(SLACK);
	}

	private static long writes(Monitor monitor) {
		for (JsonNode disk : monitor.execute("query-blockstats")) {
			if (disk.path("node-name").asString("").equals("disk0")) {
				return disk.path("stats").path("wr_operations").asLong();
			}
		}
		throw new AssertionError("QEMU does not count for disk0");
	}

	private record Sample(long at, long writes) {

	}

	/**
	 * The machine as it is known to a service with one interval.
	 */
	private record Followed(Duration interval, Inventory inventory, List<Sample> samples) {

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
				this.samples.add(new Sample(System.nanoTime(),
						snapshot.activity()
							.io()
							.get("/machine/peripheral/blk0/virtio-backend")
							.getOrDefault(IoOperation.WRITE, IoCount.ZERO)
							.operations()));
			}
		}

		void assertKeepsUpWith(List<Sample> qemu) {
			long lag = oldest(this.interval).toNanos();
			List<Sample> late = this.samples.stream()
				.filter((sample) -> sample.at() > this.samples.get(0).at() + lag)
				.toList();
			assertThat(late).as("samples at an interval of %s", this.interval).hasSizeGreaterThan(5);
			assertThat(late).as("at an interval of %s", this.interval).allSatisfy((sample) -> {
				long least = qemu.stream()
					.filter((own) -> own.at() < sample.at() - lag)
					.mapToLong(Sample::writes)
					.max()
					.orElse(0);
				long most = qemu.stream()
					.filter((own) -> own.at() > sample.at())
					.mapToLong(Sample::writes)
					.min()
					.orElse(Long.MAX_VALUE);
				assertThat(sample.writes()).isBetween(least, most);
			});
		}

		void close() {
			this.inventory.close();
		}

	}

}
