package dev.iothreads.chart;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.stream.Collectors;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.yaml.snakeyaml.Yaml;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

class ChartValuesTests {

	/** One row each: they are Kubernetes' own. */
	private static final Set<Object> WHOLE = Set.of("resources", "podSecurityContext", "securityContext");

	private final HelmChart chart = HelmChart.ofTheService();

	@ParameterizedTest
	@CsvSource(delimiter = '|', textBlock = """
			mode: Sidecar                                           | mode
			replicas: 2                                             | replicas
			config: {discovery: {directory: /run/qemu}}             | directory
			config: {discovery: {pattern: "a/*.sock"}}              | pattern
			config: {machines: {"a/b": {monitor: "tcp:h:1"}}}       | a/b
			config: {machines: {vm1: {monitor: "http://h:1"}}}      | monitor
			config: {machines: {vm1: {readOnly: true}}}             | monitor
			config: {refreshInterval: soon}                         | refreshInterval
			config: {refreshInterval: 1ms}                          | refreshInterval
			config: {refreshInterval: 0}                            | refreshInterval
			config: {discovery: {interval: 25h}}                    | interval
			config: {timeouts: {connect: 0s}}                       | connect
			config: {timeouts: {detach: -5}}                        | detach
			config: {maxAge: 86401}                                 | maxAge
			tls: {secret: web}                                      | secret
			tests: {paths: [actuator]}                              | paths
			podSecurityContext: {runAsUsr: 107}                     | runAsUsr
			podSecurityContext: {supplementalGroups: [kvm]}         | supplementalGroups
			securityContext: {readonlyRootFilesystem: true}         | readonlyRootFilesystem
			sockets: {hostPath: run/qemu}                           | hostPath
			sockets: {hostPathType: Socket}                         | hostPathType
			image: {digest: sha256:1234}                            | digest
			image: {pullPolicy: Sometimes}                          | pullPolicy
			service: {port: 70000}                                  | port
			service: {type: ExternalName}                           | type
			livenessProbe: {httpGet: {path: /}}                     | httpGet
			serviceMonitor: {interval: often}                       | interval
			networkPolicy: {enabled: "yes"}                         | enabled
			kubevirtHook: {enabled: true, socketDirectory: "/a b"}  | socketDirectory
			podMonitor: {sidecars: {namespaceSelector: {all: true}}} | all
			""")
	void aBadValueIsRefusedByItsName(String values, String named) {
		assertThatExceptionOfType(IllegalStateException.class).isThrownBy(() -> this.chart.render(values))
			.withMessageContaining("values don't meet the specifications of the schema")
			.withMessageContaining(named);
	}

	@Test
	void theSchemaDescribesEveryValue() {
		Map<String, Object> values = new Yaml().load(this.chart.text("values.yaml"));
		Map<String, Object> schema = new Yaml().load(this.chart.text("values.schema.json"));
		List<String> undescribed = new ArrayList<>();
		compare(values, schema, "", undescribed);
		assertThat(undescribed).isEmpty();
	}

	private static void compare(Map<?, ?> values, Map<?, ?> schema, String prefix, List<String> undescribed) {
		if (!(schema.get("properties") instanceof Map<?, ?> properties)) {
			return;
		}
		values.forEach((name, value) -> {
			if (!(properties.get(name) instanceof Map<?, ?> property) || !(property.get("type") != null)) {
				undescribed.add(prefix + name);
			}
			else if (value instanceof Map<?, ?> map && Boolean.FALSE.equals(property.get("additionalProperties"))) {
				compare(map, property, prefix + name + ".", undescribed);
			}
		});
	}

	@Test
	void theReadmeNamesEveryValueWithItsDefault() {
		List<String> missing = new ArrayList<>();
		Map<String, Object> values = new Yaml().load(this.chart.text("values.yaml"));
		Map<String, Object> schema = new Yaml().load(this.chart.text("values.schema.json"));
		List<String> rows = this.chart.text("README.md").lines().filter((line) -> line.startsWith("| `")).toList();
		List<String> names = new ArrayList<>();
		walk(values, schema, "", (name, value) -> {
			names.add(name);
			if (rows.stream().noneMatch((row) -> row.startsWith("| `" + name + "` | " + inTable(value) + " |"))) {
				missing.add("| `" + name + "` | " + inTable(value) + " |");
			}
		});
		assertThat(missing).isEmpty();
		assertThat(rows).as("one row for each value").hasSize(names.size());
	}

	@Test
	void theReadmeSaysOfEveryValueWhatTheSchemaSays() {
		Map<String, Object> values = new Yaml().load(this.chart.text("values.yaml"));
		Map<String, Object> schema = new Yaml().load(this.chart.text("values.schema.json"));
		Map<String, String> rows = this.chart.text("README.md")
			.lines()
			.filter((line) -> line.startsWith("| `"))
			.collect(Collectors.toMap((row) -> row.split("`")[1], (row) -> row.replace("`", "")));
		List<String> others = new ArrayList<>();
		walk(values, schema, "", (name, value) -> {
			String description = description(schema, name);
			if (description.isEmpty() || !rows.getOrDefault(name, "").contains(description.replaceFirst("[.]$", ""))) {
				others.add(name + ": " + description);
			}
		});
		assertThat(others).isEmpty();
	}

	private static String description(Map<?, ?> schema, String name) {
		Map<?, ?> property = schema;
		for (String part : name.split("[.]")) {
			property = (Map<?, ?>) ((Map<?, ?>) property.get("properties")).get(part);
		}
		return (property.get("description") instanceof String text) ? text : "";
	}

	private static String inTable(Object value) {
		return ((value instanceof Map || value instanceof List) && !value.toString().matches("\\{}|\\[]")) ? "see below"
				: "`" + (value.equals("") ? "\"\"" : value) + "`";
	}

	private static void walk(Map<?, ?> values, Map<?, ?> schema, String prefix, BiConsumer<String, Object> row) {
		Map<?, ?> properties = (Map<?, ?>) schema.get("properties");
		values.forEach((name, value) -> {
			Map<?, ?> property = (properties != null && properties.get(name) instanceof Map<?, ?> found) ? found
					: Map.of();
			if (value instanceof Map<?, ?> map && !map.isEmpty()
					&& Boolean.FALSE.equals(property.get("additionalProperties")) && !WHOLE.contains(name)) {
				walk(map, property, prefix + name + ".", row);
			}
			else {
				row.accept(prefix + name, value);
			}
		});
	}

}
