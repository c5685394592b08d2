package dev.iothreads.web.api;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.iothreads.history.History;
import io.swagger.v3.oas.annotations.media.ArraySchema;
import io.swagger.v3.oas.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

@Schema(name = "HistoryInfo",
		description = "The last 15 minutes of a machine, as samples. All lists of values are as long "
				+ "as the list of times, and hold null where a value was not known")
record HistoryInfo(@JsonProperty("machine") @Schema(description = "The machine") String machine,
		@JsonProperty("interval-ms") @Schema(
				description = "How far samples are apart in general, in ms; further where the machine was read less "
						+ "often, or did not answer") long interval,
		@JsonProperty("times") @Schema(description = "When they were taken, in seconds since 1970, growing; the last "
				+ "is what to give as since to get the next") List<Long> times,
		@JsonProperty("cpu-percent") @ArraySchema(schema = @Schema(types = {
				"number", "null" }),
				arraySchema = @Schema(
						description = "The CPU time of all its IOThreads since the sample before, in % of one CPU")) List<@Nullable Double> cpuPercent,
		@JsonProperty("operations") @ArraySchema(schema = @Schema(types = { "number", "null" }), arraySchema = @Schema(
				description = "What all its IOThreads completed since the sample before, per second")) List<@Nullable Double> operations,
		@JsonProperty("iothreads") @Schema(description = "The IOThreads that it has now") List<OfIOThread> iothreads){

	private static final int DECIMALS = 10;

	static HistoryInfo of(String machine, History.Recent recent) {
		List<OfIOThread> iothreads = new ArrayList<>();
		recent.cpuPercent()
			.forEach((id, cpu) -> iothreads
				.add(new OfIOThread(id, values(cpu), values(Objects.requireNonNull(recent.operations().get(id))))));
		return new HistoryInfo(machine, History.INTERVAL.toMillis(), recent.times(),
				values(sum(recent.times().size(), recent.cpuPercent().values())),
				values(sum(recent.times().size(), recent.operations().values())), iothreads);
	}

	// What is known of some is not the machine's.
	private static float[] sum(int length, Iterable<float[]> parts) {
		float[] sum = new float[length];
		for (float[] part : parts) {
			for (int i = 0; i < length; i++) {
				sum[i] += part[i];
			}
		}
		return sum;
	}

	private static List<@Nullable Double> values(float[] numbers) {
		List<@Nullable Double> values = new ArrayList<>(numbers.length);
		for (float number : numbers) {
			values.add(Float.isNaN(number) ? null : Math.round((double) number * DECIMALS) / (double) DECIMALS);
		}
		return values;
	}

	@Schema(name = "IOThreadHistory", description = "The samples of an IOThread")
	record OfIOThread(@JsonProperty("id") @Schema(description = "The IOThread's id") String id,
			@JsonProperty("cpu-percent") @ArraySchema(schema = @Schema(types = {
					"number", "null" }),
					arraySchema = @Schema(
							description = "The CPU time of its thread since the sample before, in % of one CPU")) List<@Nullable Double> cpuPercent,
			@JsonProperty("operations") @ArraySchema(schema = @Schema(types = { "number", "null" }),
					arraySchema = @Schema(description = "What its devices completed since the sample before, per "
							+ "second; a spread device counts in equal parts")) List<@Nullable Double> operations){

	}

}
