package dev.iothreads.qemu;

import java.nio.file.Path;

import org.jspecify.annotations.Nullable;

/**
 * How the service uses the socket of a monitor.
 *
 * @param hold whether its connection is kept
 * @param found whether the socket was found in a directory: where it never greets, it is
 * tried seldom after three tries
 * @param own the file of a socket that a visited QEMU may make for the service alone,
 * {@code null} for none. Its name ends with {@code .sock} and is no other service's
 */
public record SocketUse(Hold hold, boolean found, @Nullable Path own) {

	/** Keeps the connection. */
	public static final SocketUse HELD = new SocketUse(Hold.TRUE, false, null);

}
