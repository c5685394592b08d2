package dev.iothreads.advice;

import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.Map;

import dev.iothreads.advice.Advice.Placement;
import dev.iothreads.advice.Advice.Severity;
import dev.iothreads.history.Recorded;
import dev.iothreads.machine.Device;
import dev.iothreads.machine.DeviceState;
import dev.iothreads.machine.Disk;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

/**
 * What is advised by figures that were recorded.
 */
class AdviserTests {

	private static final Duration ENOUGH = Duration.ofMinutes(10);

	private final Recorded machine = new Recorded();

	private @Nullable URI service = URI.create("https://node3:8443");

	@Test
	void aBusyIOThreadGivesADiskToAnIdleOne() {
		this.machine.iothread("pool0", 1)
			.iothread("pool1", 84)
			.iothread("pool3", 1)
			.disk("data0", 4700, "pool1")
			.disk("data2", 3700, "pool1")
			.disk("data1", 1600, "pool3");
		Advice advice = only("placement");
		assertThat(advice.severity()).isEqualTo(Severity.WARNING);
		assertThat(advice.text())
			.isEqualTo("IOThread pool1 does 84 % of the machine's operations with data0 and data2, and "
					+ "pool0 is idle: with data2 on pool0 the busiest would have 47 %.");
		assertThat(advice.before()).extracting(Placement::iothread, (place) -> Math.round(place.sharePercent()))
			.containsExactly(tuple("pool0", 0L), tuple("pool1", 84L), tuple("pool3", 16L));
		assertThat(advice.after()).extracting(Placement::devices)
			.containsExactly(List.of("data2"), List.of("data0"), List.of("data1"));
		assertThat(advice.steps()).contains("curl -X DELETE https://node3:8443/api/v1/machines/vm1/devices/data2")
			.anyMatch((step) -> step.contains("/iothreads/pool0/devices"))
			.anyMatch((step) -> step.contains("-device virtio-blk-pci,id=data2,drive=data2-node,iothread=pool0"));
	}

	@ParameterizedTest
	@CsvSource(delimiter = '|', textBlock = """
			libvirt | virsh edit
			proxmox | qm set
			        | -device virtio-blk-pci
			""")
	void whatTheServiceMayNotChangeIsChangedWhereItIsManaged(@Nullable String manager, String way) {
		this.service = null;
		if (manager != null) {
			this.machine.managedBy(manager);
		}
		this.machine.iothread("iothread1", 84)
			.iothread("iothread2", 1)
			.iothread("iothread3", 0)
			.disk("disk0", 3000, "iothread1")
			.disk("disk1", 2000, "iothread1")
			.device(new Device("disk2", "virtio-blk-pci", Recorded.path("disk2"), List.of(), DeviceState.MAIN_LOOP,
					null, "node2"), 1);
		assertThat(examine()).extracting(Advice::rule).contains("placement", "main-loop", "unused");
		assertThat(examine()).flatExtracting(Advice::steps).noneMatch((step) -> step.contains("curl"));
		assertThat(only("placement").steps()).singleElement().asString().contains(way);
	}

	@Test
	void aPollingIOThreadOfProxmoxIsNotTuned() {
		this.service = null;
		this.machine.managedBy("proxmox")
			.iothread("iothread-virtioscsi0", 71, 1_000_000, null)
			.disk("data0", 300, "iothread-virtioscsi0");
		assertThat(only("polling").steps()).singleElement().asString().contains("Proxmox VE has no option");
	}

	@Test
	void aDiskOfLibvirtIsMovedInItsDescription() {
		this.machine.managedBy("libvirt")
			.iothread("iothread1", 84)
			.iothread("iothread2", 1)
			.disk("virtio-disk0", 3000, "iothread1")
			.disk("virtio-disk1", 2000, "iothread1");
		assertThat(only("placement").steps()).anyMatch((step) -> step.contains("<driver … iothread='2'/>"))
			.noneMatch((step) -> step.contains("-device"));
	}

	@Test
	void aPlacementThatIsGoodIsLeft() {
		this.machine.iothread("pool0", 60)
			.iothread("pool1", 55)
			.disk("data0", 2000, "pool0")
			.disk("data1", 1800, "pool1")
			.disk("data2", 30, "pool0");
		assertThat(examine()).isEmpty();
	}

	@Test
	void idleDisksAreNoReasonToMove() {
		this.machine.iothread("pool0", 12).iothread("pool1", 0).disk("data0", 40, "pool0").disk("data1", 30, "pool0");
		assertThat(rules()).doesNotContain("placement");
	}

	@Test
	void aPlacementIsNotComputedWithoutTheFiguresOfEachDisk() {
		this.machine.iothread("pool0", 84)
			.iothread("pool1", 1)
			.disk("data0", 4000, "pool0")
			.disk("data1", 3000, "pool0")
			.withoutStatistics();
		assertThat(rules()).doesNotContain("placement", "polling");
		assertThat(report(ENOUGH).reason()).contains("The operations of some IOThreads are not known");
	}

