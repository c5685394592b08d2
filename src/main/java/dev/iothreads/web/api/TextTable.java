package dev.iothreads.web.api;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;

import org.jspecify.annotations.Nullable;

/**
 * A table for a terminal: columns are as wide as what they hold, numbers are aligned to
 * the right, and what is not known is {@code -}.
 */
final class TextTable {

	private static final String ABSENT = "-";

	private static final Pattern NUMBER = Pattern.compile("-?\\d+(\\.\\d+)?");

	// Guests, images and other programs choose names: none may control a terminal.
	private static final Pattern CONTROL = Pattern.compile("[\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}]");

	private final List<List<String>> rows = new ArrayList<>();

	TextTable(List<String> titles) {
		this.rows.add(titles.stream().map(TextTable::printable).toList());
	}

	void row(@Nullable Object... cells) {
		this.rows.add(Arrays.stream(cells)
			.map((cell) -> (cell == null || cell.toString().isEmpty()) ? ABSENT : printable(cell.toString()))
			.toList());
	}

	static String printable(String text) {
		return CONTROL.matcher(text).replaceAll("?");
	}

	@Override
	public String toString() {
		int columns = this.rows.get(0).size();
		StringBuilder[] lines = new StringBuilder[this.rows.size()];
		Arrays.setAll(lines, (row) -> new StringBuilder());
		for (int column = 0; column < columns; column++) {
			int at = column;
			int width = this.rows.stream().mapToInt((row) -> width(row.get(at))).max().orElse(0);
			boolean numbers = isNumeric(this.rows.stream().skip(1).map((row) -> row.get(at)).toList());
			for (int row = 0; row < lines.length; row++) {
				String cell = this.rows.get(row).get(column);
				String padding = " ".repeat(width - width(cell));
				lines[row].append((column > 0) ? "  " : "").append(numbers ? padding + cell : cell + padding);
			}
		}
		StringBuilder text = new StringBuilder();
		for (StringBuilder line : lines) {
			text.append(line.toString().stripTrailing()).append('\n');
		}
		return text.toString();
	}

	private static boolean isNumeric(List<String> cells) {
		List<String> known = cells.stream().filter((cell) -> !cell.equals(ABSENT)).toList();
		return !known.isEmpty() && known.stream().allMatch((cell) -> NUMBER.matcher(cell).matches());
	}

	private static int width(String cell) {
		return cell.codePointCount(0, cell.length());
	}

}
