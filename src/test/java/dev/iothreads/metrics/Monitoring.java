package dev.iothreads.metrics;

import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

import dev.iothreads.testing.Needs;

/**
 * The files that the chart ships for Prometheus and Grafana, and the tool that checks
 * them.
 */
final class Monitoring {

	private Monitoring() {
	}

	/**
	 * Finds a file of the chart.
	 * @param name its name
	 * @return the very file that is shipped
	 */
	static Path file(String name) {
		return Path.of("helm", "iothread-inventory", "files", name).toAbsolutePath();
	}

	/**
	 * Runs promtool.
	 * @param input what it reads from its standard input
	 * @param arguments its arguments
	 * @return how it ended
	 */
	static Outcome promtool(String input, String... arguments) {
		List<String> command = new ArrayList<>(List.of(Needs.program("promtool", "prometheus").toString()));
		command.addAll(List.of(arguments));
		try {
			Process promtool = new ProcessBuilder(command).redirectErrorStream(true).start();
			try (OutputStream stdin = promtool.getOutputStream()) {
				stdin.write(input.getBytes(StandardCharsets.UTF_8));
			}
			String words = new String(promtool.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
			return new Outcome(promtool.waitFor(), words);
		}
		catch (IOException ex) {
			throw new UncheckedIOException(ex);
		}
		catch (InterruptedException ex) {
			throw new AssertionError(ex);
		}
	}

	/**
	 * What promtool says.
	 *
	 * @param code its exit code
	 * @param words all that it prints
	 */
	record Outcome(int code, String words) {

	}

}
