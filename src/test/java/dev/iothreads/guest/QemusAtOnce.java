package dev.iothreads.guest;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

import dev.iothreads.testing.Needs;
import dev.iothreads.testing.QemuBinary;
import org.junit.jupiter.api.function.ThrowingConsumer;
import org.opentest4j.TestAbortedException;

/**
 * Runs a test of a guest that mostly waits with every QEMU of this machine at the same
 * time, so that the waits do not add up.
 */
public final class QemusAtOnce {

	private QemusAtOnce() {
	}

	/**
	 * Runs a test on a thread per QEMU, and waits for all of them.
	 * @param test the test
	 * @throws TestAbortedException if there is no QEMU or no guest, which skips the test
	 * @throws AssertionError if it failed with a QEMU, or if something is missing and
	 * {@code CI=true}
	 */
	public static void run(ThrowingConsumer<QemuBinary> test) {
		List<QemuBinary> binaries = Needs.qemus();
		Needs.guestImage();
		ExecutorService threads = Executors.newFixedThreadPool(binaries.size());
		try {
			List<CompletableFuture<Void>> runs = binaries.stream().map((binary) -> CompletableFuture.runAsync(() -> {
				try {
					test.accept(binary);
				}
				catch (TestAbortedException ex) {
					throw ex;
				}
				catch (Throwable failure) {
					throw new AssertionError("With " + binary, failure);
				}
			}, threads)).toList();
			CompletableFuture.allOf(runs.toArray(CompletableFuture<?>[]::new)).join();
		}
		catch (CompletionException ex) {
			if (ex.getCause() instanceof TestAbortedException aborted) {
				throw aborted;
			}
			throw ex;
		}
		finally {
			threads.shutdownNow();
		}
	}

}
