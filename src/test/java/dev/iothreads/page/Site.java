package dev.iothreads.page;

import dev.iothreads.embedded.EmbeddedMachine;
import dev.iothreads.fleet.RunningService;
import dev.iothreads.inventory.Inventory;
import dev.iothreads.machine.Machine;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * The service that most tests look at the page of. It begins each with nothing but the
 * demo machine, as it is at first.
 */
final class Site {

	private static final RunningService SERVICE = RunningService.start("--iothreads.refresh-interval=1s",
			"--iothreads.max-age=100ms");

	private static final Inventory INVENTORY = SERVICE.part(Inventory.class);

	private Site() {
	}

	static RunningService service() {
		return SERVICE;
	}

	static void reset() {
		clear();
		INVENTORY.add("demo", EmbeddedMachine.demo());
	}

	static void clear() {
		INVENTORY.views().forEach((machine) -> INVENTORY.remove(machine.name()));
	}

	static <M extends Machine> M add(String name, M machine) {
		INVENTORY.add(name, machine);
		return machine;
	}

	static void remove(String name) {
		INVENTORY.remove(name);
	}

	static void post(String path, String body) {
		assertThat(SERVICE.send("POST", path, "application/json", body).status()).isEqualTo(201);
	}

	static void patch(String path, String body) {
		assertThat(SERVICE.send("PATCH", path, "application/merge-patch+json", body).status()).isEqualTo(200);
	}

	static Page open(String query) {
		return Page.open(SERVICE.port(), query);
	}

	static Page open(String query, String change) {
		return Page.open(SERVICE.port(), query, change);
	}

}
