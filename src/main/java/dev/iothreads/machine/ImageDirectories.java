package dev.iothreads.machine;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;

import org.jspecify.annotations.Nullable;

/**
 * The directories from which images may be attached. A file is known by its real path,
 * with links and {@code ..} resolved; so the service must see it where QEMU does.
 */
public final class ImageDirectories {

	/** No image may be attached. */
	public static final ImageDirectories NONE = new ImageDirectories(List.of());

	/** The most files that are listed. */
	public static final int MOST_LISTED = 200;

	private static final int MOST_LOOKED_AT = 5000;

	private static final int DEEPEST_CHAIN = 16;

	// docs: inode(7)
	private static final int FILE_TYPE = 0170000;

	private static final int BLOCK_DEVICE = 0060000;

	// Only the kernel and root make links there, as those of LVM's volumes are.
	private static final Path DEVICES = Path.of("/dev");

	private final List<Path> directories;

	/**
	 * Creates it.
	 * @param directories absolute paths, which need not exist yet
	 */
	public ImageDirectories(List<Path> directories) {
		this.directories = directories.stream().map(Path::normalize).toList();
	}

	/**
	 * Looks for an image that is to be attached.
	 * @param image the image
	 * @param host says whether another process sees the files of this host
	 * @return the image by its real path
	 * @throws InvalidRequestException when it must not be attached
	 */
	public NewImage find(NewImage image, Host host) {
		if (this.directories.isEmpty()) {
			throw wrong(
					"No images may be attached: iothreads.attach.images names no directory. Set it, or name a block node as drive.");
		}
		Path asked = path(image.file());
		if (!host.isThis()) {
			throw wrong(
					"The machine is on another host, whose files the service does not see. Open the image there, by blockdev-add, and name that block node as drive.");
		}
		Path real = real(asked);
		int mode = mode(real);
		boolean blockDevice = (mode & FILE_TYPE) == BLOCK_DEVICE;
		if (!blockDevice && !Files.isRegularFile(real)) {
			throw wrong("%s is neither a regular file nor a block device. Name another one.".formatted(real));
		}
		requireSameFile(real, host.processId());
		return new NewImage(real.toString(), image.readOnly(), image.properties(), blockDevice, this);
	}

	private Path path(String file) {
		try {
			Path path = Path.of(file);
			// What is elsewhere by its name is not looked at: the answer would tell
			// whether it exists.
			if (path.isAbsolute() && isBeneath(this.directories, path.normalize())) {
				return path;
			}
		}
		catch (InvalidPathException ex) {
			// It is no path of this host.
		}
		throw elsewhere(file);
	}

	private InvalidRequestException elsewhere(String file) {
		return wrong("%s is outside the directories from which images may be attached: %s.".formatted(file,
				String.join(", ", this.directories.stream().map(Path::toString).toList())));
	}

	private Path real(Path asked) {
		try {
			Path real = asked.toRealPath();
			if (!holds(asked, real)) {
				throw elsewhere(asked.equals(real) ? real.toString() : "%s, which is %s,".formatted(asked, real));
			}
			return real;
		}
		catch (NoSuchFileException ex) {
			throw wrong(
					"There is no %s where the service runs, which must see the file under the path that QEMU uses. Create it first."
						.formatted(asked));
		}
		catch (IOException ex) {
			throw unreadable(asked, ex);
		}
	}

	/**
	 * Returns whether a file is in one of the directories.
	 * @param file an absolute path
	 * @return {@code false} also when it cannot be looked at
	 */
	public boolean hold(String file) {
		try {
			Path asked = Path.of(file);
			return asked.isAbsolute() && holds(asked, asked.toRealPath());
		}
		catch (IOException | InvalidPathException ex) {
			return false;
		}
	}

	/**
	 * Makes sure that a qcow2 builds upon nothing that is elsewhere, by its header.
	 * @param image the image, as it was found
	 * @return the size that the guest sees, in bytes
	 * @throws InvalidRequestException when it does, or is no qcow2, or cannot be read
	 */
	public long requireOwnChain(NewImage image) {
		String file = image.file();
		try {
			Qcow2Header header = Qcow2Header.read(file);
			if (header == null) {
				throw new InvalidRequestException("image.format",
						"%s is no qcow2. Name the format that the file has.".formatted(file));
			}
			long size = header.size();
			for (int depth = 0; header != null && depth < DEEPEST_CHAIN; depth++) {
				String backing = header.backing();
				if (backing == null && !header.hasDataFile()) {
					return size;
				}
				Path parent = Objects.requireNonNull(Path.of(file).getParent());
				file = (backing != null) ? parent.resolve(backing).toString() : file;
				if (header.hasDataFile() || !hold(file)) {
					throw wrong(
							"%s builds upon %s, outside the directories of iothreads.attach.images. Put it there, or make the image independent of it, by qemu-img rebase."
								.formatted(image.file(),
										header.hasDataFile() ? "a file of its own for the data" : file));
				}
				header = Qcow2Header.read(file);
			}
			if (header != null) {
				throw wrong("More than %d images are beneath %s. Make it independent of them, by qemu-img rebase."
					.formatted(DEEPEST_CHAIN, image.file()));
			}
			return size;
		}
		catch (IOException | InvalidPathException ex) {
			throw wrong("What %s builds upon cannot be read: %s. Let the service's user read the file."
				.formatted(image.file(), ex.getMessage()));
		}
	}

