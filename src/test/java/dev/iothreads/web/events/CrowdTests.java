package dev.iothreads.web.events;

import java.io.IOException;
import java.util.Locale;

import dev.iothreads.inventory.Inventory;
import dev.iothreads.machine.MachineState;
import dev.iothreads.web.FailingMachine;
import dev.iothreads.web.WebTest;
import dev.iothreads.web.Wire;
import dev.iothreads.web.problem.TooManyReadersException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.web.server.LocalServerPort;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

/**
 * Many of what there usually are few of.
 */
@WebTest
class CrowdTests {

	private static final int MANY = 300;

	private final Wire wire;

	private final Inventory inventory;

	private final EventStream stream;

	CrowdTests(@LocalServerPort int port, @Autowired Inventory inventory, @Autowired EventStream stream) {
		this.wire = new Wire(port);
		this.inventory = inventory;
		this.stream = stream;
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
			this.inventory.add(name(i), FailingMachine.unavailable(MachineState.DOWN, "gone"), false);
		}
		Wire.Answer answer = this.wire.get(target);
		assertThat(answer.status()).isEqualTo(200);
		assertThat(answer.body()).contains("\"demo\"");
		String unavailable = answer.header("Iothreads-Unavailable");
		assertThat(unavailable).startsWith(name(0) + ", " + name(1) + ", ").hasSizeLessThan(4050);
		long named = unavailable.split(", ").length - 1;
		assertThat(unavailable).endsWith(", and %d more".formatted(MANY - named));
	}

	@Test
	void oneAddressCannotTakeThePlacesOfAllReaders() {
		for (int i = 0; i < 10; i++) {
			this.stream.open(null, (machine) -> true, "10.0.0.7");
		}
		assertThatThrownBy(() -> this.stream.open(null, (machine) -> true, "10.0.0.7"))
			.isInstanceOf(TooManyReadersException.class)
			.hasMessageContaining("10 readers");
		for (int i = 0; i < 11; i++) {
			this.stream.open(null, (machine) -> true, "127.0.0.1");
		}
		this.stream.endAll();
		await().until(() -> this.stream.readers() == 0);
	}

}
