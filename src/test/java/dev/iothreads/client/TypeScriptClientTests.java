package dev.iothreads.client;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

import dev.iothreads.fleet.RunningService;
import dev.iothreads.testing.Needs;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * A TypeScript client is made from the OpenAPI document of a running service, compiled
 * strictly, and used; linters have nothing to say about the document.
 */
class TypeScriptClientTests {

	private static final long DEADLINE = 120;

	private static RunningService service;

	private static Path modules;

	@TempDir
	private Path directory;

	@BeforeAll
	static void start() {
		modules = Needs.clientModules();
		service = RunningService.start("--iothreads.simulated=false");
	}

	@AfterAll
	static void stop() {
		if (service != null) {
			service.close();
		}
	}

	@BeforeEach
	void readDocument() throws IOException {
		Files.createSymbolicLink(this.directory.resolve("node_modules"), modules);
		Files.writeString(this.directory.resolve("package.json"), "{\"type\": \"module\"}");
		Files.writeString(this.directory.resolve("api.json"), service.get("/v3/api-docs").body());
		for (String file : List.of("client.ts", "spectral.yaml", "redocly.yaml")) {
			Files.copy(Path.of("src/test/resources/client", file), this.directory.resolve(file));
		}
	}

	@Test
	void itAddsTunesAttachesAndDetaches() throws IOException, InterruptedException {
		run("openapi-typescript", "api.json", "--output", "api.ts", "--default-non-nullable", "false");
		run("tsc", "--strict", "--target", "es2022", "--lib", "es2022,dom,dom.iterable", "--module", "nodenext",
				"client.ts");
		assertThat(run(Needs.program("node", "nodejs").toString(), "client.js", "http://127.0.0.1:" + service.port()))
			.containsExactly("added typed0", "tuned 65536", "attached typed0", "listed 1", "MACHINE,DEVICE",
					"detached 204", "removed 204", "urn:iothreads:problem:iothread-not-found");
	}

	@Test
	void lintersHaveNothingToSay() throws IOException, InterruptedException {
		run("spectral", "lint", "--ruleset", "spectral.yaml", "--fail-severity", "hint", "api.json");
		assertThat(String.join("\n", run("redocly", "lint", "--config", "redocly.yaml", "api.json")))
			.contains("Your API description is valid")
			.doesNotContain("Warning was generated", "Error was generated");
	}

	private List<String> run(String program, String... arguments) throws IOException, InterruptedException {
		List<String> command = new ArrayList<>(List.of(modules.resolve(".bin").resolve(program).toString()));
		command.addAll(List.of(arguments));
		Path output = this.directory.resolve("output");
		ProcessBuilder builder = new ProcessBuilder(command).directory(this.directory.toFile())
			.redirectErrorStream(true)
			.redirectOutput(output.toFile());
		// Redocly would ask for its newest version, and report its use.
		builder.environment().put("REDOCLY_SUPPRESS_UPDATE_NOTICE", "true");
		builder.environment().put("REDOCLY_TELEMETRY", "off");
		builder.environment().put("NODE_NO_WARNINGS", "1");
		Process process = builder.start();
		try {
			assertThat(process.waitFor(DEADLINE, TimeUnit.SECONDS)).as(program + " ends").isTrue();
			String printed = Files.readString(output, StandardCharsets.UTF_8);
			assertThat(process.exitValue()).as(printed).isZero();
			return printed.lines().toList();
		}
		finally {
			process.destroyForcibly();
		}
	}

}
