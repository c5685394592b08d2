package dev.iothreads.contract;

import java.util.List;
import java.util.stream.IntStream;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * {@code GET …/attachable}.
 */
@EveryMachine
class AttachableTests {

	private final Subject machine;

	AttachableTests(Subject machine) {
		this.machine = machine;
	}

	@BeforeEach
	void setUp() {
		this.machine.tidy();
	}

	@Test
	void whatIsFreeIsOfferedInTheOrderOfItsNumbers() {
		assertThat(offered("drives")).containsExactlyElementsOf(IntStream.range(0, 16)
			.filter((disk) -> disk != 0 && disk != 1 && disk != 3)
			.mapToObj((disk) -> "disk" + disk)
			.toList());
		assertThat(offered("buses")).containsExactlyElementsOf(
				IntStream.range(Subject.TAKEN_PORTS, Subject.PORTS).mapToObj((port) -> "rp" + port).toList());
		assertThat(offered("drivers")).contains("virtio-blk-pci", "virtio-scsi-pci").doesNotContain("e1000").isSorted();
	}

	@Test
	void whatIsOfferedCanBeAttachedAndIsTakenThen() {
		String drive = offered("drives").get(4);
		String bus = offered("buses").get(3);
		this.machine.post("/devices", "{'id': 'hot0', 'drive': '%s', 'bus': '%s'}".formatted(drive, bus)).is(201);
		assertThat(offered("drives")).doesNotContain(drive).hasSize(12);
		assertThat(offered("buses")).doesNotContain(bus).hasSize(12);
		this.machine.delete("/devices/hot0").is(204);
		Eventually.see(() -> offered("drives"), (drives) -> drives.contains(drive));
		assertThat(offered("buses")).contains(bus);
	}

	private List<String> offered(String what) {
		JsonNode offer = this.machine.get("/attachable").is(200).body();
		assertThat(offer.path("machine").asString()).isEqualTo(this.machine.name());
		return offer.path(what).valueStream().map(JsonNode::asString).toList();
	}

}
