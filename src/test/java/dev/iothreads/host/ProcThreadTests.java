package dev.iothreads.host;

import java.io.File;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.locks.LockSupport;

import dev.iothreads.machine.HostThread;
import dev.iothreads.machine.HostThread.CpuTime;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * Threads of this process, as {@code /proc} shows them.
 */
class ProcThreadTests {

	private static final long PROCESS = ProcessHandle.current().pid();

	@Test
	void theTimeIsThatOfTheThreadAlone() throws Exception {
		CountDownLatch worked = new CountDownLatch(2);
		Thread busy = new Thread(() -> {
			while (ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() < 100_000_000) {
				Thread.onSpinWait();
			}
			worked.countDown();
			LockSupport.park();
		}, "busy-for-100-ms");
		Thread idle = new Thread(() -> {
			worked.countDown();
			LockSupport.park();
		}, "hardly (begun)");
		busy.start();
		idle.start();
		worked.await();
		try {
			assertThat(seconds(named(busy.getName()))).isGreaterThan(0.05);
			assertThat(seconds(named(idle.getName()))).isLessThan(0.05);
		}
		finally {
			LockSupport.unpark(busy);
			LockSupport.unpark(idle);
			busy.join();
			idle.join();
		}
	}

	@Test
	void aThreadThatStartedAtAnotherTimeIsNotTheThread() {
		ProcThread thread = ProcThread.find(PROCESS, PROCESS).orElseThrow();
		ProcThread before = new ProcThread(PROCESS, PROCESS, thread.startTime() - 1);
		assertThat(thread.cpuTime()).isPresent();
		assertThat(before.cpuTime()).isEmpty();
	}

	@Test
	void aThreadThatTheProcessDoesNotHaveIsNotFound() {
		assertThat(ProcThread.find(PROCESS, 1)).isEmpty();
	}

	private static HostThread named(String name) throws IOException {
		for (String thread : new File("/proc/self/task").list()) {
			if (Files.readString(Path.of("/proc/self/task", thread, "comm")).strip().equals(name)) {
				return ProcThread.find(PROCESS, Long.parseLong(thread)).orElseThrow();
			}
		}
		throw new AssertionError("There is no thread " + name);
	}

	private static double seconds(HostThread thread) {
		CpuTime time = thread.cpuTime().orElseThrow();
		return time.userSeconds() + time.systemSeconds();
	}

}
