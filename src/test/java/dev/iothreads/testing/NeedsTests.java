package dev.iothreads.testing;

import java.util.List;
import java.util.Map;

import org.junit.jupiter.api.Test;
import org.opentest4j.AssertionFailedError;
import org.opentest4j.TestAbortedException;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

class NeedsTests {

	@Test
	void aProgramIsFoundOnThePath() {
		assertThat(Needs.program("sh", "dash")).isExecutable().hasFileName("sh");
	}

	@Test
	void aMissingProgramSkipsTheTestAndNamesThePackage() {
		assertThatExceptionOfType(TestAbortedException.class)
			.isThrownBy(() -> Needs.program("chromium", "chromium", new Environment(Map.of("PATH", "/nowhere"))))
			.withMessage("no chromium found: apt-get install chromium");
	}

	@Test
	void aMissingProgramFailsTheTestInContinuousIntegration() {
		assertThatExceptionOfType(AssertionFailedError.class)
			.isThrownBy(() -> Needs.program("promtool", "prometheus",
					new Environment(Map.of("PATH", "/nowhere", "CI", "true"))))
			.withMessage("no promtool found: apt-get install prometheus");
	}

	@Test
	void aMissingGuestSkipsTheTestAndSaysHowToMakeOne() {
		assertThatExceptionOfType(TestAbortedException.class)
			.isThrownBy(() -> Needs.guestImage(new Environment(Map.of("GUEST_IMAGE", "/nowhere"))))
			.withMessage("no Linux guest found: apt-get install cpio kmod, then .ci/make-guest /nowhere");
	}

	@Test
	void aMissingPermissionSkipsTheTestAndFailsItInContinuousIntegration() {
		Needs.permission(true, "no root", new Environment(Map.of("CI", "true")));
		assertThatExceptionOfType(TestAbortedException.class)
			.isThrownBy(() -> Needs.permission(false, "no root", new Environment(Map.of())))
			.withMessage("no root");
		assertThatExceptionOfType(AssertionFailedError.class)
			.isThrownBy(() -> Needs.permission(false, "no root", new Environment(Map.of("CI", "true"))));
	}

	@Test
	void aMissingClientSkipsTheTestAndSaysHowToInstallIt() {
		assertThatExceptionOfType(TestAbortedException.class)
			.isThrownBy(() -> Needs.clientModules(new Environment(Map.of("XDG_CACHE_HOME", "/nowhere"))))
			.withMessage("no openapi-typescript found: apt-get install nodejs npm, then .ci/install-client "
					+ "/nowhere/iothread-inventory/client");
		assertThatExceptionOfType(AssertionFailedError.class)
			.isThrownBy(() -> Needs.clientModules(new Environment(Map.of("XDG_CACHE_HOME", "/nowhere", "CI", "true"))));
	}

	@Test
	void noQemuSkipsTheTestAndNamesThePackage() {
		assertThatExceptionOfType(TestAbortedException.class)
			.isThrownBy(() -> Needs.qemus(List.of(), new Environment(Map.of())))
			.withMessageStartingWith("no QEMU found: apt-get install qemu-system-x86");
		assertThatExceptionOfType(AssertionFailedError.class)
			.isThrownBy(() -> Needs.qemus(List.of(), new Environment(Map.of("CI", "true"))));
	}

}
