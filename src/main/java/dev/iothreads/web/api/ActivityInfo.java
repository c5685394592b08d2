package dev.iothreads.web.api;

import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import dev.iothreads.machine.Activity;
import dev.iothreads.machine.Device;
import dev.iothreads.machine.Disk;
import dev.iothreads.machine.HostThread;
import dev.iothreads.machine.HostThread.CpuTime;
import dev.iothreads.machine.IOThread;
import dev.iothreads.machine.IoCount;
import dev.iothreads.machine.IoOperation;
import dev.iothreads.machine.Snapshot;
import io.swagger.v3.oas.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

/**
 * How busy a machine is. These counts change all the time. They are an answer of their
 * own, so that the entity tags of IOThreads and devices do not change with them.
 */
@Schema(description = "How busy a machine is, as counts that only grow: two answers give the rates between them")
@JsonInclude(JsonInclude.Include.NON_NULL)
record ActivityInfo(@JsonProperty("machine") @Schema(description = "The machine it belongs to") String machine,
		@JsonProperty("observed-at") @Schema(description = "When the devices' counts were read") Instant observedAt,
		@JsonProperty("iothreads") @Schema(
				description = "The IOThreads whose CPU time is known, sorted by id") List<OfIOThread> iothreads,
		@JsonProperty("devices") @Schema(
				description = "The devices whose operations are counted, sorted by QOM path") List<OfDevice> devices,
		@JsonProperty("cpu-unavailable") @Schema(description = "Why the CPU time of some is not known, and what to do; "
				+ "absent when all is") @Nullable String cpuUnavailable) {

	static ActivityInfo of(String machine, Snapshot snapshot) {
		Activity activity = snapshot.activity();
		List<OfIOThread> iothreads = new ArrayList<>();
		for (IOThread iothread : snapshot.iothreads()) {
			HostThread thread = activity.threads().get(iothread.id());
			CpuTime time = (thread != null) ? thread.cpuTime().orElse(null) : null;
			if (time != null) {
				iothreads.add(new OfIOThread(iothread.id(), iothread.threadId(),
						Instant.now().truncatedTo(ChronoUnit.MILLIS), time.userSeconds(), time.systemSeconds()));
			}
		}
		List<OfDevice> devices = new ArrayList<>();
		for (Device device : snapshot.devices()) {
			Map<IoOperation, IoCount> counts = activity.io().get(device.qomPath());
			if (counts != null) {
				List<OfDisk> disks = new ArrayList<>();
				for (Disk disk : device.disks()) {
					Map<IoOperation, IoCount> own = activity.io().get(disk.qomPath());
					if (own != null) {
						disks.add(new OfDisk(disk.id(), disk.qomPath(), operations(own)));
					}
				}
				devices.add(new OfDevice(device.id(), device.qomPath(), operations(counts),
						disks.isEmpty() ? null : disks));
			}
		}
		Instant observedAt = Objects.requireNonNullElse(activity.ioObservedAt(), snapshot.observedAt());
		return new ActivityInfo(machine, observedAt.truncatedTo(ChronoUnit.MILLIS), iothreads, devices,
				activity.cpuUnavailable());
	}

	private static Map<String, Count> operations(Map<IoOperation, IoCount> counts) {
		Map<String, Count> operations = new TreeMap<>();
		counts.forEach((operation, count) -> operations.put(operation.name().toLowerCase(Locale.ROOT).replace('_', '-'),
				new Count(count.operations(), count.bytes(), count.nanoseconds())));
		return operations;
	}

	@Schema(name = "IOThreadActivity", description = "The CPU time that an IOThread's thread has used since its start")
	record OfIOThread(@JsonProperty("id") @Schema(description = "The IOThread's id") String id,
			@JsonProperty("thread-id") @Schema(
					description = "The thread's id in the kernel, as QEMU sees it") long threadId,
			@JsonProperty("observed-at") @Schema(description = "When it was read") Instant observedAt,
			@JsonProperty("cpu-user-seconds") @Schema(description = "In its own code, in s") double userSeconds,
			@JsonProperty("cpu-system-seconds") @Schema(description = "In the kernel's, in s") double systemSeconds) {

	}

	@Schema(name = "DeviceActivity", description = "What a device has completed since it was made")
	@JsonInclude(JsonInclude.Include.NON_NULL)
	record OfDevice(@JsonProperty("id") @Schema(description = "The device's id") String id,
			@JsonProperty("qom-path") @Schema(description = "Its QOM path") String qomPath,
			@JsonProperty("operations") @Schema(description = "What it has completed, by kind of operation: read, "
					+ "write, flush, unmap, zone-append; a SCSI controller's are the sum of its disks', also of those "
					+ "that have gone") Map<String, Count> operations,
			@JsonProperty("disks") @Schema(description = "What each disk of a SCSI controller has completed, sorted by "
					+ "target and LUN: a part of the controller's operations; absent where there is none") @Nullable List<OfDisk> disks) {

	}

	@Schema(name = "DiskActivity", description = "What a disk of a SCSI controller has completed since it was made")
	record OfDisk(
			@JsonProperty("id") @Schema(
					description = "Its id, or its place among those without one (device[0])") String id,
			@JsonProperty("qom-path") @Schema(description = "Its QOM path") String qomPath,
			@JsonProperty("operations") @Schema(
					description = "What it has completed, by kind of operation") Map<String, Count> operations) {

	}

	@Schema(name = "OperationCount", description = "How much of one operation")
	record Count(@JsonProperty("count") @Schema(description = "How many") long count,
			@JsonProperty("bytes") @Schema(description = "The bytes moved, or given back") long bytes,
			@JsonProperty("nanoseconds") @Schema(
					description = "The time they took, in ns; times that overlap count twice") long nanoseconds) {

	}

}
