package dev.iothreads.qmp;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;

import org.jspecify.annotations.Nullable;

/**
 * Which socket is at a path, to notice when another one takes its place. A file system
 * may give a new file the inode of the one just deleted, so the time of its making, which
 * nothing changes for a socket, is part of it.
 *
 * @param key the device of the file system, and the inode
 * @param modified the time of its making
 */
public record SocketIdentity(String key, FileTime modified) {

	// docs: inode(7)
	private static final int TYPE = 0170000;

	private static final int SOCKET = 0140000;

	/**
	 * Looks which socket a file is, by {@code stat} alone: nothing is opened.
	 * @param file the file; a symbolic link is followed
	 * @return its identity, or {@code null} when there is no socket, or it is not known
	 */
	public static @Nullable SocketIdentity of(Path file) {
		try {
			return look(file);
		}
		catch (IOException ex) {
			return null;
		}
	}

	/**
	 * Looks as {@link #of} does.
	 * @param file the file; a symbolic link is followed
	 * @return its identity, or {@code null} when there is no socket
	 * @throws java.nio.file.AccessDeniedException if this process may not look
	 * @throws IOException if it is not known for another reason
	 */
	public static @Nullable SocketIdentity look(Path file) throws IOException {
		try {
			BasicFileAttributes stat = Files.readAttributes(file, BasicFileAttributes.class);
			boolean socket = stat.isOther() && Files.getAttribute(file, "unix:mode") instanceof Integer mode
					&& (mode & TYPE) == SOCKET;
			return socket ? new SocketIdentity(String.valueOf(stat.fileKey()), stat.lastModifiedTime()) : null;
		}
		catch (NoSuchFileException ex) {
			return null;
		}
	}

}