	@Test
	void noPlaceIsBetterForADiskThatIsAlone() {
		this.machine.iothread("pool0", 95).iothread("pool1", 1).disk("data0", 40000, "pool0").disk("data1", 1, "pool1");
		Advice advice = only("spread");
		assertThat(advice.text()).contains("95 % of a CPU for 40000 operations a second").contains("data0");
		assertThat(rules()).doesNotContain("placement");
	}

	@Test
	void aPollingTimeThatCostsMoreThanItBringsIsNamed() {
		this.machine.iothread("pool0", 71, 1_000_000, null).disk("data0", 300, "pool0");
		Advice advice = only("polling");
		assertThat(advice.text())
			.isEqualTo("IOThread pool0 uses 71 % of a CPU for 300 operations a second: it is polling "
					+ "(poll-max-ns 1000000). 32768, QEMU's default, would cost about 3 %, and an operation could begin some µs "
					+ "later.");
		assertThat(advice.steps())
			.anyMatch((step) -> step.contains("PATCH") && step.contains("\"poll-max-ns\": 32768"));
	}

	@Test
	void pollingIsNoLoadThatIsToMove() {
		this.machine.iothread("pool0", 95, 1_000_000, null)
			.iothread("pool1", 0)
			.disk("data0", 200, "pool0")
			.disk("data1", 100, "pool0");
		assertThat(rules()).contains("polling").doesNotContain("placement");
		this.machine.iothread("pool0", 95, 32_768, null);
		assertThat(rules()).contains("placement").doesNotContain("polling");
	}

	@Test
	void pollingDoesNotFillAnIOThread() {
		this.machine.iothread("pool0", 95, 1_000_000, null).iothread("pool1", 0).disk("data0", 300, "pool0");
		assertThat(rules()).contains("polling").doesNotContain("spread");
	}

	@Test
	void anIOThreadThatWorksForItsTimeDoesNotPoll() {
		this.machine.iothread("pool0", 71, 1_000_000, null).disk("data0", 12_000, "pool0");
		assertThat(rules()).doesNotContain("polling");
		this.machine.iothread("pool0", 71, 32_768, null).disk("data0", 300, "pool0");
		assertThat(rules()).doesNotContain("polling");
	}

	@Test
	void twoBusyIOThreadsOnOneCpuWait() {
		this.machine.iothread("pool0", 48, 32_768, "3")
			.iothread("pool1", 47, 32_768, "3")
			.disk("data0", 2000, "pool0")
			.disk("data1", 2000, "pool1");
		Advice advice = only("pinning");
		assertThat(advice.text()).isEqualTo(
				"Busy IOThreads pool0 (48 %) and pool1 (47 %) may run on CPU 3 only, all of them: they wait for one "
						+ "another.");
		assertThat(advice.steps()).contains("taskset -cp CPU 100", "taskset -cp CPU 101");
	}

	@Test
	void listsOfCpusThatOverlapAreAddedUp() {
		this.machine.iothread("pool0", 48, 32_768, "2")
			.iothread("pool1", 47, 32_768, "3")
			.iothread("pool2", 46, 32_768, "2-3")
			.iothread("pool3", 45, 32_768, "2-4");
		assertThat(only("pinning").text()).isEqualTo(
				"Busy IOThreads pool0 (48 %), pool1 (47 %) and pool2 (46 %) may run on CPUs 2-3 only, which are 2 for "
						+ "3: they wait for one another.");
	}

	@Test
	void theSameCpuIsNamedOnce() {
		this.machine.iothread("pool0", 48, 32_768, "2")
			.iothread("pool1", 47, 32_768, "2")
			.iothread("pool2", 46, 32_768, "2-3");
		assertThat(only("pinning").text()).contains("pool0 (48 %) and pool1 (47 %) may run on CPU 2 only");
	}

	@Test
	void twoIOThreadsOnTwoCpusDoNot() {
		this.machine.iothread("pool0", 48, 32_768, "2-3")
			.iothread("pool1", 47, 32_768, "2-3")
			.disk("data0", 2000, "pool0")
			.disk("data1", 2000, "pool1");
		assertThat(rules()).doesNotContain("pinning");
	}

	@Test
	void aDiskInTheMainLoopIsNamed() {
		this.machine.iothread("pool0", 10)
			.iothread("pool1", 2)
			.disk("data0", 300, "pool0")
			.disk("data1", 100, "pool1")
			.device(new Device("data3", "virtio-blk-pci", Recorded.path("data3"), List.of(), DeviceState.MAIN_LOOP,
					null, "node3"), 0)
			.device(new Device("balloon0", "virtio-balloon-pci", Recorded.path("balloon0"), List.of(),
					DeviceState.MAIN_LOOP, null, null), 0);
		Advice advice = only("main-loop");
		assertThat(advice.text()).startsWith("data3 could run on an IOThread");
		assertThat(advice.steps()).anyMatch((step) -> step.contains("/iothreads/pool1/devices"));
	}

