package dev.iothreads.web.api;

import java.util.Locale;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import dev.iothreads.history.Balance;
import io.swagger.v3.oas.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

@Schema(name = "BalanceInfo", description = "How a machine's work of the last minute was spread over its IOThreads")
@JsonInclude(JsonInclude.Include.NON_NULL)
record BalanceInfo(@JsonProperty("state") @Schema(
		description = "uneven when one IOThread uses more than half a CPU, or does more than 1000 operations a second, "
				+ "and half again as much as the mean of all. It stays so until the IOThread is below 80 % of that load, "
				+ "or within a quarter of the mean",
		allowableValues = {
				"even", "uneven", "idle", "unknown" }) String state,
		@JsonProperty("measure") @Schema(
				description = "What was compared: cpu where it is known of all its IOThreads, else operations; absent "
						+ "when nothing was",
				allowableValues = { "cpu", "operations" }) @Nullable String measure,
		@JsonProperty("busiest") @Schema(
				description = "The IOThread that did most; absent when idle or unknown") @Nullable String busiest,
		@JsonProperty("sentence") @Schema(description = "The figures, in words") String sentence){

	static BalanceInfo of(Balance balance) {
		Balance.Measure measure = balance.measure();
		return new BalanceInfo(balance.state().name().toLowerCase(Locale.ROOT),
				(measure != null) ? measure.name().toLowerCase(Locale.ROOT) : null, balance.busiest(),
				balance.sentence());
	}

}
