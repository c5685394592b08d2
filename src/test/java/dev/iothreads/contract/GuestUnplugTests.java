package dev.iothreads.contract;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

import dev.iothreads.guest.Guest;
import dev.iothreads.guest.QemusAtOnce;
import dev.iothreads.qmp.MonitorAddress;
import dev.iothreads.testing.Monitor;
import dev.iothreads.testing.QemuBinary;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * Unplugs that a Linux guest carries out.
 */
class GuestUnplugTests {

	private static final int PORTS = 4;

	private final String name = Service.newName("guest");

	@Test
	void aNativeUnplugRightAfterThePlugWaitsForTheGuest() {
		QemusAtOnce.run((binary) -> new GuestUnplugTests().unplugRightAfterThePlug(binary));
	}

	private void unplugRightAfterThePlug(QemuBinary binary) {
		try (Guest guest = boot(Guest.of(binary).nativeHotplug())) {
			attach("hot0", "disk0").is(201);
			// Linux blinks for 5 s after the plug, and for 5 s before it lets go.
			CompletableFuture<Answer> first = begin("hot0", "wait=50");
			Eventually.see(() -> state("hot0"), "detaching"::equals);
			send("DELETE", "/devices/hot0", null, "Prefer", "wait=0").is(202);
			first.join().is(204);
			assertThat(guest.run("ls /sys/block")).doesNotContain("vda");
		}
		finally {
			Service.shared().remove(this.name);
		}
	}

	@Test
	void anUnplugThatAResetHasEndedIsShownAsSuch() {
		QemusAtOnce.run((binary) -> new GuestUnplugTests().resetDuringAnUnplug(binary));
	}

	private void resetDuringAnUnplug(QemuBinary binary) {
		try (Guest guest = boot(Guest.of(binary).nativeHotplug()); Monitor monitor = guest.qemu().monitor()) {
			attach("hot0", "disk0").is(201);
			guest.await("test -e /sys/block/vda");
			// The plug has settled: the guest is asked now, and takes 5 s.
			guest.run("sleep 6");
			send("DELETE", "/devices/hot0", null, "Prefer", "wait=0").is(202);
			assertThat(state("hot0")).isEqualTo("detaching");
			monitor.execute("system_reset");
			JsonNode device = Eventually.see(() -> send("GET", "/devices/hot0", null).is(200).body(),
					(shown) -> shown.path("state").asString().equals("attached"));
			assertThat(device.path("reason").asString("")).contains("was reset");
			guest.awaitBoot();
			send("DELETE", "/devices/hot0", null, "Prefer", "wait=50").is(204);
		}
		finally {
			Service.shared().remove(this.name);
		}
	}

	private Guest boot(Guest.Builder builder) {
		List<String> args = new ArrayList<>(List.of("-object", "iothread,id=io0"));
		for (int i = 0; i < PORTS; i++) {
			args.addAll(List.of("-blockdev", "null-co,node-name=disk%d,size=1048576,read-zeroes=on".formatted(i),
					"-device", "pcie-root-port,id=rp%d,chassis=%d".formatted(i, i + 1)));
		}
		Guest guest = builder.args(args.toArray(String[]::new)).boot();
		Service.shared()
			.add(this.name, Service.shared().connect(this.name, new MonitorAddress.UnixAddress(guest.qemu().socket())));
		Eventually.see(() -> send("GET", "/iothreads", null).status(), (status) -> status == 200);
		return guest;
	}

	private Answer attach(String id, String drive) {
		return send("POST", "/devices", "{\"id\": \"%s\", \"drive\": \"%s\"}".formatted(id, drive));
	}

	private CompletableFuture<Answer> begin(String id, String prefer) {
		return Service.shared().begin("DELETE", path("/devices/" + id), null, "Prefer", prefer);
	}

	private String state(String id) {
		return send("GET", "/devices/" + id, null).is(200).body().path("state").asString();
	}

	private Answer send(String method, String path, @Nullable String body, String... headers) {
		return Service.shared().send(method, path(path), body, headers);
	}

	private String path(String path) {
		return "/api/v1/machines/" + this.name + path;
	}

}
