package dev.iothreads.qemu;

import dev.iothreads.machine.MachineState;
import dev.iothreads.qmp.ScriptedMonitor;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * Answers of a shape that no QEMU gives: they must not pass for a machine without
 * IOThreads and devices.
 */
class OddRepliesTests {

	private static final String IO0 = "[{\"id\": \"io0\", \"thread-id\": 7}]";

	@ParameterizedTest
	@ValueSource(strings = { "7", "null", "{\"a\": 1}", "[7]", "[{}]", "\"io0\"" })
	void anAnswerThatIsNoListOfIOThreadsIsNoEmptyMachine(String junk) {
		try (ScriptedMonitor monitor = ScriptedQemu.create().iothreads(junk).listen();
				Watched vm = Watched.at(monitor.address())) {
			assertThat(vm.await((status) -> status.state() != MachineState.CONNECTING).isUp()).isFalse();
		}
	}

	@ParameterizedTest
	@ValueSource(strings = { "7", "null", "[\"blk0\", \"blk1\"]", "[{\"name\": \"blk0\"}]", "{\"name\": \"blk0\"}" })
	void anAnswerThatIsNoListOfDevicesIsNoEmptyMachine(String junk) {
		try (ScriptedMonitor monitor = ScriptedQemu.create()
			.iothreads(IO0)
			.replying("qom-list /machine/peripheral", "{\"return\": " + junk + "}")
			.listen(); Watched vm = Watched.at(monitor.address())) {
			assertThat(vm.await((status) -> status.state() != MachineState.CONNECTING).isUp()).isFalse();
		}
	}

}
