package dev.iothreads.qemu;

import java.util.List;

import dev.iothreads.machine.Attachment;
import dev.iothreads.machine.Snapshot;
import dev.iothreads.qmp.ScriptedMonitor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * What a patched QEMU itself says to be on an IOThread: {@code attached-dev}, or
 * {@code holders}, whose kinds still change.
 */
class ReportedHoldersTests {

	private static final Attachment BLK0 = new Attachment("device", "blk0", "virtio-blk-pci",
			"/machine/peripheral/blk0/virtio-backend");

	@Test
	void aDeviceThatBothReportIsThereOnce() {
		assertThat(attached("{\"type\": \"qom-object\", \"qom-path\": \"/machine/peripheral/blk0/virtio-backend\"}"))
			.containsExactly(BLK0);
	}

	@Test
	void aDeviceReportedByItsOwnPathIsThereOnce() {
		assertThat(attached("{\"type\": \"qom-object\", \"qom-path\": \"/machine/peripheral/blk0\"}"))
			.containsExactly(BLK0);
	}

	@Test
	void whatIsDeepInsideADeviceIsThatDevice() {
		assertThat(attached("{\"type\": \"qom-object\", \"qom-path\": \"/machine/peripheral/blk0/a/b/c\"}"))
			.containsExactly(BLK0);
	}

	@Test
	void aDeviceThatOnlyQemuKnowsOfIsThere() {
		assertThat(
				attached("{\"type\": \"qom-object\", \"qom-path\": \"/machine/unattached/device[7]/virtio-backend\"}"))
			.containsExactly(BLK0,
					new Attachment("device", "device[7]", null, "/machine/unattached/device[7]/virtio-backend"));
	}

	@Test
	void aDeviceWhoseNameBeginsLikeAnotherIsNotThatOne() {
		assertThat(attached("{\"type\": \"qom-object\", \"qom-path\": \"/machine/peripheral/blk01/virtio-backend\"}"))
			.extracting(Attachment::id)
			.containsExactly("blk0", "blk01");
	}

	@Test
	void whatIsNoDeviceHasItsOwnKindAndName() {
		assertThat(attached("{\"type\": \"block-node\", \"node-name\": \"disk0\"}",
				"{\"type\": \"block-export\", \"export-name\": \"export0\"}",
				"{\"type\": \"monitor\", \"monitor-name\": \"mon0\"}"))
			.containsExactly(BLK0, new Attachment("block-export", "export0", null, null),
					new Attachment("block-node", "disk0", null, null), new Attachment("monitor", "mon0", null, null));
	}

	@Test
	void aKindThatIsUnknownHereIsThereUnderItsName() {
		assertThat(attached("{\"type\": \"flux-capacitor\", \"size\": 88, \"flux-name\": \"f0\", \"more\": {}}"))
			.containsExactly(BLK0, new Attachment("flux-capacitor", "f0", null, null));
	}

	@ParameterizedTest
	@ValueSource(strings = { "\"attached-dev\": 7", "\"attached-dev\": true", "\"attached-dev\": \"\"",
			"\"attached-dev\": null", "\"holders\": [7, \"x\", null, []]", "\"holders\": [{}]",
			"\"holders\": [{\"qom-path\": 7}]", "\"holders\": {\"a\": {\"type\": \"monitor\"}}" })
	void whatCannotBeUnderstoodIsNotCounted(String junk) {
		assertThat(read(ScriptedQemu.create().iothreads("[{\"id\": \"io0\", \"thread-id\": 7, " + junk + "}]"))
			.attachedCount()).isZero();
	}

	@Test
	void thePathThatQemuReportsOfADeviceWithoutALinkIsKept() {
		assertThat(read(ScriptedQemu.create()
			.object("/machine/peripheral", "new0", "virtio-new-pci", "virtio-backend", "\"\"")
			.iothreads("[{\"id\": \"io0\", \"thread-id\": 7, "
					+ "\"attached-dev\": \"/machine/peripheral/new0/virtio-backend\"}]"))
			.iothreads()
			.get(0)
			.attached()).containsExactly(
					new Attachment("device", "new0", "virtio-new-pci", "/machine/peripheral/new0/virtio-backend"));
	}

	@Test
	void twoOfAKindAreTwo() {
		assertThat(attached("{\"type\": \"block-node\", \"node-name\": \"a\"}",
				"{\"type\": \"block-node\", \"node-name\": \"b\"}",
				"{\"type\": \"block-export\", \"export-name\": \"a\"}"))
			.hasSize(4);
	}

	@Test
	void oneReportedTwiceIsOne() {
		String node = "{\"type\": \"block-node\", \"node-name\": \"a\"}";
		assertThat(attached(node, node)).hasSize(2);
	}

	@Test
	void noHoldersAreNone() {
		assertThat(attached()).containsExactly(BLK0);
	}

	@Test
	void attachedDevIsReadAsThePatchWritesIt() {
		Snapshot snapshot = read(ScriptedQemu.create()
			.disk("blk0", "io0")
			.object("/machine/peripheral", "blk1", "virtio-blk-pci", "iothread", "\"\"")
			.iothreads("""
					[{"id": "io0", "thread-id": 7, "attached-cnt": 2, "attached-dev":
					"/machine/peripheral/blk1/virtio-backend | /machine/peripheral/blk0/virtio-backend"},
					{"id": "io1", "thread-id": 8, "attached-cnt": 0, "attached-dev": "none"}]"""));
		assertThat(snapshot.iothread("io0").orElseThrow().attached()).extracting(Attachment::id)
			.containsExactly("blk0", "blk1");
		assertThat(snapshot.iothread("io1").orElseThrow().attached()).isEmpty();
	}

	@Test
	void attachedDevMayNameWhatIsNotKnown() {
		Snapshot snapshot = read(ScriptedQemu.create().iothreads("""
				[{"id": "io0", "thread-id": 7, "attached-dev": "/machine/soc/disk[3] | /nowhere"}]"""));
		assertThat(snapshot.iothreads().get(0).attached()).containsExactly(
				new Attachment("device", "disk[3]", null, "/machine/soc/disk[3]"),
				new Attachment("device", "nowhere", null, "/nowhere"));
	}

	@Test
	void attachedDevOfAnotherTypeIsNothing() {
		for (String junk : List.of("null", "[\"/machine/peripheral/blk9\"]", "{}")) {
			Snapshot snapshot = read(ScriptedQemu.create()
				.iothreads("[{\"id\": \"io0\", \"thread-id\": 7, \"attached-dev\": " + junk + "}]"));
			assertThat(snapshot.attachedCount()).as(junk).isZero();
		}
	}

	@Test
	void holdersOfAnotherTypeAreNothing() {
		for (String junk : List.of("null", "7", "\"blk9\"", "true")) {
			Snapshot snapshot = read(ScriptedQemu.create()
				.iothreads("[{\"id\": \"io0\", \"thread-id\": 7, \"holders\": " + junk + "}]"));
			assertThat(snapshot.attachedCount()).as(junk).isZero();
		}
	}

	/**
	 * What is on an IOThread where blk0 is, as far as the devices tell.
	 */
	private static List<Attachment> attached(String... holders) {
		return read(ScriptedQemu.create()
			.disk("blk0", "io0")
			.iothreads("[{\"id\": \"io0\", \"thread-id\": 7, \"holders\": [" + String.join(", ", holders) + "]}]"))
			.iothreads()
			.get(0)
			.attached();
	}

	private static Snapshot read(ScriptedQemu qemu) {
		try (ScriptedMonitor monitor = qemu.listen(); Watched vm = Watched.at(monitor.address())) {
			return vm.read();
		}
	}

}
