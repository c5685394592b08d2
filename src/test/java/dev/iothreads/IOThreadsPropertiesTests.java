package dev.iothreads;

import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;

import dev.iothreads.discovery.SocketDiscovery;
import dev.iothreads.inventory.Inventory;
import dev.iothreads.inventory.MachineView;
import dev.iothreads.qemu.Hold;
import dev.iothreads.qmp.MonitorAddress;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.boot.web.server.autoconfigure.ServerProperties;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.core.env.StandardEnvironment;
import org.springframework.core.env.SystemEnvironmentPropertySource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatException;

@ExtendWith(OutputCaptureExtension.class)
class IOThreadsPropertiesTests {

	@Test
	void withoutAnyThereIsADemoAndTheDefaultsHold(CapturedOutput output) {
		try (ConfigurableApplicationContext context = start(Map.of())) {
			IOThreadsProperties properties = context.getBean(IOThreadsProperties.class);
			assertThat(properties.maxAge()).isEqualTo(Duration.ofSeconds(1));
			assertThat(properties.refreshInterval()).isEqualTo(Duration.ofSeconds(5));
			assertThat(properties.timeouts()).isEqualTo(new IOThreadsProperties.Timeouts(Duration.ofSeconds(2),
					Duration.ofSeconds(5), Duration.ofSeconds(10)));
			assertThat(names(context)).isEqualTo("demo");
		}
		assertThat(output).contains("'demo' is an embedded one");
	}

	@Test
	void machinesAreReadFromTheCommandLine() {
		try (ConfigurableApplicationContext context = start(Map.of(), "--iothreads.machines.vm1.monitor=unix:/x",
				"--iothreads.machines.web-01.monitor=tcp:127.0.0.1:1", "--iothreads.machines.web-01.read-only=true",
				"--iothreads.machines[db.example_1~B].monitor=unix:/y")) {
			assertThat(names(context)).isEqualTo("db.example_1~B vm1 web-01");
			assertThat(context.getBean(IOThreadsProperties.class).machines()).containsEntry("web-01",
					new IOThreadsProperties.MachineProperties(MonitorAddress.parse("tcp:127.0.0.1:1"), true,
							Hold.TRUE));
		}
	}

	@Test
	void machinesAreReadFromTheEnvironment() {
		try (ConfigurableApplicationContext context = start(
				Map.of("IOTHREADS_MACHINES_VM1_MONITOR", "unix:/x", "IOTHREADS_MACHINES_VM2_MONITOR", "unix:/y",
						"IOTHREADS_MACHINES_VM2_READONLY", "true", "IOTHREADS_MAXAGE", "3s"))) {
			IOThreadsProperties properties = context.getBean(IOThreadsProperties.class);
			assertThat(names(context)).isEqualTo("vm1 vm2");
			assertThat(properties.machines().get("vm2").readOnly()).isTrue();
			assertThat(properties.maxAge()).isEqualTo(Duration.ofSeconds(3));
		}
	}

	@Test
	void aVariableThatSetsNothingIsReported(CapturedOutput output) {
		Map<String, Object> variables = Map.of("IOTHREADS_MACHINES_VM1_MONITOR", "unix:/x",
				"IOTHREADS_MACHINES_VM1_READONLY", "true", "IOTHREADS_MAXAGE", "3s", "IOTHREADS_REFRESH_INTERVAL", "7s",
				"IOTHREADS_MACHINES_WEB_1_MONITOR", "unix:/y", "IOTHREADS_MAXAGEE", "3s", "IOTHREAD", "x");
		try (ConfigurableApplicationContext context = start(variables, "--iothreads.max-age=4s")) {
			assertThat(names(context)).isEqualTo("vm1");
		}
		assertThat(output.toString().lines().filter((line) -> line.contains(" sets nothing. Check its name")))
			.satisfiesExactlyInAnyOrder((line) -> assertThat(line).contains("IOTHREADS_MACHINES_WEB_1_MONITOR"),
					(line) -> assertThat(line).contains("IOTHREADS_MAXAGEE"));
	}

