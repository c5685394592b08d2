package dev.iothreads.machine;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;

import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

class NaturalOrderTests {

	@Test
	void numbersAreOrderedByTheirValue() {
		assertThat(sorted("io10", "io2", "io1", "io02", "io1a", "io", "disk3", "io99999999999999999999999", "io2b10",
				"io2b9"))
			.containsExactly("disk3", "io", "io1", "io1a", "io02", "io2", "io2b9", "io2b10", "io10",
					"io99999999999999999999999");
	}

	@Test
	void pathsAreOrderedByTheIdsInThem() {
		assertThat(sorted("/machine/peripheral/blk10/virtio-backend", "/machine/peripheral/blk9/virtio-backend",
				"/machine/peripheral-anon/device[11]", "/machine/peripheral-anon/device[2]"))
			.containsExactly("/machine/peripheral-anon/device[2]", "/machine/peripheral-anon/device[11]",
					"/machine/peripheral/blk9/virtio-backend", "/machine/peripheral/blk10/virtio-backend");
	}

	// A sort of these throws or differs where the order is not one.
	@RepeatedTest(20)
	void anyOrderOfAnyIdsBecomesTheSame() {
		Random random = new Random();
		List<String> ids = new ArrayList<>();
		for (int i = 0; i < 200; i++) {
			StringBuilder id = new StringBuilder();
			for (int length = random.nextInt(6); length >= 0; length--) {
				id.append("ab01290".charAt(random.nextInt(7)));
			}
			ids.add(id.toString());
		}
		List<String> expected = ids.stream().sorted(NaturalOrder.OF_IDS).toList();
		Collections.shuffle(ids, random);
		assertThat(ids.stream().sorted(NaturalOrder.OF_IDS).toList()).isEqualTo(expected);
	}

	private static List<String> sorted(String... ids) {
		return List.of(ids).stream().sorted(NaturalOrder.OF_IDS).toList();
	}

}
