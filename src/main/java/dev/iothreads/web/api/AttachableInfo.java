package dev.iothreads.web.api;

import java.util.List;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.iothreads.machine.Attachable;
import io.swagger.v3.oas.annotations.media.Schema;

@Schema(description = "What a device could be attached with, at this moment")
record AttachableInfo(@JsonProperty("machine") @Schema(description = "The machine it belongs to") String machine,
		@JsonProperty("drivers") @Schema(
				description = "The drivers that the configuration allows; not every QEMU has all of them") List<String> drivers,
		@JsonProperty("drives") @Schema(description = "The block nodes that no device serves") List<String> drives,
		@JsonProperty("buses") @Schema(
				description = "The buses with room for a device; empty where QEMU itself finds a place") List<String> buses) {

	static AttachableInfo of(String machine, List<String> drivers, Attachable attachable) {
		return new AttachableInfo(machine, drivers, attachable.drives(), attachable.buses());
	}

}
