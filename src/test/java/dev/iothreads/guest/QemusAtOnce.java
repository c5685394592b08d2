package dev.iothreads.guest;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Consumer;

import dev.iothreads.testing.QemuBinary;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * Runs a test that mostly waits with every QEMU of this machine at the same time, so that
 * the waits do not add up.
 */
public final class QemusAtOnce {

	private QemusAtOnce() {
	}

	/**
	 * Runs a test on a thread per QEMU, and waits for all of them.
	 * @param test the test
	 * @throws AssertionError if it failed with a QEMU, or if there is none
	 */
	public static void run(Consumer<QemuBinary> test) {
		List<QemuBinary> binaries = QemuBinary.all();
		assertThat(binaries).as("QEMU binaries").isNotEmpty();
		ExecutorService threads = Executors.newFixedThreadPool(binaries.size());
		try {
			List<CompletableFuture<Void>> runs = binaries.stream()
				.map((binary) -> CompletableFuture.runAsync(() -> test.accept(binary), threads)
					.exceptionally((failure) -> {
						throw new AssertionError("With " + binary, failure);
					}))
				.toList();
			CompletableFuture.allOf(runs.toArray(CompletableFuture<?>[]::new)).join();
		}
		finally {
			threads.shutdownNow();
		}
	}

}
