package dev.iothreads.host;

import java.nio.file.Path;

import dev.iothreads.machine.HostThreads;
import org.jspecify.annotations.Nullable;

/**
 * Finds the processes of QEMUs in this host's {@code /proc}.
 */
public final class ProcFinder implements HostThreads.Finder {

	private final NestedProcesses nested = new NestedProcesses();

	@Override
	public HostThreads of(@Nullable Path socket) {
		return new QemuThreads(socket, this.nested);
	}

}