	@Test
	void discoveryIsReadFromTheEnvironmentAndShowsNoDemo() {
		try (ConfigurableApplicationContext context = start(
				Map.of("IOTHREADS_DISCOVERY_DIRECTORY", "/nowhere/at/all", "IOTHREADS_DISCOVERY_HOLD", "false"))) {
			assertThat(context.getBean(IOThreadsProperties.class).discovery()).isEqualTo(
					new IOThreadsProperties.Discovery("/nowhere/at/all", "*.sock", Duration.ofSeconds(2), Hold.FALSE));
			assertThat(context.getBeanProvider(SocketDiscovery.class).getIfAvailable()).isNotNull();
			assertThat(names(context)).isEmpty();
		}
	}

	@Test
	void aVisitNeedsAUnixSocket(CapturedOutput output) {
		assertThatException().isThrownBy(() -> start(Map.of(), "--iothreads.machines.vm1.monitor=tcp:127.0.0.1:1",
				"--iothreads.machines.vm1.hold=false")
			.close());
		assertThat(output).contains("iothreads.machines[vm1].hold").contains("use true, or a Unix socket");
	}

	@Test
	void anOwnMonitorNeedsADirectory(CapturedOutput output) {
		assertThatException().isThrownBy(
				() -> start(Map.of(), "--iothreads.machines.vm1.monitor=unix:/x", "--iothreads.machines.vm1.hold=own")
					.close());
		assertThat(output).contains("iothreads.ownMonitor.directory").contains("needs a directory");
	}

	@Test
	void aMonitorIsOneMachines(CapturedOutput output) {
		assertThatException().isThrownBy(() -> start(Map.of(), "--iothreads.machines.vm1.monitor=unix:/run/x.sock",
				"--iothreads.machines.vm2.monitor=unix:/run/y/../x.sock")
			.close());
		assertThat(output).contains("iothreads.machines[vm2].monitor")
			.contains("'vm1' has this monitor already, and a monitor serves one client at a time");
	}

	@Test
	void aPlainNumberIsSeconds() {
		try (ConfigurableApplicationContext context = start(Map.of(), "--iothreads.refresh-interval=7")) {
			assertThat(context.getBean(IOThreadsProperties.class).refreshInterval()).isEqualTo(Duration.ofSeconds(7));
		}
	}

	@ParameterizedTest
	@CsvSource(delimiter = '|',
			textBlock = """
					--iothreads.machines.vm1.monitor=unix:relative | iothreads.machines.vm1.monitor | is a relative path: write
					--iothreads.machines.vm1.monitor=tcp:host      | iothreads.machines.vm1.monitor | lacks the port: write
					--iothreads.machines.vm1.monitor=              | iothreads.machines.vm1.monitor | is no monitor's address: write
					--iothreads.machines.vm1.read-only=true        | iothreads.machines.vm1         | the machine has no monitor: set one
					--iothreads.machines.vm1.read-only=perhaps     | iothreads.machines.vm1.read-only | perhaps
					--iothreads.machines.vm1.monitr=unix:/x        | iothreads.machines.vm1.monitr  | were left unbound
					--iothreads.machines[a/b].monitor=unix:/x      | iothreads.machines[a/b]        | cannot be part of a URL: use up to
					--iothreads.max-age=-1s                        | iothreads.maxAge               | use 0s to 24h
					--iothreads.max-age=soon                       | iothreads.max-age              | is not a valid duration
					--iothreads.max_agee=1s                        | iothreads.maxagee              | were left unbound
					--iothreads.refresh-interval=1ms               | iothreads.refreshInterval      | use 100ms to 24h
					--iothreads.refresh-interval=99999999d         | iothreads.refreshInterval      | use 100ms to 24h
					--iothreads.timeouts.connect=0s                | iothreads.timeouts.connect     | use 1ms to 24h
					--iothreads.timeouts.command=-5s               | iothreads.timeouts.command     | use 1ms to 24h
					--iothreads.discovery.pattern=*.qmp            | iothreads.discovery            | there is no directory to look into: set one
					--iothreads.discovery.directory=run            | iothreads.discovery.directory  | use an absolute path
					""")
	void aWrongValueStopsTheStartAndIsNamed(String argument, String property, String reason, CapturedOutput output) {
		assertThatException().isThrownBy(() -> start(Map.of(), argument).close());
		assertThat(output).contains("APPLICATION FAILED TO START").containsIgnoringNewLines(reason);
		assertThat(output.toString().lines().map(String::strip)).anyMatch((line) -> line.equals("Property: " + property)
				|| line.startsWith("Failed to bind properties under '" + property + "' to "));
	}

