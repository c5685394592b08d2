package dev.iothreads.qmp;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

import org.junit.jupiter.api.Test;
import tools.jackson.databind.json.JsonMapper;

import static org.assertj.core.api.Assertions.assertThat;

class QmpListenersTests {

	@Test
	void aListenerThatFailsKeepsNoEventFromTheOthers() {
		List<String> heard = new ArrayList<>();
		QmpListeners listeners = new QmpListeners("vm1");
		listeners.add((event) -> {
			throw new IllegalStateException("on purpose");
		});
		listeners.add((event) -> heard.add(event.name()));
		listeners.accept(new QmpEvent("RESET", JsonMapper.shared().createObjectNode(), Instant.now()));
		assertThat(heard).containsExactly("RESET");
	}

}
