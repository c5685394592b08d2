package dev.iothreads.web.api;

import java.util.List;
import java.util.Locale;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import dev.iothreads.machine.Device;
import dev.iothreads.machine.DeviceState;
import io.swagger.v3.oas.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

@Schema(description = "A device that can run on an IOThread")
@JsonInclude(JsonInclude.Include.NON_NULL)
public record DeviceInfo(@JsonProperty("machine") @Schema(description = "The machine it belongs to") String machine,
		@JsonProperty("id") @Schema(description = "Its id, or its place among those without one (device[0])") String id,
		@JsonProperty("driver") @Schema(description = "Its driver in QEMU") String driver,
		@JsonProperty("qom-path") @Schema(description = "The QOM path of the device that does the work") String qomPath,
		@JsonProperty("iothreads") @Schema(
				description = "The IOThreads it runs on; none is QEMU's main loop") List<String> iothreads,
		@JsonProperty("state") @Schema(description = "How it stands to them", allowableValues = {
				"attached", "main-loop", "detaching", "orphaned", "unreadable" }) String state,
		@JsonProperty("reason") @Schema(
				description = "Why it is in that state, where there is something to say") @Nullable String reason,
		@JsonProperty("drive") @Schema(
				description = "The block node it serves; absent when it has none") @Nullable String drive,
		@JsonProperty("drive-goes-with-it") @Schema(description = "true where QEMU removes the drive together with the "
				+ "device, because it was given by -drive; absent otherwise") @Nullable Boolean driveGoesWithIt,
		@JsonProperty("hotpluggable") @Schema(description = "false where QEMU refuses to unplug it while the machine "
				+ "runs, because its bus has no hot-plug; absent otherwise") @Nullable Boolean hotpluggable,
		@JsonProperty("disks") @Schema(
				description = "The disks of a SCSI controller, sorted by target and LUN: they run "
						+ "where it does; absent when it has none") @Nullable List<DiskInfo> disks,
		@JsonProperty("image") @Schema(
				description = "The image beneath the drive; absent where QEMU shows none") @Nullable ImageInfo image){

	public static DeviceInfo of(String machine, Device device) {
		return new DeviceInfo(machine, device.id(), device.driver(), device.qomPath(), device.iothreads(),
				wire(device.state()), device.reason(), device.drive(), device.driveGoesWithIt() ? true : null,
				device.hotpluggable() ? null : false,
				device.disks().isEmpty() ? null : device.disks().stream().map(DiskInfo::of).toList(),
				ImageInfo.of(device.image()));
	}

	static List<DeviceInfo> of(String machine, List<Device> devices) {
		return devices.stream().map((device) -> of(machine, device)).toList();
	}

	private static String wire(DeviceState state) {
		return state.name().toLowerCase(Locale.ROOT).replace('_', '-');
	}

}