	private boolean holds(Path asked, Path real) throws IOException {
		List<Path> there = new ArrayList<>();
		for (Path directory : this.directories) {
			if (Files.isDirectory(directory)) {
				there.add(directory.toRealPath());
			}
		}
		if (isBeneath(there, real)) {
			return true;
		}
		Path parent = Objects.requireNonNull(asked.getParent()).toRealPath();
		return real.startsWith(DEVICES) && parent.startsWith(DEVICES) && isBeneath(there, parent.resolve("device"))
				&& (mode(real) & FILE_TYPE) == BLOCK_DEVICE;
	}

	private static boolean isBeneath(List<Path> directories, Path path) {
		return directories.stream().anyMatch((directory) -> path.startsWith(directory) && !path.equals(directory));
	}

	private static int mode(Path file) {
		try {
			return (int) Files.getAttribute(file, "unix:mode");
		}
		catch (IOException ex) {
			throw unreadable(file, ex);
		}
	}

	// QEMU may be in a container that has another file there. Where the service may not
	// look, its host's view is taken for QEMU's.
	private static void requireSameFile(Path real, @Nullable Long processId) {
		if (processId == null) {
			return;
		}
		Path theirs = Path.of("/proc/%d/root%s".formatted(processId, real));
		try {
			if (Files.isSameFile(real, theirs)) {
				return;
			}
		}
		catch (NoSuchFileException ex) {
			if (!Files.exists(Path.of("/proc", processId.toString()))) {
				return;
			}
		}
		catch (IOException ex) {
			return;
		}
		throw wrong(
				"QEMU's process sees another file system, in which %s is not that file. Mount the directory there under the same path."
					.formatted(real));
	}

	/**
	 * Lists the files that are directly in the directories, as far as they can be seen.
	 * @return the files by their paths, {@value #MOST_LISTED} at most
	 */
	public List<ImageFile> list() {
		List<ImageFile> files = new ArrayList<>();
		int looked = 0;
		for (Path directory : this.directories) {
			try (DirectoryStream<Path> entries = Files.newDirectoryStream(directory)) {
				for (Path entry : entries) {
					if (++looked > MOST_LOOKED_AT) {
						break;
					}
					add(entry, files);
				}
			}
			catch (IOException | RuntimeException ex) {
				// It has yet to be made, or is not the service's to look into.
			}
		}
		return files.stream()
			.sorted(Comparator.comparing(ImageFile::file, NaturalOrder.OF_IDS))
			.limit(MOST_LISTED)
			.toList();
	}

	private void add(Path entry, List<ImageFile> files) {
		try {
			Path real = entry.toRealPath();
			boolean blockDevice = (mode(real) & FILE_TYPE) == BLOCK_DEVICE;
			if (holds(entry, real) && (blockDevice || Files.isRegularFile(real))) {
				files.add(new ImageFile(entry.toString(), real.toString(), blockDevice ? 0 : Files.size(real),
						entry.toString().endsWith(".qcow2") ? "qcow2" : "raw"));
			}
		}
		catch (IOException | InvalidRequestException ex) {
			// It has gone meanwhile, or leads nowhere.
		}
	}

	private static InvalidRequestException unreadable(Path file, IOException ex) {
		return wrong("%s cannot be looked at, %s. Let the service's user read the directory.".formatted(file,
				(ex instanceof AccessDeniedException) ? "access is denied" : ex.getMessage()));
	}

	private static InvalidRequestException wrong(String message) {
		return new InvalidRequestException("image.file", message);
	}

	/**
	 * Where a machine runs.
	 *
	 * @param isThis whether that is the service's host
	 * @param processId its process, {@code null} where that is not known
	 */
	public record Host(boolean isThis, @Nullable Long processId) {

	}

}
