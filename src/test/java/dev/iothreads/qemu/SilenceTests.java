package dev.iothreads.qemu;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

import dev.iothreads.machine.MachineState;
import dev.iothreads.machine.MachineStatus;
import dev.iothreads.machine.MachineTimeoutException;
import dev.iothreads.machine.MachineUnavailableException;
import dev.iothreads.qmp.MonitorAddress.UnixAddress;
import dev.iothreads.qmp.ScriptedMonitor;
import dev.iothreads.qmp.SocketIdentity;
import dev.iothreads.testing.EveryQemu;
import dev.iothreads.testing.Qemu;
import dev.iothreads.testing.QemuBinary;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import tools.jackson.databind.JsonNode;

import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * What becomes of a connection on which nothing comes any more.
 */
@ExtendWith(OutputCaptureExtension.class)
class SilenceTests {

	private static final Duration SOON = Duration.ofMillis(300);

	@Test
	void aReplyThatIsLostEndsTheConnectionAndTheNextOneIsWell() {
		AtomicInteger clients = new AtomicInteger();
		ScriptedQemu qemu = ScriptedQemu.create();
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket((client) -> {
			boolean first = clients.getAndIncrement() == 0;
			client.negotiate();
			int lists = 0;
			while (true) {
				JsonNode request = client.read();
				boolean list = request.path("execute").asString().equals("query-iothreads");
				// Asked to get to know it, and in its first reading.
				if (first && list && ++lists == 3) {
					continue;
				}
				client.reply(request, String.valueOf(qemu.apply(request)));
			}
		}); Watched vm = Watched.at(monitor.address(), Watched.LONGEST_WAIT, SOON)) {
			vm.await(MachineState.UP);
			assertThat(vm.failure(MachineTimeoutException.class)).hasMessageContaining("did not answer within 0.3 s");
			vm.await((status) -> clients.get() == 2 && status.isUp());
		}
	}

	@Test
	void aConnectionOnWhichNothingComesAnyMoreIsGivenUpForAnother() {
		AtomicInteger clients = new AtomicInteger();
		ScriptedQemu qemu = ScriptedQemu.create();
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket((client) -> {
			boolean first = clients.getAndIncrement() == 0;
			client.negotiate();
			for (int lists = 0; !first || lists < 3;) {
				JsonNode request = client.read();
				if (request.path("execute").asString().equals("query-iothreads")) {
					lists++;
				}
				client.reply(request, String.valueOf(qemu.apply(request)));
			}
			client.awaitEnd();
		}); Watched vm = Watched.at(monitor.address(), Watched.LONGEST_WAIT, SOON, SOON)) {
			vm.await(MachineState.UP);
			while (clients.get() < 2) {
				vm.machine().read().exceptionally((failure) -> null).join();
			}
			assertThat(vm.read()).isNotNull();
		}
	}

	@EveryQemu
	void aQemuThatIsStoppedForLongIsSaidToBeSoUntilItGoesOn(QemuBinary binary) {
		try (Qemu qemu = Args.none().iothread("io0").start(binary);
				Watched vm = Watched.at(new UnixAddress(qemu.socket()), SOON, Duration.ofSeconds(2),
						Duration.ofSeconds(1))) {
			vm.read();
			qemu.stop();
			vm.failure(MachineTimeoutException.class);
			MachineStatus status = vm
				.await((now) -> String.valueOf(now.reason()).contains("does not greet on a new connection either"));
			assertThat(status.state()).isEqualTo(MachineState.DOWN);
			assertThat(status.reason()).startsWith("vm1 did not answer for 1 s").contains("QEMU is stopped");
			qemu.cont();
			assertThat(vm.read().iothreads()).hasSize(1);
		}
	}

	@EveryQemu
	void aQemuThatGoesOnIsUpWithoutBeingAsked(QemuBinary binary) {
		try (Qemu qemu = Args.none().iothread("io0").start(binary);
				Watched vm = Watched.at(new UnixAddress(qemu.socket()), Watched.LONGEST_WAIT, Duration.ofSeconds(2))) {
			vm.read();
			qemu.stop();
			vm.failure(MachineTimeoutException.class);
			assertThat(vm.status().state()).isEqualTo(MachineState.DOWN);
			qemu.cont();
			vm.await(MachineState.UP);
		}
	}

	@Test
	void whereOnlyTheReasonChangesItIsLoggedOnce(CapturedOutput output) {
		AtomicInteger clients = new AtomicInteger();
		try (ScriptedMonitor monitor = ScriptedMonitor.onUnixSocket((client) -> {
			client.send("220 smtp.example.org is client %d's".formatted(clients.incrementAndGet()));
			client.awaitEnd();
		}); Watched vm = Watched.at(monitor.address())) {
			vm.await((status) -> String.valueOf(status.reason()).contains("client 4's"));
		}
		assertThat(output.getAll().lines().filter((line) -> line.contains("smtp.example.org"))).hasSize(1);
	}

	@Test
	void theSocketIsLookedAtOnTheThreadOfTheConnection() {
		CountDownLatch hangs = new CountDownLatch(1);
		try (ScriptedMonitor monitor = ScriptedMonitor
			.onUnixSocket(ScriptedMonitor.Script.answering(ScriptedQemu.create()));
				Watched vm = Watched.at(monitor.address(), (work) -> Watched.daemon(() -> {
					try {
						hangs.await();
						work.run();
					}
					catch (InterruptedException ex) {
						// not awaited any more
					}
				}))) {
			assertThat(vm.machine().socket()).isNull();
			hangs.countDown();
			vm.await(MachineState.UP);
			assertThat(vm.machine().socket()).isEqualTo(SocketIdentity.of(((UnixAddress) monitor.address()).path()));
		}
	}

	@EveryQemu
	void aWaitForAGuestEndsWhenTheMachineIsNoLongerWatched(QemuBinary binary) throws Exception {
		// Without a guest nothing lets go of what is on the other kind of port.
		try (Qemu qemu = Args.none()
			.ports(1)
			.iothread("io0")
			.disk("disk0")
			.device("virtio-blk-pci,id=blk0,drive=disk0,iothread=io0,bus=rp1")
			.start(binary); Watched vm = Watched.at(qemu.socket())) {
			vm.read();
			CompletableFuture<Void> gone = vm.machine().changes().detach("blk0", false);
			vm.machine().close();
			assertThat(gone).failsWithin(60, TimeUnit.SECONDS)
				.withThrowableOfType(ExecutionException.class)
				.withCauseInstanceOf(MachineUnavailableException.class)
				.withMessageContaining("no longer watched");
		}
	}

}
