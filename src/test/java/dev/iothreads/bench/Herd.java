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
 * each of them. Their sockets wait in a directory of their own, and are brought to where
 * the service looks.
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
			.in(this.waiting)
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
		try {
			for (int number = 0; number < this.qemus.size(); number++) {
				String file = name(number) + ".sock";
				Path from = ((number < size) ? this.waiting : this.looked).resolve(file);
				if (Files.exists(from)) {
					Files.move(from, ((number < size) ? this.looked : this.waiting).resolve(file));
				}
			}
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
	}

	@Override
	public void close() throws IOException {
		show(0);
		this.qemus.forEach(Qemu::close);
		for (Path directory : Stream.of(this.waiting, this.looked).toList()) {
			Files.delete(directory);
		}
	}

}
