package dev.iothreads.web.api;

import java.util.List;
import java.util.stream.Collectors;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import dev.iothreads.machine.Attachment;
import dev.iothreads.machine.IOThread;
import dev.iothreads.machine.IOThreadProperty;
import dev.iothreads.machine.Snapshot;
import dev.iothreads.web.problem.AttachedDevice;
import io.swagger.v3.oas.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

@Schema(description = "An IOThread, and what runs on it. A setting that this QEMU does not have is absent.")
@JsonInclude(JsonInclude.Include.NON_NULL)
public record IOThreadInfo(@JsonProperty("machine") @Schema(description = "The machine it belongs to") String machine,
		@JsonProperty("id") @Schema(description = "The id of its object, unique in its machine") String id,
		@JsonProperty("thread-id") @Schema(
				description = "The thread's id in the kernel, as QEMU sees it") long threadId,
		@JsonProperty("attached-cnt") @Schema(
				description = "How many are attached: the length of attached-devices") int attachedCnt,
		@JsonProperty("attached-dev") @Schema(
				description = "The QOM paths of attached-devices, joined by ' | ', or 'none'") String attachedDev,
		@JsonProperty("poll-max-ns") @Schema(
				description = "Longest busy waiting, in ns; 0 is none") @Nullable Long pollMaxNs,
		@JsonProperty("poll-grow") @Schema(
				description = "What the polling time is multiplied by when it was too short") @Nullable Long pollGrow,
		@JsonProperty("poll-shrink") @Schema(
				description = "What the polling time is divided by when it was too long") @Nullable Long pollShrink,
		@JsonProperty("poll-weight") @Schema(
				description = "How slowly the polling time follows the load (QEMU 11.1)") @Nullable Long pollWeight,
		@JsonProperty("aio-max-batch") @Schema(
				description = "Requests in one batch to the kernel; 0 is QEMU's own choice") @Nullable Long aioMaxBatch,
		@JsonProperty("thread-pool-min") @Schema(
				description = "Worker threads kept although idle (QEMU 7.1)") @Nullable Long threadPoolMin,
		@JsonProperty("thread-pool-max") @Schema(
				description = "Most worker threads (QEMU 7.1)") @Nullable Long threadPoolMax,
		@JsonProperty("cpus-allowed") @Schema(
				description = "The host's CPUs that its thread may run on, such as 0-3,8; "
						+ "absent where neither the service's host nor libvirt shows the thread") @Nullable String cpusAllowed,
		@JsonProperty("pool") @Schema(
				description = "The pool of the configuration that it is one of; absent for none") @Nullable String pool,
		@JsonProperty("attached-devices") @Schema(
				description = "What runs on it, sorted by QOM path") List<AttachedDevice> attachedDevices) {

	static final String NONE = "none";

	public static IOThreadInfo of(String machine, IOThread iothread) {
		List<Attachment> attached = iothread.attached();
		return new IOThreadInfo(machine, iothread.id(), iothread.threadId(), attached.size(),
				attached.isEmpty() ? NONE : attached.stream().map(Attachment::place).collect(Collectors.joining(" | ")),
				iothread.settings().get(IOThreadProperty.POLL_MAX_NS),
				iothread.settings().get(IOThreadProperty.POLL_GROW),
				iothread.settings().get(IOThreadProperty.POLL_SHRINK),
				iothread.settings().get(IOThreadProperty.POLL_WEIGHT),
				iothread.settings().get(IOThreadProperty.AIO_MAX_BATCH),
				iothread.settings().get(IOThreadProperty.THREAD_POOL_MIN),
				iothread.settings().get(IOThreadProperty.THREAD_POOL_MAX), iothread.cpusAllowed(), iothread.pool(),
				attached.stream().map(AttachedDevice::of).toList());
	}

	static List<IOThreadInfo> of(String machine, Snapshot snapshot) {
		return snapshot.iothreads().stream().map((iothread) -> of(machine, iothread)).toList();
	}

}
