package dev.iothreads.web.api;

import java.io.IOException;
import java.util.Locale;

import dev.iothreads.inventory.Inventory;
import dev.iothreads.machine.MachineState;
import dev.iothreads.web.FailingMachine;
import dev.iothreads.web.WebTest;
import dev.iothreads.web.Wire;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.web.server.LocalServerPort;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * Answers about more machines than a header has room for.
 */
@WebTest
class ManyMachinesTests {

	private static final int MANY = 300;

	private final Wire wire;

	private final Inventory inventory;

	ManyMachinesTests(@LocalServerPort int port, @Autowired Inventory inventory) {
		this.wire = new Wire(port);
		this.inventory = inventory;
	}

	@AfterEach
	void leaveItAsItWas() {
		for (int i = 0; i < MANY; i++) {
			this.inventory.remove(name(i));
		}
	}

	private static String name(int number) {
		return String.format(Locale.ROOT, "vm%03d-%s", number, "x".repeat(100));
	}

	@ParameterizedTest
	@ValueSource(strings = { "/api/v1/iothreads", "/api/v1/devices", "/api/v1/activity" })
	void howeverManyMachinesDoNotAnswerTheOthersAreListed(String target) throws IOException {
		for (int i = 0; i < MANY; i++) {
			this.inventory.add(name(i), FailingMachine.unavailable(MachineState.DOWN, "gone"));
		}
		Wire.Answer answer = this.wire.get(target);
		assertThat(answer.status()).isEqualTo(200);
		assertThat(answer.body()).contains("\"demo\"");
		String unavailable = answer.header("Iothreads-Unavailable");
		assertThat(unavailable).startsWith(name(0) + ", " + name(1) + ", ").hasSizeLessThan(4050);
		long named = unavailable.split(", ").length - 1;
		assertThat(unavailable).endsWith(", and %d more".formatted(MANY - named));
	}

}
