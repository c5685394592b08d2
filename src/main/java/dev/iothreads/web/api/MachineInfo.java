package dev.iothreads.web.api;

import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Locale;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import dev.iothreads.inventory.MachineView;
import dev.iothreads.inventory.PoolState;
import dev.iothreads.machine.Identity;
import dev.iothreads.machine.MachineState;
import dev.iothreads.machine.Snapshot;
import io.swagger.v3.oas.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

@Schema(description = "A virtual machine that the service knows. What was read of it is absent unless it is up.")
@JsonInclude(JsonInclude.Include.NON_NULL)
public record MachineInfo(@JsonProperty("name") @Schema(description = "Its name in this service") String name,
		@JsonProperty("state") @Schema(description = "Whether it answers; busy: another client holds its monitor",
				allowableValues = {
						"up", "connecting", "busy", "down" }) String state,
		@JsonProperty("reason") @Schema(
				description = "Why it is not up, and what to do; absent when it is") @Nullable String reason,
		@JsonProperty("qemu-version") @Schema(description = "The version of its QEMU") @Nullable String qemuVersion,
		@JsonProperty("run-state") @Schema(description = "Whether its guest runs, in QEMU's words: running, paused, "
				+ "inmigrate, postmigrate, io-error, …") @Nullable String runState,
		@JsonProperty("guest-name") @Schema(
				description = "The name that its QEMU was given; absent when it has none") @Nullable String guestName,
		@JsonProperty("uuid") @Schema(
				description = "The UUID that its QEMU was given; absent when it has none") @Nullable String uuid,
		@JsonProperty("title") @Schema(
				description = "The title of its domain in libvirt; absent when it has none") @Nullable String title,
		@JsonProperty("reading") @Schema(
				description = "How libvirt's machine is read: xml or monitor; visit: its monitor is asked and left; simulated: "
						+ "it is the embedded one, and its load is made up; absent for others",
				allowableValues = { "xml", "monitor", "visit", "simulated" }) @Nullable String reading,
		@JsonProperty("reading-limits") @Schema(
				description = "What cannot be known by that reading; absent when all is") @Nullable String readingLimits,
		@JsonProperty("incomplete") @Schema(
				description = "true when it has devices that the reading does not show") @Nullable Boolean incomplete,
		@JsonProperty("pid") @Schema(
				description = "Its QEMU process, where the service's host shows it") @Nullable Long pid,
		@JsonProperty("monitor") @Schema(description = "Where it is asked") String monitor,
		@JsonProperty("managed-by") @Schema(description = "What else manages it, and forbids changes; absent when "
				+ "nothing does") @Nullable String managedBy,
		@JsonProperty("read-only") @Schema(
				description = "Whether the service's configuration forbids changes") boolean readOnly,
		@JsonProperty("observed-at") @Schema(description = "When it was read") @Nullable Instant observedAt,
		@JsonProperty("settings-observed-at") @Schema(
				description = "When the oldest thread-pool bound of its IOThreads was "
						+ "read; absent where all are read with the rest (QEMU 10.1)") @Nullable Instant settingsObservedAt,
		@JsonProperty("iothreads") @Schema(description = "How many IOThreads it has") @Nullable Integer iothreads,
		@JsonProperty("devices") @Schema(
				description = "How many devices can run on an IOThread") @Nullable Integer devices,
		@JsonProperty("attached") @Schema(description = "The sum of its attached counts") @Nullable Integer attached,
		@JsonProperty("balance") @Schema(
				description = "How its work is spread over its IOThreads") @Nullable BalanceInfo balance,
		@JsonProperty("pool-missing") @Schema(
				description = "How many IOThreads of its pool it does not have; absent when it has no pool") @Nullable Integer poolMissing,
		@JsonProperty("pool-reason") @Schema(description = "Why IOThreads of its pool are missing or have other "
				+ "settings, and what to do") @Nullable String poolReason,
		@JsonProperty("cpu-unavailable") @Schema(description = "Why the metrics lack the CPU time of its IOThreads, "
				+ "and what to do; absent when they have it") @Nullable String cpuUnavailable){

	public static MachineInfo of(MachineView machine) {
		Snapshot snapshot = machine.snapshot();
		String state = wire(machine.status().state());
		if (snapshot == null) {
			return new MachineInfo(machine.name(), state, machine.status().reason(), null, null, null, null, null, null,
					null, null, null, machine.monitor(), null, machine.readOnly(), null, null, null, null, null, null,
					null, null, null);
		}
		PoolState pool = machine.pool();
		Instant settings = snapshot.activity().settingsObservedAt();
		Identity.Reading reading = snapshot.identity().reading();
		return new MachineInfo(machine.name(), state, machine.status().reason(), snapshot.qemuVersion(),
				snapshot.identity().runState(), snapshot.identity().guestName(), snapshot.identity().uuid(),
				snapshot.identity().title(), (reading != null) ? reading.by() : null,
				(reading != null) ? reading.limits() : null, (reading != null && reading.incomplete()) ? true : null,
				snapshot.identity().processId(), machine.monitor(), snapshot.managedBy(), machine.readOnly(),
				snapshot.observedAt().truncatedTo(ChronoUnit.MILLIS),
				(settings != null) ? settings.truncatedTo(ChronoUnit.MILLIS) : null, snapshot.iothreads().size(),
				snapshot.devices().size(), snapshot.attachedCount(), BalanceInfo.of(machine.balance()),
				(pool != null) ? pool.missing() : null, (pool != null) ? pool.reason() : null,
				snapshot.activity().cpuUnavailable());
	}

	public static String wire(MachineState state) {
		return state.name().toLowerCase(Locale.ROOT);
	}

}
