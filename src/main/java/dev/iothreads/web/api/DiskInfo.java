package dev.iothreads.web.api;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import dev.iothreads.machine.Disk;
import io.swagger.v3.oas.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

@Schema(description = "A disk of a SCSI controller")
@JsonInclude(JsonInclude.Include.NON_NULL)
record DiskInfo(
		@JsonProperty("id") @Schema(description = "Its id, or its place among those without one (device[0])") String id,
		@JsonProperty("driver") @Schema(description = "Its driver in QEMU, such as scsi-hd") String driver,
		@JsonProperty("qom-path") @Schema(description = "Its QOM path") String qomPath,
		@JsonProperty("target") @Schema(description = "The SCSI target that it is (scsi-id in QEMU)") long target,
		@JsonProperty("lun") @Schema(description = "Its logical unit number there") long lun,
		@JsonProperty("drive") @Schema(
				description = "The block node it serves; absent when it has none") @Nullable String drive,
		@JsonProperty("drive-goes-with-it") @Schema(description = "true where QEMU removes the drive together with the "
				+ "disk, because it was given by -drive; absent otherwise") @Nullable Boolean driveGoesWithIt,
		@JsonProperty("image") @Schema(
				description = "The image beneath the drive; absent where QEMU shows none") @Nullable ImageInfo image) {

	static DiskInfo of(Disk disk) {
		return new DiskInfo(disk.id(), disk.driver(), disk.qomPath(), disk.target(), disk.lun(), disk.drive(),
				disk.driveGoesWithIt() ? true : null, ImageInfo.of(disk.image()));
	}

}
