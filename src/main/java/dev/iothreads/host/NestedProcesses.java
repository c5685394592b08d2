package dev.iothreads.host;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/**
 * The processes in PID namespaces beneath the service's own. A search through all
 * processes takes long, so all machines share one.
 */
final class NestedProcesses {

	private static final Duration LIFE = Duration.ofSeconds(10);

	private List<Path> processes = List.of();

	private long searched = System.nanoTime() - LIFE.toNanos();

	/**
	 * Returns the processes as a search not older than ten seconds found them.
	 * @param since the search must not be older than this, by {@link System#nanoTime()}
	 * @return their directories in {@code /proc}
	 */
	synchronized List<Path> since(long since) {
		long now = System.nanoTime();
		if (this.searched - since < 0 || now - this.searched >= LIFE.toNanos()) {
			this.searched = now;
			this.processes = search();
		}
		return this.processes;
	}

	private static List<Path> search() {
		try {
			return QemuProcess.list(QemuProcess.PROC, "[0-9]*").stream().filter(NestedProcesses::isNested).toList();
		}
		catch (IOException ex) {
			return List.of(); // this host has no /proc
		}
	}

	private static boolean isNested(Path process) {
		try {
			return QemuProcess.Status.of(process).nested();
		}
		catch (IOException ex) {
			return false; // it has just ended
		}
	}

}
