package dev.iothreads.web.problem;

import java.util.List;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import dev.iothreads.machine.Attachment;
import io.swagger.v3.oas.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

// It is in web.problem because the problem iothread-in-use lists these.
@Schema(description = "What runs on an IOThread: a device, or something else that QEMU reports")
@JsonInclude(JsonInclude.Include.NON_NULL)
public record AttachedDevice(
		@JsonProperty("id") @Schema(
				description = "The device's id, or its place among those without one (device[0])") String id,
		@JsonProperty("driver") @Schema(
				description = "The device's driver; absent for what is no device") @Nullable String driver,
		@JsonProperty("qom-path") @Schema(
				description = "Where it is in the QOM tree; absent for what is not there") @Nullable String qomPath,
		@JsonProperty("kind") @Schema(description = "What it is, where it is no device: block-export, block-node, "
				+ "colo-compare, …; absent for a device") @Nullable String kind,
		@JsonProperty("virtqueues") @Schema(
				description = "The device's virtqueues that the IOThread serves; none where "
						+ "it is mapped to more IOThreads than it has virtqueues; absent where QEMU does not say") @Nullable List<Integer> virtqueues) {

	public static AttachedDevice of(Attachment attachment) {
		return new AttachedDevice(attachment.id(), attachment.driver(), attachment.qomPath(),
				Attachment.DEVICE.equals(attachment.kind()) ? null : attachment.kind(), attachment.virtqueues());
	}

}
