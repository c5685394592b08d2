package dev.iothreads.host;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.UUID;

import dev.iothreads.machine.HostThreads;
import org.jspecify.annotations.Nullable;

/**
 * Finds the processes of QEMUs in this host's {@code /proc}.
 */
public final class ProcFinder implements HostThreads.Finder {

	private static final Duration LIFE = Duration.ofSeconds(10);

	private List<Path> nested = List.of();

	private long searched = System.nanoTime() - LIFE.toNanos();

	@Override
	public HostThreads of(@Nullable Path socket) {
		return new QemuThreads(socket, this);
	}

	@Override
	public HostThreads ofDomain(UUID domain) {
		return new DomainThreads(domain);
	}

	/**
	 * Searches for the processes in PID namespaces beneath the service's own. A search
	 * through all processes takes long, so all machines share one for ten seconds.
	 * @param since the search must not be older than this, by {@link System#nanoTime()}
	 * @return their directories in {@code /proc}
	 */
	synchronized List<Path> nested(long since) {
		long now = System.nanoTime();
		if (this.searched - since < 0 || now - this.searched >= LIFE.toNanos()) {
			this.searched = now;
			try {
				this.nested = QemuProcess.list(QemuProcess.PROC, "[0-9]*")
					.stream()
					.filter(ProcFinder::isNested)
					.toList();
			}
			catch (IOException ex) {
				this.nested = List.of(); // this host has no /proc
			}
		}
		return this.nested;
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
