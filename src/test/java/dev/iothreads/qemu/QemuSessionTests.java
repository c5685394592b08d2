package dev.iothreads.qemu;

import dev.iothreads.machine.HostThreads;
import dev.iothreads.qmp.QmpClient;
import dev.iothreads.qmp.QmpGreeting;
import dev.iothreads.qmp.ScriptedMonitor;
import dev.iothreads.qmp.Transcript;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * A session whose monitor is to be left for another one interrupts no change.
 */
class QemuSessionTests {

	private final ScriptedMonitor recorded = RecordedQemu.of(Transcript.read("qemu-11.1.jsonl").before("object-add"))
		.listen();

	private final QemuOptions options = new QemuOptions(Watched.LONGEST_WAIT, Watched.LONGEST_WAIT, Watched::daemon,
			null, HostThreads.Finder.NONE);

	private final QmpClient client = QmpClient.open(this.recorded.address(), this.options.ofConnection(), (event) -> {
	});

	private QemuSession session;

	@BeforeEach
	void begin() {
		QmpGreeting greeting = this.client.ready().join();
		this.session = QemuSession.begin(this.client, this.recorded.address(), true, greeting, this.options).join();
	}

	@AfterEach
	void end() {
		this.client.close();
		this.recorded.close();
	}

	@Test
	void whileItIsBeingLeftItTakesNoChange() {
		assertThat(this.session.beginToLeave()).isTrue();
		assertThat(this.session.changes("vm1")).isNull();
		this.session.stay();
		assertThat(this.session.changes("vm1")).isNotNull();
	}

	@Test
	void itIsNotLeftWhileAChangeIsUnderWay() {
		assertThat(this.session.changes("vm1")).isNotNull();
		assertThat(this.session.beginToLeave()).isFalse();
		assertThat(this.session.changes("vm1")).isNotNull();
	}

	@Test
	void itIsNotLeftWhileADeviceIsAskedToGo() {
		this.session.unplugs().begin("/machine/peripheral/blk0");
		assertThat(this.session.beginToLeave()).isFalse();
		this.session.unplugs().onDeleted("/machine/peripheral/blk0");
		assertThat(this.session.beginToLeave()).isTrue();
	}

}
