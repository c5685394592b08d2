package dev.iothreads.machine;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.assertThat;

class QemuVersionTests {

	@ParameterizedTest
	@CsvSource({ "7.2.22, 10, false", "10.0.13, 10, true", "10.2.1, 11, false", "11.1.3, 10, true", "100.0.0, 11, true",
			"unknown, 1, false", "7, 7, false" })
	void theMajorVersionDecides(String version, int major, boolean isAtLeast) {
		assertThat(QemuVersion.isAtLeast(version, major)).isEqualTo(isAtLeast);
	}

}
