package dev.iothreads.machine;

import java.util.Comparator;
import java.util.List;

/**
 * Orders ids as a person counts: {@code io2} before {@code io10}.
 */
public final class NaturalOrder {

	/** The order of ids, and of paths that contain ids. */
	public static final Comparator<String> OF_IDS = NaturalOrder::compare;

	private NaturalOrder() {
	}

	// Most lists are in order already: they are those of another snapshot.
	static <T> List<T> sorted(List<T> list, Comparator<? super T> order) {
		for (int i = 1; i < list.size(); i++) {
			if (order.compare(list.get(i - 1), list.get(i)) > 0) {
				return list.stream().sorted(order).toList();
			}
		}
		return List.copyOf(list);
	}

	private static int compare(String one, String other) {
		int i = 0;
		int j = 0;
		while (i < one.length() && j < other.length()) {
			int order;
			if (isDigit(one, i) && isDigit(other, j)) {
				int from = withoutZeros(one, i);
				int otherFrom = withoutZeros(other, j);
				i = endOfNumber(one, from);
				j = endOfNumber(other, otherFrom);
				order = Integer.compare(i - from, j - otherFrom);
				for (int k = 0; order == 0 && from + k < i; k++) {
					order = Character.compare(one.charAt(from + k), other.charAt(otherFrom + k));
				}
			}
			else {
				order = Character.compare(one.charAt(i++), other.charAt(j++));
			}
			if (order != 0) {
				return order;
			}
		}
		int rest = Integer.compare(one.length() - i, other.length() - j);
		return (rest != 0) ? rest : one.compareTo(other);
	}

	private static int withoutZeros(String text, int from) {
		int at = from;
		while (at + 1 < text.length() && text.charAt(at) == '0' && isDigit(text, at + 1)) {
			at++;
		}
		return at;
	}

	private static int endOfNumber(String text, int from) {
		int at = from;
		while (at < text.length() && isDigit(text, at)) {
			at++;
		}
		return at;
	}

	private static boolean isDigit(String text, int at) {
		return text.charAt(at) >= '0' && text.charAt(at) <= '9';
	}

}
