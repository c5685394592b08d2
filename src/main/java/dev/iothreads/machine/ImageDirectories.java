package dev.iothreads.machine;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;

import org.jspecify.annotations.Nullable;

/**
 * The directories from which images may be attached. A file is known by its real path,
 * with links and {@code ..} resolved; so the service must see it where QEMU does. Where
 * that is not known, nothing is attached, unless the operator has asserted it.
 */
public final class ImageDirectories {

	/** No image may be attached. */
	public static final ImageDirectories NONE = new ImageDirectories(List.of(), false, Duration.ZERO);

	/** The most files that are listed. */
	public static final int MOST_LISTED = 200;

	private static final int MOST_LOOKED_AT = 5000;

	private static final int DEEPEST_CHAIN = 16;

	private static final int SECTOR = 512;

	// docs: path_resolution(7)
	private static final int MOST_LINKS = 40;

	// docs: inode(7)
	private static final int FILE_TYPE = 0170000;

	private static final int BLOCK_DEVICE = 0060000;

	// Only the kernel and root make links there, as those of LVM's volumes are.
	private static final Path DEVICES = Path.of("/dev");

	private final List<Path> directories;

	private final boolean shared;

	private final @Nullable Long processId;

	private final FileCalls files;

	private final Map<Path, FutureTask<List<ImageFile>>> listings = new ConcurrentHashMap<>();

	/**
	 * Creates it.
	 * @param directories absolute paths, which need not exist yet
	 * @param shared whether QEMUs see the same files in them, also where that is not
	 * known
	 * @param limit how long the file system may take to answer
	 */
	public ImageDirectories(List<Path> directories, boolean shared, Duration limit) {
		this(directories.stream().map(Path::normalize).toList(), shared, null, new FileCalls(limit));
	}

	private ImageDirectories(List<Path> directories, boolean shared, @Nullable Long processId, FileCalls files) {
		this.directories = directories;
		this.shared = shared;
		this.processId = processId;
		this.files = files;
	}

	/**
	 * Looks for an image that is to be attached.
	 * @param image the image
	 * @param qemuVersion the version of the QEMU that is to open it
	 * @param processId that QEMU's process, {@code null} where the service does not see
	 * it
	 * @return the image by its real path
	 * @throws InvalidRequestException when it must not be attached
	 */
	public NewImage find(NewImage image, String qemuVersion, @Nullable Long processId) {
		if (this.directories.isEmpty()) {
			throw wrong(
					"No images may be attached: iothreads.attach.images names no directory. Set it, or name a block node as drive.");
		}
		Path asked = path(image.file());
		return inTime(image.file(), () -> {
			NewImage found = find(image, asked, processId);
			requireReadableEnd(found, qemuVersion);
			return found;
		});
	}

	// QEMU 7.2 never ends a read past the end of a file by io_uring, and answers nothing
	// more: it reads the first sector when it attaches. QEMU 10.0 and 11.1 end it.
	private static void requireReadableEnd(NewImage image, String qemuVersion) {
		if (image.blockDevice() || !"io_uring".equals(image.get(ImageProperty.AIO))
				|| QemuVersion.isAtLeast(qemuVersion, 10)) {
			return;
		}
		try {
			if (Files.size(Path.of(image.file())) % SECTOR == 0) {
				return;
			}
		}
		catch (IOException ex) {
			throw unreadable(Path.of(image.file()), ex);
		}
		throw new InvalidRequestException("image.aio",
				"QEMU %s stops for good when it reads the end of %s by io_uring, because that file's length is no multiple of %d bytes. Choose threads, or lengthen the file by truncate -s %%%d."
					.formatted(qemuVersion, image.file(), SECTOR, SECTOR));
	}

	private NewImage find(NewImage image, Path asked, @Nullable Long process) {
		Path real = real(asked);
		int mode = mode(real);
		boolean blockDevice = (mode & FILE_TYPE) == BLOCK_DEVICE;
		if (!blockDevice && !Files.isRegularFile(real)) {
			throw wrong("%s is neither a regular file nor a block device. Name another one.".formatted(real));
		}
		ImageDirectories seen = new ImageDirectories(this.directories, this.shared, process, this.files);
		seen.requireSameFile(real);
		return new NewImage(real.toString(), image.readOnly(), image.properties(), blockDevice, seen);
	}

