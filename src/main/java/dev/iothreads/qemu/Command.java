package dev.iothreads.qemu;

import java.util.Map;

import dev.iothreads.qmp.QmpCommand;

/**
 * All commands that the service sends to a QEMU, besides {@code qmp_capabilities}.
 * Nothing else makes commands. Those that change something are the first two and the last
 * five.
 */
enum Command {

	// For images.
	BLOCKDEV_ADD("blockdev-add"), BLOCKDEV_DEL("blockdev-del"),

	// For all else.
	DEVICE_LIST_PROPERTIES("device-list-properties"), QOM_GET("qom-get"), QOM_LIST("qom-list"),
	QOM_LIST_GET("qom-list-get"), QUERY_BLOCK("query-block"), QUERY_BLOCK_EXPORTS("query-block-exports"),
	QUERY_BLOCKSTATS("query-blockstats"), QUERY_CHARDEV("query-chardev"), CHARDEV_ADD("chardev-add"),
	CHARDEV_REMOVE("chardev-remove"), QUERY_CPUS_FAST("query-cpus-fast"), QUERY_IOTHREADS("query-iothreads"),
	QUERY_MIGRATE("query-migrate"), QUERY_NAME("query-name"), QUERY_STATUS("query-status"), QUERY_UUID("query-uuid"),
	QUERY_NAMED_BLOCK_NODES("query-named-block-nodes"), X_DEBUG_QUERY_BLOCK_GRAPH("x-debug-query-block-graph"),
	QOM_SET("qom-set"), OBJECT_ADD("object-add"), OBJECT_DEL("object-del"), DEVICE_ADD("device_add"),
	DEVICE_DEL("device_del");

	private final String wireName;

	Command(String wireName) {
		this.wireName = wireName;
	}

	QmpCommand plain() {
		return QmpCommand.of(this.wireName);
	}

	QmpCommand with(Map<String, ?> arguments) {
		return QmpCommand.of(this.wireName, arguments);
	}

}
