package dev.iothreads.testing;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

class QemuBinaryTests {

	@TempDir
	Path directory;

	@Test
	void theVersionIsWhatTheBinaryTells() throws IOException {
		QemuBinary binary = QemuBinary
			.at(program("qemu", "QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b1)"));
		assertThat(binary.version()).isEqualTo("7.2.22");
		assertThat(binary.major()).isEqualTo(7);
		assertThat(binary.minor()).isEqualTo(2);
		assertThat(binary).hasToString("QEMU 7.2.22");
	}

	@Test
	void versionsCompareAsNumbers() {
		QemuBinary binary = new QemuBinary(this.directory, "10.1.0");
		assertThat(binary.isAtLeast(9, 2)).isTrue();
		assertThat(binary.isAtLeast(10, 1)).isTrue();
		assertThat(binary.isAtLeast(10, 2)).isFalse();
		assertThat(binary.isAtLeast(11, 0)).isFalse();
	}

	@Test
	void aProgramThatIsNoQemuIsRefused() throws IOException {
		Path program = program("other", "other version 1.2.3");
		assertThatIllegalStateException().isThrownBy(() -> QemuBinary.at(program))
			.withMessage(program + " --version does not answer like a QEMU: other version 1.2.3");
	}

	@Test
	void theOneOnThePathComesFirstAndEachVersionOnce() throws IOException {
		Path onPath = program("qemu-system-x86_64", "QEMU emulator version 7.2.22");
		Path same = program("same", "QEMU emulator version 7.2.22 (another build)");
		Path newer = program("newer", "QEMU emulator version 11.1.3");
		Environment environment = new Environment(
				Map.of("PATH", "/nowhere:" + this.directory, "QEMU_BINARIES", same + ":" + newer));
		assertThat(QemuBinary.in(environment)).extracting(QemuBinary::path).containsExactly(onPath, newer);
	}

	@Test
	void anEnvironmentWithoutQemuHasNone() {
		assertThat(QemuBinary.in(new Environment(Map.of("PATH", this.directory.toString())))).isEqualTo(List.of());
	}

	@Test
	void aNamedBinaryThatIsNotThereIsNotPassedOver() {
		Path absent = this.directory.resolve("absent");
		Environment environment = new Environment(Map.of("QEMU_BINARIES", absent.toString()));
		assertThatIllegalStateException().isThrownBy(() -> QemuBinary.in(environment))
			.withMessageContaining("QEMU_BINARIES names " + absent);
	}

	private Path program(String name, String answer) throws IOException {
		Path program = this.directory.resolve(name);
		Files.createFile(program, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
		return Files.writeString(program, "#!/bin/sh\n[ \"$1\" = --version ] && echo '" + answer + "'\n");
	}

}
