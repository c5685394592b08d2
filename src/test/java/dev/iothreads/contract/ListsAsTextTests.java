package dev.iothreads.contract;

import java.util.Arrays;
import java.util.List;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

/**
 * Lists as {@code text/plain}, which hold what the same lists hold as JSON.
 */
@EveryMachine
class ListsAsTextTests {

	private final Subject machine;

	ListsAsTextTests(Subject machine) {
		this.machine = machine;
	}

	@BeforeEach
	void setUp() {
		this.machine.tidy();
	}

	@Test
	void machinesSayWhetherTheyAnswer() {
		JsonNode info = this.machine.get("").is(200).body();
		List<String> row = rows(all("/api/v1/machines")).stream()
			.filter((cells) -> cells.get(0).equals(this.machine.name()))
			.findFirst()
			.orElseThrow();
		assertThat(row).startsWith(this.machine.name(), "up", info.path("run-state").asString("-"),
				info.path("qemu-version").asString(), "2", "3", "3");
	}

	@Test
	void devicesAreThoseOfTheListAsJson() {
		List<List<String>> rows = rows(this.machine.get("/devices", "Accept", "text/plain"));
		assertThat(rows.get(0)).containsExactly("MACHINE", "DEVICE", "DRIVER", "STATE", "IOTHREADS", "DRIVE", "FILE",
				"REASON");
		assertThat(rows.stream().skip(1).map((row) -> row.get(1)))
			.containsExactlyElementsOf(this.machine.get("/devices").body().findValuesAsString("id"));
		assertThat(rows.get(1)).startsWith(this.machine.name(), "blk0", "virtio-blk-pci", "attached", "iothread0",
				"disk0");
		assertThat(all("/api/v1/devices?machine=" + this.machine.name()).text())
			.isEqualTo(this.machine.get("/devices", "Accept", "text/plain").text());
		assertThat(rows(this.machine.get("/iothreads/iothread1/devices", "Accept", "text/plain"))).hasSize(2)
			.last()
			.satisfies((row) -> assertThat(row.get(1)).isEqualTo("blk3"));
	}

	@Test
	void iothreadsOfEveryMachineAreATable() {
		List<List<String>> rows = rows(all("/api/v1/iothreads?machine=" + this.machine.name()));
		JsonNode first = this.machine.get("/iothreads/iothread0").body();
		assertThat(rows.get(1)).startsWith(this.machine.name(), "iothread0", first.path("thread-id").asString())
			.endsWith(first.path("poll-max-ns").asString(), "2", "blk0,blk1");
		assertThat(rows).hasSize(3);
	}

	@Test
	void activityHasIOThreadsDevicesAndWhatIsNotKnown() {
		String text = all("/api/v1/activity?machine=" + this.machine.name()).text();
		assertThat(text).containsPattern("^MACHINE +IOTHREAD ")
			.containsPattern("\nMACHINE +DEVICE .* DISK-OF\n")
			.contains("CPU-UNAVAILABLE\n");
		JsonNode activity = Service.shared()
			.send("GET", "/api/v1/activity?machine=" + this.machine.name(), null)
			.body()
			.path(0);
		String[] parts = text.split("\n\nMACHINE ");
		assertThat(parts[0].lines().skip(1).map((line) -> line.split(" +", 4)))
			.extracting((cells) -> cells[1], (cells) -> cells[2])
			.containsExactlyElementsOf(activity.path("iothreads")
				.valueStream()
				.map((iothread) -> tuple(iothread.path("id").asString(), iothread.path("thread-id").asString("-")))
				.toList());
		assertThat(parts[1].lines().skip(1).map((line) -> line.split(" +", 3)[1])).containsExactlyElementsOf(
				activity.path("devices").valueStream().map((device) -> device.path("id").asString()).toList());
	}

	@Test
	void whatIsFreeIsATable() {
		List<List<String>> rows = rows(this.machine.get("/attachable", "Accept", "text/plain"));
		assertThat(rows).contains(List.of("drive", "disk2", "-", "-", "-"), List.of("bus", "rp3", "-", "-", "-"))
			.doesNotContain(List.of("drive", "disk0", "-", "-", "-"));
	}

	@Test
	void historyHasAColumnForEachIOThread() {
		assertThat(rows(this.machine.get("/history", "Accept", "text/plain")).get(0)).containsExactly("TIME", "CPU-%",
				"OPERATIONS/S", "iothread0:CPU-%", "iothread0:OPERATIONS/S", "iothread1:CPU-%",
				"iothread1:OPERATIONS/S");
	}

	@Test
	void adviceIsSentences() {
		assertThat(this.machine.get("/advice", "Accept", "text/plain").is(200).text())
			.startsWith(this.machine.name() + " was watched for 0 minutes as it is now.\n")
			.contains(this.machine.get("/advice").body().path("reason").asString());
	}

	private static Answer all(String path) {
		return Service.shared().send("GET", path, null, "Accept", "text/plain");
	}

	private static List<List<String>> rows(Answer answer) {
		answer.is(200);
		assertThat(answer.header("Content-Type")).isEqualTo("text/plain");
		return answer.text().lines().map((line) -> Arrays.asList(line.split(" {2,}"))).toList();
	}

}
