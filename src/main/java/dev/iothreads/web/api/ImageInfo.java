package dev.iothreads.web.api;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import dev.iothreads.machine.DiskImage;
import io.swagger.v3.oas.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

@Schema(description = "The image beneath a disk, as QEMU says")
@JsonInclude(JsonInclude.Include.NON_NULL)
public record ImageInfo(
		@JsonProperty("file") @Schema(
				description = "Its path on the machine's host; absent where it is no file") @Nullable String file,
		@JsonProperty("format") @Schema(description = "Its format, such as qcow2") String format,
		@JsonProperty("size") @Schema(description = "The size that the guest sees, in bytes") long size) {

	public static @Nullable ImageInfo of(@Nullable DiskImage image) {
		return (image != null) ? new ImageInfo(image.file(), image.format(), image.size()) : null;
	}

}
