package dev.iothreads.guest;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

import dev.iothreads.advice.Advice;
import dev.iothreads.advice.Adviser;
import dev.iothreads.history.History;
import dev.iothreads.history.Load;
import dev.iothreads.machine.Snapshot;
import dev.iothreads.metrics.Watched;
import dev.iothreads.testing.Needs;
import dev.iothreads.testing.Monitor;
import dev.iothreads.testing.QemuBinary;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

/**
 * What is advised of a guest that reads its disks by {@code dd}, and whether following it
 * helps.
 */
class AdviceInGuestTests {

	private static final Duration ENOUGH = Duration.ofSeconds(35);

	private static final String LOOP = "echo 0 >/sys/block/%1$s/queue/read_ahead_kb; (while :; do echo 3 >/proc/sys/vm/drop_caches; "
			+ "dd if=/dev/%1$s of=/dev/null bs=4096 count=4; done) >/dev/null 2>&1 &";

	@TempDir
	private Path directory;

	@Test
	void anIOThreadThatPollsUsesLessThanHalfOnceTheAdviceIsFollowed() {
		QemuBinary binary = Needs.qemus().get(0);
		try (Guest guest = Guest.of(binary)
			.args("-object", "iothread,id=pool0,poll-max-ns=20000000", "-object", "iothread,id=pool1", "-blockdev",
					"null-co,node-name=disk0,size=16777216,read-zeroes=on", "-blockdev",
					"null-co,node-name=disk1,size=16777216,read-zeroes=on", "-device",
					"virtio-blk-pci,id=data0,drive=disk0,iothread=pool0", "-device",
					"virtio-blk-pci,id=data1,drive=disk1")
			.in(this.directory)
			.boot(); Watched watched = Watched.at(guest.qemu().socket())) {
			guest.run(LOOP.formatted("vda"));
			// On a busy machine the IOThread may get too little CPU time at first.
			History polling = watch(watched,
					(history) -> examine(watched, history).stream()
						.map(Advice::rule)
						.toList()
						.containsAll(List.of("polling", "main-loop", "unused")));
			List<Advice> advice = examine(watched, polling);
			Advice first = advice.stream().filter((each) -> each.rule().equals("polling")).findFirst().orElseThrow();
			assertThat(first.text()).contains("poll-max-ns 20000000");
			try (Monitor monitor = guest.qemu().monitor()) {
				monitor.execute("qom-set", Map.of("path", "/objects/pool0", "property", "poll-max-ns", "value", 32768));
			}
			History calm = watch(watched, (history) -> true);
			assertThat(examine(watched, calm)).extracting(Advice::rule).doesNotContain("polling");
			Load before = polling.means().iothreads().get(0);
			Load after = calm.means().iothreads().get(0);
			assertThat(after.cpuPercent()).as("%s, then %s", before, after).isLessThan(before.cpuPercent() / 2);
		}
	}

	private static List<Advice> examine(Watched watched, History history) {
		return new Adviser(Duration.ofSeconds(30)).examine("vm1", watched.read(), history.means(), null).advice();
	}

	private static History watch(Watched watched, Predicate<History> enough) {
		History history = new History();
		await().atMost(Duration.ofMinutes(2)).pollInterval(Duration.ofSeconds(1)).until(() -> {
			Snapshot snapshot = watched.read();
			history.add(snapshot, System.nanoTime());
			return history.means().observed().compareTo(ENOUGH) >= 0 && enough.test(history);
		});
		return history;
	}

}
