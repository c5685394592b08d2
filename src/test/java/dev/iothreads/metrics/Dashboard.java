package dev.iothreads.metrics;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The dashboard that the chart ships, as Grafana reads it.
 *
 * @param json the file's content
 */
record Dashboard(JsonNode json) {

	static Dashboard ofTheChart() {
		return new Dashboard(JsonMapper.shared().readTree(Monitoring.file("dashboard.json").toFile()));
	}

	/**
	 * Returns what the panels ask Prometheus.
	 * @return the expressions, with Grafana's variables in them
	 */
	List<Expression> expressions() {
		List<Expression> expressions = new ArrayList<>();
		for (JsonNode panel : this.json.path("panels")) {
			for (JsonNode target : panel.path("targets")) {
				expressions.add(new Expression(panel.path("title").asString(), target.path("expr").asString()));
			}
		}
		return expressions;
	}

	List<JsonNode> panels() {
		return this.json.path("panels").valueStream().toList();
	}

	JsonNode variable(String name) {
		return this.json.path("templating")
			.path("list")
			.valueStream()
			.filter((variable) -> variable.path("name").asString().equals(name))
			.findFirst()
			.orElseThrow();
	}

	/**
	 * What a panel asks.
	 *
	 * @param panel the panel's title
	 * @param text the expression
	 */
	record Expression(String panel, String text) {

		/**
		 * Puts in what Grafana would, for all nodes.
		 * @param machines a regular expression for the machines that were chosen
		 * @param rateInterval some scrapes
		 * @return PromQL
		 */
		String with(String machines, Duration rateInterval) {
			return this.text.replace("$__rate_interval", rateInterval.toSeconds() + "s")
				.replace("$machine", machines)
				.replace("$node", ".*")
				.replace("$iothread", ".*");
		}

		@Override
		public String toString() {
			return this.panel + ": " + this.text;
		}

	}

}
