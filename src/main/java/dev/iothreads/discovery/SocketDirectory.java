package dev.iothreads.discovery;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

import dev.iothreads.qmp.SocketIdentity;

/**
 * A directory of sockets, seen by {@code stat} alone: nothing is opened. There is no
 * watching instead: inotify reports no more than names, misses what happens on another
 * host's side of a file system, and loses events when too many come.
 */
public final class SocketDirectory {

	private static final String WILDCARDS = "*?[]{}\\";

	private final Path path;

	private final PathMatcher pattern;

	private final String suffix;

	/**
	 * Creates it; the directory need not exist.
	 * @param path the directory
	 * @param pattern the glob that the files' names must match
	 */
	public SocketDirectory(Path path, String pattern) {
		this.path = path;
		this.pattern = path.getFileSystem().getPathMatcher("glob:" + pattern);
		this.suffix = suffix(pattern);
	}

	private static String suffix(String pattern) {
		int end = pattern.length();
		while (end > 0 && WILDCARDS.indexOf(pattern.charAt(end - 1)) < 0) {
			end--;
		}
		return (end > 0) ? pattern.substring(end) : "";
	}

	Path path() {
		return this.path;
	}

	/**
	 * Lists the sockets that match. A symbolic link is what it leads to; a file that goes
	 * while the directory is read, or leads nowhere, is not there.
	 * @return the sockets, sorted by path
	 * @throws IOException if the directory cannot be read or entered
	 */
	Listing list() throws IOException {
		List<SocketFile> sockets = new ArrayList<>();
		Map<Path, IOException> hidden = new TreeMap<>();
		try (DirectoryStream<Path> files = Files.newDirectoryStream(this.path,
				(file) -> this.pattern.matches(file.getFileName()))) {
			for (Path file : files) {
				try {
					SocketIdentity identity = SocketIdentity.look(file);
					if (identity != null) {
						sockets.add(new SocketFile(file, name(file), identity));
					}
				}
				catch (IOException ex) {
					requireEntrance();
					hidden.put(file, ex);
				}
			}
		}
		catch (DirectoryIteratorException ex) {
			throw ex.getCause();
		}
		sockets.sort(Comparator.comparing(SocketFile::path));
		return new Listing(sockets, hidden);
	}

	// A user who may list a directory and not enter it sees its names only.
	private void requireEntrance() throws AccessDeniedException {
		if (!Files.isExecutable(this.path)) {
			throw new AccessDeniedException(this.path.toString());
		}
	}

	private String name(Path file) {
		String name = file.getFileName().toString();
		return name.substring(0, name.length() - this.suffix.length());
	}

	/**
	 * What is in the directory.
	 *
	 * @param sockets the sockets, sorted by path
	 * @param hidden files that may be sockets and could not be looked at, and why
	 */
	record Listing(List<SocketFile> sockets, Map<Path, IOException> hidden) {

	}

	/**
	 * A socket in the directory.
	 *
	 * @param path the file
	 * @param name the file's name without what the pattern ends with
	 * @param identity which socket it is
	 */
	record SocketFile(Path path, String name, SocketIdentity identity) {

	}

}