	@Test
	void whatCannotBeUnpluggedWaitsForTheNextBoot() {
		Disk disk = new Disk("disk0", "scsi-hd", Recorded.path("disk0"), 0, 0, "node0", false, null);
		this.machine.iothread("pool0", 10)
			.device(new Device("scsi0", "virtio-scsi-pci", Recorded.path("scsi0"), List.of(), DeviceState.MAIN_LOOP,
					null, null, false, true, Map.of(), List.of(disk), null), 0)
			.device(new Device("data3", "virtio-blk-pci", Recorded.path("data3"), List.of(), DeviceState.MAIN_LOOP,
					null, "node3", false, false, Map.of(), List.of(), null), 0);
		assertThat(examine()).filteredOn((each) -> each.rule().equals("main-loop"))
			.hasSize(2)
			.allSatisfy((each) -> assertThat(each.steps()).singleElement().asString().startsWith("At the next boot"));
	}

	@Test
	void whatIsSentIsQuoted() {
		this.machine.iothread("pool 0", 84)
			.iothread("pool1", 1)
			.disk("data/0", 2900, "pool 0")
			.disk("data/1", 3000, "pool 0");
		assertThat(only("placement").steps())
			.contains("curl -X DELETE https://node3:8443/api/v1/machines/vm1/devices/data%2F0");
		assertThat(Steps.send("POST", "http://localhost", "{\"file\": \"a'b\"}"))
			.endsWith("-d '{\"file\": \"a'\\''b\"}'");
	}

	@Test
	void anIOThreadThatServesNoVirtqueueIsNamed() {
		this.machine.iothread("pool0", 10)
			.iothread("pool1", 10)
			.iothread("pool2", 0)
			.device(new Device("data0", "virtio-blk-pci", Recorded.path("data0"), List.of("pool0", "pool1", "pool2"),
					DeviceState.ATTACHED, null, "node0", false, true,
					Map.of("pool0", List.of(0), "pool1", List.of(1), "pool2", List.of()), List.of(), null), 900);
		assertThat(only("virtqueues").text())
			.isEqualTo("data0 has fewer virtqueues (2) than IOThreads (3): pool2 serves none of them.");
	}

	@Test
	void moreIOThreadsThanTheLoadNeedsAreCounted() {
		this.machine.iothread("pool0", 12)
			.iothread("pool1", 11)
			.iothread("pool2", 12)
			.iothread("pool3", 10)
			.disk("data0", 100, "pool0")
			.disk("data1", 100, "pool1")
			.disk("data2", 100, "pool2")
			.disk("data3", 100, "pool3");
		assertThat(only("surplus").text()).isEqualTo(
				"4 IOThreads have devices, and none of them uses more than 12 % of a CPU: 2 would do for this load.");
	}

	@Test
	void aMachineAtRestNeedsNothing() {
		this.machine.iothread("pool0", 0.1).iothread("pool1", 0).disk("data0", 0, "pool0").disk("data1", 0, "pool1");
		assertThat(examine()).isEmpty();
	}

	@Test
	void anUnusedIOThreadIsNamed() {
		this.machine.iothread("pool0", 30).iothread("pool1", 0).iothread("pool2", 0).disk("data0", 500, "pool0");
		assertThat(only("unused").text()).isEqualTo("IOThreads pool1 and pool2 are there and have nothing attached.");
	}

	@Test
	void youngFiguresSayNothing() {
		this.machine.iothread("pool0", 84)
			.iothread("pool1", 1)
			.disk("data0", 4700, "pool0")
			.disk("data2", 3700, "pool0");
		Adviser.Report report = report(Duration.ofMinutes(4));
		assertThat(report.advice()).isEmpty();
		assertThat(report.reason()).isEqualTo(
				"Its IOThreads and devices are as they are now for 3 minutes, and 5 are needed. Ask again then.");
		assertThat(report(Duration.ofMinutes(2)).advice()).isNotEmpty();
		this.machine.iothread("pool1", 1, 0, null).run(Duration.ofMinutes(1));
		assertThat(report(Duration.ofSeconds(5)).advice()).isEmpty();
	}

	@Test
	void aGuestThatIsPausedSaysNothing() {
		this.machine.iothread("pool0", 84).in("paused").disk("data0", 4700, "pool0");
		assertThat(report(ENOUGH).reason()).contains("run state paused");
	}

	private Advice only(String rule) {
		List<Advice> advice = examine().stream().filter((each) -> each.rule().equals(rule)).toList();
		assertThat(advice).as(rule).hasSize(1);
		return advice.get(0);
	}

	private List<String> rules() {
		return examine().stream().map(Advice::rule).toList();
	}

	private List<Advice> examine() {
		return report(ENOUGH).advice();
	}

	private Adviser.Report report(Duration time) {
		this.machine.run(time);
		return new Adviser(Adviser.LEAST).examine("vm1", this.machine.snapshot(), this.machine.history().means(),
				this.service);
	}

}
