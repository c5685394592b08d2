package dev.iothreads.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import java.util.stream.Stream;

import dev.iothreads.testing.Qemu;
import dev.iothreads.testing.QemuBinary;

/**
 * Many QEMUs, each with {@value #IOTHREADS} IOThreads and {@value #DEVICES} devices on
 * each of them. Their sockets were made where the service looks, wait in a directory of
 * their own, and are brought back: by its path a socket tells whose it is.
 */
final class Herd implements AutoCloseable {

	static final int IOTHREADS = 4;

	static final int DEVICES = 4;

	private static final String BARE = "bare-";

	private final Path waiting;

	private final Path looked;

	private final List<Qemu> qemus = new ArrayList<>();

	Herd(QemuBinary binary, int size) throws IOException {
		this.waiting = Files.createTempDirectory("herd");
		this.looked = Files.createTempDirectory("herd");
		ExecutorService starters = Executors.newFixedThreadPool(4);
		try {
			List<Future<Qemu>> started = IntStream.range(0, size)
				.mapToObj((number) -> starters.submit(() -> start(binary, number)))
				.toList();
			for (Future<Qemu> qemu : started) {
				this.qemus.add(qemu.get());
			}
		}
		catch (InterruptedException | ExecutionException ex) {
			throw new IllegalStateException(ex);
		}
		finally {
			starters.shutdownNow();
		}
		for (int number = 0; number < this.qemus.size(); number++) {
			move(BARE + name(number), this.looked, this.waiting);
		}
		show(0);
	}

	private Qemu start(QemuBinary binary, int number) {
		List<String> args = new ArrayList<>();
		for (int iothread = 0; iothread < IOTHREADS; iothread++) {
			args.addAll(List.of("-object", "iothread,id=iothread" + iothread));
		}
		for (int device = 0; device < IOTHREADS * DEVICES; device++) {
			args.addAll(List.of("-blockdev", "null-co,read-zeroes=on,node-name=disk" + device, "-device",
					"virtio-blk-pci,iothread=iothread%d,drive=disk%d,id=blk%2$d".formatted(device / DEVICES, device)));
		}
		return Qemu.of(binary)
			.args(args.toArray(String[]::new))
			.monitor(name(number))
			.monitor(BARE + name(number))
			.in(this.looked)
			.start();
	}

	static String name(int number) {
		return "vm%03d".formatted(number);
	}

	Path directory() {
		return this.looked;
	}

	Qemu qemu(int number) {
		return this.qemus.get(number);
	}

	/**
	 * Returns the socket of a machine's second monitor, which the service never looks at.
	 */
	Path bareSocket(int number) {
		return this.waiting.resolve(BARE + name(number) + ".sock");
	}

	/**
	 * Leaves the first so many where the service looks, and none besides.
	 */
	void show(int size) {
		for (int number = 0; number < this.qemus.size(); number++) {
			boolean shown = number < size;
			move(name(number), shown ? this.waiting : this.looked, shown ? this.looked : this.waiting);
		}
	}

	private static void move(String name, Path from, Path to) {
		try {
			Path socket = from.resolve(name + ".sock");
			if (Files.exists(socket)) {
				Files.move(socket, to.resolve(socket.getFileName()));
			}
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
	}

	@Override
	public void close() throws IOException {
		show(this.qemus.size());
		for (int number = 0; number < this.qemus.size(); number++) {
			move(BARE + name(number), this.waiting, this.looked);
		}
		this.qemus.forEach(Qemu::close);
		for (Path directory : Stream.of(this.waiting, this.looked).toList()) {
			Files.delete(directory);
		}
	}

}
