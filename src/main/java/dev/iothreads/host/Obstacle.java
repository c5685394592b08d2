package dev.iothreads.host;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;

/**
 * Why the process of a QEMU is not known, and what to do, in sentences.
 * <p>
 * The kernel shows the descriptors of another process only to one that has the same user
 * and the same group, and all its capabilities, or has the capability SYS_PTRACE; and
 * those of a process that has changed its user only to the latter (docs: ptrace(2),
 * PTRACE_MODE_READ_FSCREDS).
 */
final class Obstacle {

	private static final String UNSEEN = "No process that the service can see has the threads of this QEMU. Run the "
			+ "service on QEMU's host, in QEMU's PID namespace or the host's (hostPID), with a /proc that shows the "
			+ "processes of other users, too.";

	private static final String OTHER_SOCKET = "The process with these threads, %d, does not listen on %s. Give the "
			+ "service the socket that QEMU itself has made.";

	private static final String CLOSED = "The kernel does not let the service look at the descriptors of the process with "
			+ "these threads, %d: it has the user %d and the group %d, the service %d and %d. %s the capability "
			+ "SYS_PTRACE, which root in a container has not by itself%s.";

	private static final String OR_PATH = ", or give it the socket by the path that is in QEMU's command line (of the "
			+ "Helm chart: sockets.mountPath equal to sockets.hostPath)";

	private Obstacle() {
	}

	/**
	 * Looks for what keeps {@link QemuProcess#find} from finding the process.
	 */
	static String of(Path socket, Collection<Long> threadIds, List<Path> nested) {
		String obstacle = UNSEEN;
		for (QemuProcess.Status process : QemuProcess.withThreads(threadIds, nested)) {
			try {
				QemuProcess.bound(QemuProcess.directory(process.processId()));
				obstacle = OTHER_SOCKET.formatted(process.processId(), socket);
			}
			catch (AccessDeniedException ex) {
				return closed(process);
			}
			catch (IOException ex) {
				// It has just ended.
			}
		}
		return obstacle;
	}

	private static String closed(QemuProcess.Status process) {
		try {
			QemuProcess.Status own = QemuProcess.Status.of(QemuProcess.PROC.resolve("self"));
			boolean same = process.user() == own.user() && process.group() == own.group();
			return CLOSED.formatted(process.processId(), process.user(), process.group(), own.user(), own.group(),
					same ? "Give it" : "Run it with both the user and the group of QEMU, or give it",
					process.nested() ? "" : OR_PATH);
		}
		catch (IOException ex) {
			return UNSEEN;
		}
	}

}
