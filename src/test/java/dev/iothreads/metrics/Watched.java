package dev.iothreads.metrics;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;

import dev.iothreads.host.ProcFinder;
import dev.iothreads.machine.Activity;
import dev.iothreads.machine.IoCount;
import dev.iothreads.machine.IoOperation;
import dev.iothreads.machine.Snapshot;
import dev.iothreads.qemu.QemuMachine;
import dev.iothreads.qemu.QemuOptions;
import dev.iothreads.qmp.MonitorAddress;

import static org.awaitility.Awaitility.await;

/**
 * A QEMU as the product reads it.
 */
public final class Watched implements AutoCloseable {

	private final ScheduledExecutorService scheduler = Executors.newSingleThreadScheduledExecutor();

	private final QemuMachine machine;

	private Watched(MonitorAddress address) {
		QemuOptions options = new QemuOptions(Duration.ofSeconds(30), Duration.ofSeconds(30), Watched::daemon,
				Duration.ZERO, new ProcFinder());
		this.machine = QemuMachine.connect("vm1", address, options, this.scheduler);
		awaitUp();
	}

	public static Watched at(Path socket) {
		return at("unix:" + socket);
	}

	public static Watched at(String address) {
		return new Watched(MonitorAddress.parse(address));
	}

	public void awaitUp() {
		await().atMost(Duration.ofSeconds(60)).until(() -> this.machine.status().isUp());
	}

	public void awaitDown() {
		await().atMost(Duration.ofSeconds(60)).until(() -> !this.machine.status().isUp());
	}

	public Snapshot read() {
		try {
			return this.machine.read().get();
		}
		catch (InterruptedException | ExecutionException ex) {
			throw new AssertionError(ex);
		}
	}

	public Activity activity() {
		return read().activity();
	}

	Map<IoOperation, IoCount> io(String device) {
		Snapshot snapshot = read();
		return snapshot.activity().io().getOrDefault(snapshot.device(device).orElseThrow().qomPath(), Map.of());
	}

	@Override
	public void close() {
		this.machine.close();
		this.scheduler.shutdownNow();
	}

	private static Thread daemon(Runnable work) {
		Thread thread = new Thread(work);
		thread.setDaemon(true);
		return thread;
	}

}
