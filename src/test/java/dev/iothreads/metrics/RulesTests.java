package dev.iothreads.metrics;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

import dev.iothreads.metrics.Dashboard.Expression;
import dev.iothreads.metrics.Monitoring.Outcome;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.yaml.snakeyaml.Yaml;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * The rules and the dashboard, before Prometheus has seen any data.
 */
class RulesTests {

	private final Dashboard dashboard = Dashboard.ofTheChart();

	@TempDir
	private Path directory;

	@Test
	void promtoolHasNothingAgainstTheRules() {
		Outcome check = Monitoring.promtool("", "check", "rules", "--lint=all", "--lint-fatal",
				Monitoring.file("rules.yaml").toString());
		assertThat(check.code()).as(check.words()).isZero();
	}

	@Test
	void everyCaseOfTheRulesHolds() {
		Outcome cases = Monitoring.promtool("", "test", "rules", Monitoring.file("rules-tests.yaml").toString());
		assertThat(cases.code()).as(cases.words()).isZero();
	}

	@Test
	void everyAlertHasACaseInWhichItFiresAndOneInWhichItIsSilent() throws IOException {
		List<JsonNode> cases = yaml("rules-tests.yaml").path("tests")
			.valueStream()
			.flatMap((test) -> test.path("alert_rule_test").valueStream())
			.toList();
		assertThat(alerts()).hasSize(7).allSatisfy((alert) -> {
			List<JsonNode> own = cases.stream()
				.filter((test) -> test.path("alertname").asString().equals(name(alert)))
				.toList();
			assertThat(own).anyMatch((test) -> !test.path("exp_alerts").isEmpty())
				.anyMatch((test) -> test.path("exp_alerts").isEmpty());
		});
	}

	@Test
	void everyAlertSaysHowBadItIsAndWhatToDo() throws IOException {
		assertThat(alerts()).allSatisfy((alert) -> {
			assertThat(alert.path("labels").path("severity").asString()).isIn("critical", "warning", "info");
			// What is wrong: what to do.
			assertThat(alert.path("annotations").path("summary").asString())
				.containsPattern("\\$labels\\.(machine|instance)")
				.contains(": ");
			assertThat(alert.path("annotations").path("description").asString()).isNotEmpty();
		});
	}

	@Test
	void everyRecordedSeriesHasACaseOrAnAlertThatHasOne() throws IOException {
		String cases = Files.readString(Monitoring.file("rules-tests.yaml"));
		assertThat(rules().stream().filter((rule) -> rule.has("record"))).isNotEmpty()
			.allSatisfy((rule) -> assertThat(cases).contains("expr: " + rule.path("record").asString()));
	}

	@Test
	void everyExpressionOfTheDashboardIsPromQL() throws IOException {
		List<Map<String, String>> rules = new ArrayList<>();
		for (Expression expression : this.dashboard.expressions()) {
			rules.add(Map.of("record", "expression:" + rules.size(), "expr",
					expression.with("vm1|vm2", Duration.ofMinutes(1))));
		}
		assertThat(rules).hasSizeGreaterThan(20);
		Path file = this.directory.resolve("dashboard.yaml");
		Files.writeString(file,
				new Yaml().dump(Map.of("groups", List.of(Map.of("name", "dashboard", "rules", rules)))));
		Outcome check = Monitoring.promtool("", "check", "rules", "--lint=none", file.toString());
		assertThat(check.code()).as(check.words()).isZero();
		assertThat(check.words()).contains("SUCCESS: %d rules found".formatted(rules.size()));
	}

