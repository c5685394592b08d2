package dev.iothreads.web.api;

import java.util.List;
import java.util.Set;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.iothreads.machine.Attachable;
import dev.iothreads.machine.ImageFile;
import io.swagger.v3.oas.annotations.media.Schema;

@Schema(description = "What a device could be attached with, at this moment")
record AttachableInfo(@JsonProperty("machine") @Schema(description = "The machine it belongs to") String machine,
		@JsonProperty("drivers") @Schema(
				description = "The drivers that the configuration allows; not every QEMU has all of them") List<String> drivers,
		@JsonProperty("drives") @Schema(description = "The block nodes that no device serves") List<String> drives,
		@JsonProperty("buses") @Schema(
				description = "The buses with room for a device; empty where QEMU itself finds a place") List<String> buses,
		@JsonProperty("images") @Schema(
				description = "The files that could be attached as an image, 200 at most; those of the directories that the "
						+ "configuration names, where the service sees them") List<File> images) {

	static AttachableInfo of(String machine, List<String> drivers, Attachable attachable, List<ImageFile> files,
			Set<String> inUse) {
		return new AttachableInfo(machine, drivers, attachable.drives(), attachable.buses(),
				files.stream().map((file) -> File.of(file, inUse)).toList());
	}

	@Schema(name = "AttachableFile", description = "A file that could be attached as an image")
	record File(@JsonProperty("file") @Schema(description = "Its path") String file,
			@JsonProperty("name") @Schema(description = "Its name in its directory") String name,
			@JsonProperty("size") @Schema(description = "Its size in bytes; 0 of a block device") long size,
			@JsonProperty("format") @Schema(
					description = "Its format, as the end of its name says; it may be another one") String format,
			@JsonProperty("in-use") @Schema(
					description = "Whether a machine of this service is known to use it") boolean inUse) {

		static File of(ImageFile file, Set<String> inUse) {
			return new File(file.file(), file.file().substring(file.file().lastIndexOf('/') + 1), file.size(),
					file.format(), inUse.contains(file.file()) || inUse.contains(file.realFile()));
		}

	}

}