	private <T> T inTime(String file, Supplier<T> call) {
		try {
			return this.files.call(call);
		}
		catch (TimeoutException ex) {
			throw wrong(
					"%s cannot be looked at: its file system, or that of a directory of iothreads.attach.images, did not answer in time. Mount it anew, and try again."
						.formatted(file));
		}
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
	 * Returns whether a file is in one of the directories, and the same for the machine.
	 * @param file an absolute path
	 * @return {@code false} also when it cannot be looked at
	 * @throws InvalidRequestException when the file system does not answer in time
	 */
	public boolean hold(String file) {
		return inTime(file, () -> holdsSame(file));
	}

	private boolean holdsSame(String file) {
		try {
			Path asked = Path.of(file);
			if (!asked.isAbsolute()) {
				return false;
			}
			Path real = asked.toRealPath();
			return holds(asked, real) && isSame(sight(asked));
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
		return inTime(image.file(), () -> ownChain(image));
	}

	private long ownChain(NewImage image) {
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
				if (header.hasDataFile() || !holdsSame(file)) {
					throw wrong(
							"%s builds upon %s, outside the directories of iothreads.attach.images. Put it there, or make the image independent of it, by qemu-img rebase."
								.formatted(image.file(),
										header.hasDataFile() ? "a file of its own for the data" : file));
				}
				if ("raw".equals(header.backingFormat())) {
					return size;
				}
				Qcow2Header next = Qcow2Header.read(file);
				// Another format could name further files, which only QEMU can read.
				if (next == null || !"qcow2".equals(header.backingFormat())) {
					throw wrong(
							"%s builds upon %s, and its header gives that the format %s. It must be raw or qcow2, as the file is: set it by qemu-img rebase -u -F."
								.formatted(image.file(), file,
										Objects.requireNonNullElse(header.backingFormat(), "unknown")));
				}
				header = next;
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
		// That of the file first: another one may not answer.
		List<Path> ordered = this.directories.stream()
			.sorted(Comparator.comparing((directory) -> !asked.startsWith(directory)))
			.toList();
		for (Path directory : ordered) {
			if (Files.isDirectory(directory)) {
				there.add(directory.toRealPath());
				if (isBeneath(there, real)) {
					return true;
				}
			}
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

	private void requireSameFile(Path real) {
		Sight sight = sight(real);
		if (sight == Sight.OTHER) {
			throw wrong(
					"QEMU's process sees another file system, in which %s is not that file. Mount the directory there under the same path."
						.formatted(real));
		}
		if (!isSame(sight)) {
			throw wrong(
					"It is not known whether QEMU sees the same files as the service, which %s. Run the service as QEMU's user or as root on QEMU's host; or set iothreads.attach.images-shared=true when both see the same files in the directories of iothreads.attach.images."
						.formatted((this.processId != null)
								? "may not look into QEMU's process %d".formatted(this.processId)
								: "does not find QEMU's process by the threads of its IOThreads"));
		}
	}

	private boolean isSame(Sight sight) {
		return sight == Sight.SAME || (sight == Sight.UNKNOWN && this.shared);
	}

	// QEMU may be in a container that has another file there, or another link on the way.
	// What its links lead to is looked at one by one: the kernel would follow them in the
	// service's own file system.
	private Sight sight(Path file) {
		Long process = this.processId;
		if (process == null) {
			return Sight.UNKNOWN;
		}
		Path root = Path.of("/proc", process.toString(), "root");
		try {
			return isTheirs(file, root) ? Sight.SAME : Sight.OTHER;
		}
		catch (NoSuchFileException ex) {
			// libvirt and container runtimes make a block device in QEMU's own /dev when
			// it
			// is to be opened.
			return (Files.exists(root) && !isBlockDevice(file)) ? Sight.OTHER : Sight.UNKNOWN;
		}
		catch (AccessDeniedException ex) {
			return Sight.UNKNOWN;
		}
		catch (IOException ex) {
			return Sight.OTHER;
		}
	}

	private static boolean isBlockDevice(Path file) {
		try {
			return (mode(file) & FILE_TYPE) == BLOCK_DEVICE;
		}
		catch (InvalidRequestException ex) {
			return false;
		}
	}

	private static boolean isTheirs(Path file, Path root) throws IOException {
		Deque<Path> names = new ArrayDeque<>();
		file.forEach(names::add);
		Path at = Path.of("/");
		int links = 0;
		while (!names.isEmpty()) {
			Path next = at.resolve(names.remove()).normalize();
			if (next.getNameCount() == 0) {
				at = next;
				continue;
			}
			Path theirs = root.resolve(Path.of("/").relativize(next));
			boolean link = Files.isSymbolicLink(next);
			if (link != attributes(theirs).isSymbolicLink()) {
				return false;
			}
			if (!link) {
				at = next;
				continue;
			}
			Path target = Files.readSymbolicLink(next);
			if (!target.equals(Files.readSymbolicLink(theirs)) || ++links > MOST_LINKS) {
				return false;
			}
			at = target.isAbsolute() ? Path.of("/") : at;
			for (int i = target.getNameCount() - 1; i >= 0; i--) {
				names.addFirst(target.getName(i));
			}
		}
		Path theirs = root.resolve(Path.of("/").relativize(at));
		// Each /dev has nodes of its own for one device.
		return (isBlockDevice(at) && isBlockDevice(theirs))
				? Files.getAttribute(at, "unix:rdev").equals(Files.getAttribute(theirs, "unix:rdev"))
				: Objects.equals(attributes(at).fileKey(), attributes(theirs).fileKey());
	}

	private static BasicFileAttributes attributes(Path file) throws IOException {
		return Files.readAttributes(file, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
	}

	/**
	 * Lists the files that are directly in the directories, as far as they can be seen in
	 * time. One listing of a directory is under way, however many ask.
	 * @return the files by their paths, {@value #MOST_LISTED} at most
	 */
	public List<ImageFile> list() {
		List<FutureTask<List<ImageFile>>> begun = this.directories.stream().map(this::beginToList).toList();
		long deadline = this.files.deadline();
		List<ImageFile> files = new ArrayList<>();
		for (FutureTask<List<ImageFile>> listing : begun) {
			try {
				files.addAll(FileCalls.await(listing, deadline));
			}
			catch (TimeoutException ex) {
				// The others can be seen.
			}
		}
		return files.stream()
			.sorted(Comparator.comparing(ImageFile::file, NaturalOrder.OF_IDS))
			.limit(MOST_LISTED)
			.toList();
	}

	private FutureTask<List<ImageFile>> beginToList(Path directory) {
		return Objects.requireNonNull(this.listings.compute(directory,
				(key, under) -> (under != null && !under.isDone()) ? under : this.files.begin(() -> list(directory))));
	}

	private List<ImageFile> list(Path directory) {
		List<ImageFile> files = new ArrayList<>();
		int looked = 0;
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
		return files;
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

	/** What a machine has where the service sees a file. */
	private enum Sight {

		SAME, OTHER, UNKNOWN

	}

}