	@Test
	void everyPanelThatAsksAsksTheChosenDataSourceOfTheChosenMachines() {
		for (String variable : List.of("node", "machine", "iothread")) {
			assertThat(this.dashboard.variable(variable).path("multi").asBoolean()).isTrue();
			assertThat(this.dashboard.variable(variable).path("includeAll").asBoolean()).isTrue();
			// Without nodes there is the choice of all, which matches what has no such
			// label.
			assertThat(this.dashboard.variable(variable).path("allValue").asString()).isEqualTo(".*");
		}
		assertThat(this.dashboard.expressions()).allSatisfy(
				(expression) -> assertThat(expression.text()).contains("{node=~\"$node\", machine=~\"$machine\""));
		assertThat(this.dashboard.panels()).filteredOn((panel) -> panel.has("targets")).allSatisfy((panel) -> {
			assertThat(panel.path("datasource").path("uid").asString()).isEqualTo("${datasource}");
			assertThat(panel.path("targets"))
				.allSatisfy((target) -> assertThat(target.path("datasource").path("uid").asString())
					.isEqualTo("${datasource}"));
		});
	}

	@Test
	void noTableTakesMachinesOfOneNameOnTwoNodesForOne() {
		assertThat(this.dashboard.panels()).filteredOn((panel) -> panel.has("transformations"))
			.isNotEmpty()
			.allSatisfy((panel) -> {
				assertThat(panel.path("transformations").toString()).contains("\"node\":true")
					.doesNotContain("joinByField");
				if (panel.path("targets").size() > 1) {
					assertThat(panel.path("targets")).allSatisfy((target) -> assertThat(target.path("expr").asString())
						.contains("by (node, namespace, pod, instance, machine"));
				}
			});
	}

	@Test
	void everyFigureHasAUnitAndEveryMachineALinkToItsPage() {
		assertThat(this.dashboard.variable("scheme").path("query").asString()).isEqualTo("http,https");
		assertThat(this.dashboard.panels()).filteredOn((panel) -> panel.has("targets")).allSatisfy((panel) -> {
			JsonNode figures = panel.path("fieldConfig").path("defaults");
			String type = panel.path("type").asString();
			// Its values have names.
			assertThat(figures.has("unit") || type.equals("state-timeline")).isTrue();
			// These show sums of many machines.
			if (!type.equals("stat") && !type.equals("heatmap")) {
				assertThat(panel.path("fieldConfig").findValuesAsString("url")).singleElement()
					.asString()
					.startsWith("${scheme}://")
					.contains("/?find=");
			}
			if (type.equals("table")) {
				assertThat(panel.path("transformations").findValue("includeByName").path("instance").asBoolean())
					.isTrue();
			}
		});
	}

	@Test
	void noTwoPanelsHaveOneIdOrLieOnEachOther() {
		List<JsonNode> panels = this.dashboard.panels();
		assertThat(panels.stream().map((panel) -> panel.path("id").asInt())).doesNotHaveDuplicates();
		for (JsonNode one : panels) {
			for (JsonNode other : panels) {
				assertThat(one == other || !overlap(one.path("gridPos"), other.path("gridPos")))
					.as("%s, %s", one.path("title"), other.path("title"))
					.isTrue();
			}
		}
	}

	private static boolean overlap(JsonNode one, JsonNode other) {
		return overlap(one, other, "x", "w") && overlap(one, other, "y", "h");
	}

	private static boolean overlap(JsonNode one, JsonNode other, String begin, String length) {
		return one.path(begin).asInt() < other.path(begin).asInt() + other.path(length).asInt()
				&& other.path(begin).asInt() < one.path(begin).asInt() + one.path(length).asInt();
	}

	private static String name(JsonNode alert) {
		return alert.path("alert").asString();
	}

	private static List<JsonNode> alerts() throws IOException {
		return rules().stream().filter((rule) -> rule.has("alert")).toList();
	}

	private static List<JsonNode> rules() throws IOException {
		return yaml("rules.yaml").path("groups")
			.valueStream()
			.flatMap((group) -> group.path("rules").valueStream())
			.toList();
	}

	private static JsonNode yaml(String name) throws IOException {
		Object content = new Yaml().load(Files.readString(Monitoring.file(name)));
		return JsonMapper.shared().valueToTree(content);
	}

}
