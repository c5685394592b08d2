package dev.iothreads.web.api;

import java.util.List;

import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * A table for a terminal.
 */
class TextTableTests {

	@Test
	void columnsAreAlignedAndNumbersToTheRight() {
		TextTable table = new TextTable(List.of("NAME", "COUNT", "UNKNOWN", "REASON"));
		table.row("vm1", 1250, null, "");
		table.row("a-long-name", null, null, "It is down.");
		table.row("ä\ud83d\udcbe", 7.5, null, null);
		assertThat(table).hasToString("""
				NAME         COUNT  UNKNOWN  REASON
				vm1           1250  -        -
				a-long-name      -  -        It is down.
				ä\ud83d\udcbe             7.5  -        -
				""");
	}

	@Test
	void withoutRowsTheTitlesAreThere() {
		assertThat(new TextTable(List.of("NAME", "STATE"))).hasToString("NAME  STATE\n");
	}

	@Test
	void aNameControlsNoTerminal() {
		TextTable table = new TextTable(List.of("NAME"));
		table.row("\u001b[2Jvm\n1\u202e\u2028\u009b");
		assertThat(table).hasToString("NAME\n?[2Jvm?1???\n");
	}

}
