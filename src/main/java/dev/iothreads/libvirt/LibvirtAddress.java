package dev.iothreads.libvirt;

import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

import org.jspecify.annotations.Nullable;

/**
 * Which libvirt daemon of this host, as libvirt itself writes it: {@code qemu:///system},
 * {@code qemu:///session}, {@code qemu:///system?socket=/path}.
 *
 * @param uri what the daemon is asked to open
 * @param socket the daemon's socket, {@code null} for libvirt's own places
 */
public record LibvirtAddress(String uri, @Nullable Path socket) {

	private static final Pattern PATTERN = Pattern
		.compile("qemu(?:\\+unix)?:///(system|session)(?:\\?socket=(/[^&]+))?");

	private static final String READ_ONLY = "-ro";

	/**
	 * Reads an address.
	 * @param text what stands in the configuration
	 * @return the address
	 * @throws IllegalArgumentException if it is none, with a sentence that says what to
	 * write
	 */
	public static LibvirtAddress parse(String text) {
		Matcher matcher = PATTERN.matcher(text);
		if (!matcher.matches()) {
			throw new IllegalArgumentException(
					"'%s' is no libvirt on this host: use qemu:///system or qemu:///session, with ?socket=/path where its socket is elsewhere"
						.formatted(text));
		}
		try {
			return new LibvirtAddress("qemu:///" + matcher.group(1),
					(matcher.group(2) != null) ? Path.of(matcher.group(2)) : null);
		}
		catch (InvalidPathException ex) {
			throw new IllegalArgumentException("The socket in '%s' is no path: use an absolute one".formatted(text),
					ex);
		}
	}

	/**
	 * Finds the socket to connect to: modular daemons have one of another name.
	 * @param readOnly whether the one that takes no changes will do
	 * @return the first that exists, or the last that was looked for
	 */
	Path find(boolean readOnly) {
		Path given = this.socket;
		return (given != null) ? given : find(readOnly, System.getenv());
	}

	Path find(boolean readOnly, Map<String, String> environment) {
		boolean session = this.uri.endsWith("session");
		Path directory = session
				? Path.of(environment.getOrDefault("XDG_RUNTIME_DIR", environment.getOrDefault("HOME", "") + "/.cache"),
						"libvirt")
				: Path.of("/run/libvirt");
		List<Path> candidates = Stream.of("virtqemud-sock", "libvirt-sock")
			.map((name) -> directory.resolve((readOnly && !session) ? name + READ_ONLY : name))
			.toList();
		return candidates.stream()
			.filter(Files::exists)
			.findFirst()
			.orElseGet(() -> candidates.get(candidates.size() - 1));
	}

	@Override
	public String toString() {
		return (this.socket != null) ? this.uri + "?socket=" + this.socket : this.uri;
	}

}