	@ParameterizedTest
	@CsvSource({ "a/*.sock, use a pattern for file names", "[, use a glob" })
	void aWrongPatternStopsTheStartAndIsNamed(String pattern, String reason, CapturedOutput output) {
		assertThatException().isThrownBy(() -> start(Map.of(), "--iothreads.discovery.directory=/run",
				"--iothreads.discovery.pattern=" + pattern)
			.close());
		assertThat(output).contains("Property: iothreads.discovery.pattern").contains("Reason: " + reason);
	}

	@Test
	void everyPropertyIsDescribedWithItsDefault() throws IOException {
		Map<String, JsonNode> properties = new LinkedHashMap<>();
		try (InputStream metadata = Objects.requireNonNull(
				IOThreadsProperties.class.getResourceAsStream("/META-INF/spring-configuration-metadata.json"))) {
			JsonMapper.shared()
				.readTree(metadata)
				.path("properties")
				.forEach((property) -> properties.put(property.path("name").asString(), property));
		}
		assertThat(properties).containsKeys("iothreads.machines", "iothreads.discovery.directory");
		assertThat(properties.values()).allSatisfy(
				(property) -> assertThat(property.path("description").asString("")).as(property.path("name").asString())
					.matches("[A-Z].*\\."));
		assertThat(properties.entrySet()
			.stream()
			.filter((property) -> property.getValue().has("defaultValue"))
			.collect(Collectors.toMap(Map.Entry::getKey,
					(property) -> property.getValue().path("defaultValue").asString())))
			.containsAllEntriesOf(Map.of("iothreads.max-age", "1s", "iothreads.refresh-interval", "5s",
					"iothreads.timeouts.connect", "2s", "iothreads.timeouts.command", "5s",
					"iothreads.discovery.pattern", "*.sock", "iothreads.discovery.interval", "2s"));
	}

	private static String names(ConfigurableApplicationContext context) {
		return context.getBean(Inventory.class)
			.views()
			.stream()
			.map(MachineView::name)
			.collect(Collectors.joining(" "));
	}

	private static ConfigurableApplicationContext start(Map<String, Object> environment, String... args) {
		SpringApplication application = new SpringApplication(MachinesConfiguration.class,
				MonitorAddressConverter.class, UnreadVariables.class, Server.class);
		application.setWebApplicationType(WebApplicationType.NONE);
		StandardEnvironment variables = new StandardEnvironment();
		variables.getPropertySources()
			.replace(StandardEnvironment.SYSTEM_ENVIRONMENT_PROPERTY_SOURCE_NAME, new SystemEnvironmentPropertySource(
					StandardEnvironment.SYSTEM_ENVIRONMENT_PROPERTY_SOURCE_NAME, environment));
		application.setEnvironment(variables);
		return application.run(Arrays.copyOf(args, args.length));
	}

	/**
	 * Where the server listens is bound without a server.
	 */
	@EnableConfigurationProperties(ServerProperties.class)
	static class Server {

	}

}
