package dev.iothreads.web.api;

import java.util.List;
import java.util.Locale;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import dev.iothreads.advice.Advice;
import dev.iothreads.advice.Adviser;
import io.swagger.v3.oas.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

@Schema(description = "What an operator could change about a machine's IOThreads. The service does none of it by itself")
@JsonInclude(JsonInclude.Include.NON_NULL)
record AdviceInfo(@JsonProperty("machine") @Schema(description = "The machine") String machine,
		@JsonProperty("observed-minutes") @Schema(
				description = "For how long it was watched as it is now, up to 15; what it did before its IOThreads or "
						+ "devices changed does not count") long observedMinutes,
		@JsonProperty("reason") @Schema(
				description = "Why there is no advice, or less than there could be; absent when "
						+ "everything could be judged") @Nullable String reason,
		@JsonProperty("advice") @Schema(description = "Warnings first") List<Item> advice) {

	private static final double DECIMALS = 10;

	static AdviceInfo of(String machine, Adviser.Report report) {
		return new AdviceInfo(machine, report.observed().toMinutes(), report.reason(),
				report.advice().stream().map(AdviceInfo::item).toList());
	}

	private static Item item(Advice advice) {
		return new Item(advice.rule(), advice.severity().name().toLowerCase(Locale.ROOT), advice.text(), advice.steps(),
				places(advice.before()), places(advice.after()));
	}

	private static @Nullable List<Place> places(List<Advice.Placement> placements) {
		return placements.isEmpty() ? null
				: placements.stream()
					.map((each) -> new Place(each.iothread(), each.devices(),
							Math.round(each.sharePercent() * DECIMALS) / DECIMALS))
					.toList();
	}

	@Schema(name = "AdviceItem", description = "One thing to change")
	@JsonInclude(JsonInclude.Include.NON_NULL)
	record Item(@JsonProperty("rule") @Schema(
			description = "The rule it comes from: placement, spread, polling, pinning, main-loop, virtqueues, surplus or "
					+ "unused; further ones may come") String rule,
			@JsonProperty("severity") @Schema(description = "warning when the guest waits or a CPU is lost",
					allowableValues = {
							"info", "warning" }) String severity,
			@JsonProperty("text") @Schema(description = "What was seen, and what would be better") String text,
			@JsonProperty("do") @Schema(description = "What to do: commands and sentences") List<String> steps,
			@JsonProperty("before") @Schema(
					description = "Where the devices run; absent where none is to move") @Nullable List<Place> before,
			@JsonProperty("after") @Schema(
					description = "Where they would run; absent where none is to move") @Nullable List<Place> after){

	}

	@Schema(name = "AdvicePlace", description = "What an IOThread does, or would do")
	record Place(@JsonProperty("iothread") @Schema(description = "Its id") String iothread,
			@JsonProperty("devices") @Schema(description = "The ids of the devices on it") List<String> devices,
			@JsonProperty("share-percent") @Schema(
					description = "How much of the machine's operations it does, in %") double sharePercent) {

	}

}
