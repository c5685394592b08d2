package dev.iothreads.embedded;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

import dev.iothreads.fleet.RunningService;
import dev.iothreads.testing.Needs;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * The commands of the README, as a newcomer runs them on the demo, one after the other.
 */
class ReadmeTests {

	private static final String INDENT = "    ";

	private static final String PROMPT = INDENT + "$ ";

	// What stands for something that is left out.
	private static final String LEFT_OUT = "…";

	@Test
	void eachCommandAnswersAsItIsWritten() throws IOException, InterruptedException {
		Needs.program("curl", "curl");
		List<Step> steps = steps(Files.readAllLines(Path.of("README.md")));
		assertThat(steps).hasSizeGreaterThan(8);
		StringBuilder variables = new StringBuilder();
		try (RunningService service = RunningService.start("--iothreads.simulated=true")) {
			for (Step step : steps) {
				if (step.answer().isEmpty()) {
					variables.append(step.command()).append('\n');
					continue;
				}
				String answer = run(
						(variables + step.command()).replace("localhost:8080", "127.0.0.1:" + service.port()));
				assertThat(withoutSpace(answer)).as(step.command())
					.containsSubsequence(withoutSpace(step.answer()).split(LEFT_OUT));
			}
		}
	}

	private static List<Step> steps(List<String> lines) {
		List<Step> steps = new ArrayList<>();
		boolean within = false;
		for (String line : lines) {
			if (line.startsWith(PROMPT)) {
				steps.add(new Step(line.substring(PROMPT.length()), ""));
				within = true;
			}
			else if (within && line.startsWith(INDENT)) {
				Step last = steps.remove(steps.size() - 1);
				steps.add(new Step(last.command(), last.answer() + line));
			}
			else if (!line.isEmpty()) {
				within = false;
			}
		}
		return steps;
	}

	private static String run(String script) throws IOException, InterruptedException {
		Process process = new ProcessBuilder("sh", "-c", script).redirectError(ProcessBuilder.Redirect.DISCARD).start();
		String answer = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
		assertThat(process.waitFor()).as("%s: %s", script, answer).isZero();
		return answer;
	}

	private static String withoutSpace(String text) {
		return text.replaceAll("\\s", "");
	}

	/**
	 * A command and what it prints.
	 *
	 * @param command what a shell runs
	 * @param answer what it prints; empty for one that sets a variable
	 */
	private record Step(String command, String answer) {

	}

}
